// Package policies holds the standard policy library: the Rego modules that every installation begins with, and their tests.
package policies

import "embed"

// Files are the modules (*.rego) and their tests (*_test.rego).
//
//go:embed *.rego
var Files embed.FS

// OffAtFirst names the packages that ship switched off: rules that only some companies want.
var OffAtFirst = []string{"marketplace.decision.require_own_credential"}
