// Package bench compares Souk with its peers and with what the machine gives at most, all in one run.
//
// It is a module of its own, so that the peers are no dependency of Souk. `make bench` runs it and writes docs/benchmarks.md.
package bench
