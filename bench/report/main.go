// Command report makes docs/benchmarks.md of the output of `go test -bench`, which it reads from standard input. Its arguments are
// the page as it was, a file with notes that ends the page, and facts about the run, as NAME=VALUE. Sections of which nothing was
// measured stay as they were, and so do the facts unless all was measured. See scripts/bench.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results holds every value of every benchmark: by its name without the number of processors, then by unit.
type results map[string]map[string][]float64

var processors = regexp.MustCompile(`-\d+$`)

func read(r io.Reader) (results, error) {
	all := results{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all[name][fields[i+1]] = append(all[name][fields[i+1]], value)
		}
	}
	return all, lines.Err()
}

// get gives the median of what a benchmark measured in all its runs.
func (r results) get(name, unit string) float64 {
	values := slices.Sorted(slices.Values(r[name][unit]))
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

// number writes a value with three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// met says in words whether a goal is reached.
func met(ok bool) string {
	if ok {
		return "met"
	}
	return "**missed**"
}

type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) table(header string, rows func()) {
	p.line("")
	p.line("| %s |", header)
	columns := strings.Count(header, "|")
	p.line("|---|%s", strings.Repeat("---:|", columns))
	rows()
	p.line("")
}

// sections are the tables of the page, each with the beginning of the names of its benchmarks.
var sections = []struct {
	heading, benchmarks string
	write               func(p *page, all results)
}{
	{"Evaluation in process", "Souk/", evaluation},
	{"Over the network", "OFREP/", network},
	{"A kill reaches every stream", "Propagation/", propagation},
	{"A kill beside all that keeps the database busy", "Kills/", kills},
	{"PostgreSQL is stopped for a minute", "Outage", outage},
	{"A hundred requests are settled", "SettleAHundred/", settling},
	{"Pages stay flat", "Pages/", flat},
}

// measured reports whether a benchmark whose name begins so was run.
func (r results) measured(beginning string) bool {
	for name := range r {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}

// section is a part of a page: from its heading, or for an empty one from the table of facts, to the next heading.
func section(text, heading string) string {
	begin := "\n## " + heading + "\n"
	if heading == "" {
		begin = "\n| this run"
	}
	_, rest, found := strings.Cut(text, begin)
	if !found {
		return ""
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return strings.TrimPrefix(begin, "\n") + strings.TrimRight(body, "\n") + "\n"
}

func main() {
	if err := write(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(before, notes string, facts []string) error {
	all, err := read(os.Stdin)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(before)
	if err != nil {
		return fmt.Errorf("read the page as it was: %w", err)
	}
	end, err := os.ReadFile(notes)
	if err != nil {
		return fmt.Errorf("read the notes: %w", err)
	}
	var p page
	p.line("# Benchmarks")
	p.line("")
	p.line("Written by `make bench`, which anybody can run in a quarter of an hour; do not edit. Timings depend on the machine: what counts is the ratio to what was measured beside it in the same run.")
	whole := true
	for _, s := range sections {
		whole = whole && all.measured(s.benchmarks)
	}
	if whole {
		p.table("this run | value", func() {
			for _, fact := range facts {
				name, value, _ := strings.Cut(fact, "=")
				p.line("| %s | %s |", name, value)
			}
		})
	} else {
		p.line("\n%s", section(string(old), ""))
	}
	for _, s := range sections {
		if all.measured(s.benchmarks) {
			p.line("## %s\n", s.heading)
			s.write(&p, all)
		} else {
			p.line("%s", section(string(old), s.heading))
		}
	}
	p.Write(end)
	_, err = fmt.Print(p.String())
	return err
}

func evaluation(p *page, all results) {
	p.line("The peer is LaunchDarkly's evaluator of its Go SDK, on the same rules. Goal: six times as fast, and no allocation. *Bound* is a context that is bound once for many evaluations; *anew* takes it from a map for each.")
	p.table("flag | Souk, bound | allocations | Souk, anew | peer | peer ÷ Souk | goal of 6 ", func() {
		for _, row := range [][2]string{
			{"static", "static boolean"},
			{"ends_with", "one rule, `ends_with` on an e-mail"},
			{"rules", "five rules of three clauses, the last matches"},
			{"split", "50/30/20 split by targetingKey"},
		} {
			souk, peer := all.get("Souk/"+row[0], "ns/op"), all.get("Peer/"+row[0], "ns/op")
			p.line("| %s | %s ns | %.0f | %s ns | %s ns | %.1f | %s |", row[1], number(souk), all.get("Souk/"+row[0], "allocs/op"),
				number(all.get("SoukBinding/"+row[0], "ns/op")), number(peer), peer/souk, met(peer/souk >= 6))
		}
	})
	look := all.get("Floor/map_look-up", "ns/op")
	p.line("All 500 flags of a bulk: %s µs. The floor on this machine: a map look-up %s ns, the hash of a key %s ns, four attributes of a map %s ns.",
		number(all.get("SoukBulk", "ns/op")/1000), number(look), number(all.get("Floor/murmur3", "ns/op")), number(all.get("Floor/four_attributes", "ns/op")))
	p.line("")
}

func network(p *page, all results) {
	p.line("OFREP over 32 connections, asked from one thread, with an SDK key, against `bin/souk` in a process of its own. The floor is a handler of net/http that reads the same request and writes five bytes.")
	floor := all.get("OFREP/floor", "ns/op")
	p.table("request | per second | share of the floor | goal | ", func() {
		p.line("| floor | %.0f | 1 | | |", 1e9/floor)
		for _, row := range []struct {
			name, words string
			goal        float64
		}{{"single", "one flag", 0.88}, {"bulk", "all 500 flags", 0.25}, {"unchanged", "all 500 flags, unchanged (304)", 0.8}} {
			ns := all.get("OFREP/"+row.name, "ns/op")
			p.line("| %s | %.0f | %.2f | %.2f | %s |", row.words, 1e9/ns, floor/ns, row.goal, met(floor/ns >= row.goal))
		}
	})
}

func propagation(p *page, all results) {
	p.line("flagd's sync over one connection a stream, 500 flags, windows of 64 kB. Measured from when the kill is asked for, so that its commit is part of it; memory is that of the server: when idle, with all streams open, and after the kills.")
	p.table("streams | half | 99 % | last | goal | | memory idle | open | after", func() {
		for _, row := range []struct {
			name, words string
			goal        float64
		}{
			{"gzip/1", "1, gzip", 20},
			{"gzip/1000", "1,000, gzip", 100},
			{"gzip/10000", "10,000, gzip", 600},
			{"identity/1", "1, plain", 20},
			{"identity/1000", "1,000, plain", 400},
			{"identity/10000", "10,000, plain", 3500},
		} {
			name := "Propagation/" + row.name
			last := all.get(name, "last-ms")
			p.line("| %s | %s ms | %s ms | %s ms | %.0f ms | %s | %.0f MB | %.0f MB | %.0f MB |", row.words, number(all.get(name, "p50-ms")),
				number(all.get(name, "p99-ms")), number(last), row.goal, met(last < row.goal), all.get(name, "idle-MB"), all.get(name, "open-MB"), all.get(name, "after-MB"))
		}
	})
}

// kills writes how long kills take beside loads: served within 300 ms in 99 of 100 cases and never over a second, committed in two.
func kills(p *page, all results) {
	p.line("Kills one after the other, asked for over the API in process, while the load is repeated. *Served* is until an SDK's evaluation over OFREP is that of the killed flag, *committed* until it is in the database; *early* are those that were served before. Goals: served within 300 ms in 99 %% and never over a second, committed within 2 s in 99 %%. A round is the load once.")
	p.table("engine, beside | served half | 99 % | last | goal | committed 99 % | goal | early | a round", func() {
		for _, engine := range [][2]string{{"sqlite", "SQLite"}, {"postgres", "PostgreSQL"}} {
			for _, load := range []string{
				"nothing", "50 parallel submits", "an import of 5,000 flags", "a panic over 5,000 flags", "ten stalled backups", "2,000 usage flushes",
			} {
				name := "Kills/" + engine[0] + "/" + strings.ReplaceAll(load, " ", "_")
				if !all.measured(name) {
					continue
				}
				get := func(unit string) float64 { return all.get(name, unit) }
				round := ""
				if took := get("round-s"); took > 0 {
					round = number(took) + " s"
				}
				p.line("| %s, %s | %s ms | %s ms | %s ms | %s | %s ms | %s | %.0f | %s |", engine[1], load, number(get("served-p50-ms")), number(get("served-p99-ms")),
					number(get("served-max-ms")), met(get("served-p99-ms") <= 300 && get("served-max-ms") <= 1000), number(get("committed-p99-ms")),
					met(get("committed-p99-ms") <= 2000), get("early"), round)
			}
		}
	})
}

func outage(p *page, all results) {
	p.line("Two replicas on one PostgreSQL, each evaluated 1,000 times a second over OFREP while the server of the database is stopped and started again. Then a kill at the one: how long after the start it is taken, and how long after that both serve it.")
	get := func(unit string) float64 { return all.get("Outage", unit) }
	p.table("evaluations | failed | goal | | kill taken after | both serve it after | goal | ", func() {
		p.line("| %.0f | %.0f | 0 | %s | %.0f ms | %.0f ms | 3000 ms | %s |", get("evaluations"), get("failed"), met(get("evaluations") > 0 && get("failed") == 0),
			get("taken-ms"), get("agree-ms"), met(get("agree-ms") < 3000))
	})
}

func settling(p *page, all results) {
	p.line("The facts under a hundred requests with all their approvals changed: each is judged anew under the policies that Souk brings along, and carried out.")
	p.table("engine | took | goal | ", func() {
		for _, engine := range [][2]string{{"sqlite", "SQLite"}, {"postgres", "PostgreSQL"}} {
			if name := "SettleAHundred/" + engine[0]; all.measured(name) {
				took := all.get(name, "ns/op") / 1e6
				p.line("| %s | %.0f ms | 2000 ms | %s |", engine[1], took, met(took <= 2000))
			}
		}
	})
}

func flat(p *page, all results) {
	p.line("One page of the API (100 rows; 30 of apps), asked for in process, with its JSON, on SQLite. *Small* is 1,000 app switches, 100 apps and 10,000 audit events; *large* is a hundred times as much.")
	const small = "Pages/small/"
	var names []string
	for name := range all {
		if rest, ok := strings.CutPrefix(name, small); ok {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	p.table("page | small | large | ratio", func() {
		for _, name := range names {
			a, b := all.get(small+name, "ns/op"), all.get("Pages/large/"+name, "ns/op")
			p.line("| %s | %s ms | %s ms | %.1f |", strings.ReplaceAll(name, "_", " "), number(a/1e6), number(b/1e6), b/a)
		}
	})
	p.line("Where a list of the small installation has fewer rows than a page holds, the ratio compares pages of different lengths: *of one app* and *killed in production* are 1 and 10 rows against 100.")
	p.line("")
}
