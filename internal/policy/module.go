// Package policy judges requests and template files by Rego policies.
//
// It is the only package that knows Open Policy Agent. Modules are written in Rego v1 or v0, in a package marketplace.*;
// their deny, violation, warn and allow rules become findings in plain words, and data.marketplace.risk and
// data.marketplace.approvals say how risky a request is and who must approve it. Policies reach nothing outside their
// input: no network, no environment, no clock, no randomness, and bounded time. A policy that fails counts against the
// request, never for it.
package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/policies"
)

// maxSource bounds the source of a module, in bytes.
const maxSource = 64 << 10

// Origin says where a module comes from.
type Origin string

// The origins.
const (
	Standard Origin = "standard" // the library inside the program
	Custom   Origin = "custom"   // put by an administrator
	Local    Origin = "local"    // a file given to souk check
)

// Syntax is the version of Rego that a module is written in.
type Syntax string

// The versions of Rego. V0 is the one before OPA 1.0, without the keywords if and contains.
const (
	V1 Syntax = "v1"
	V0 Syntax = "v0"
)

// Module is one Rego file. Name is its package, such as marketplace.policy, and names the policy.
type Module struct {
	Name   string `json:"name" doc:"Package of the module, such as marketplace.policy"`
	Source string `json:"source"`
	File   string `json:"file,omitempty" doc:"File that it was read from"`
	Origin Origin `json:"origin" enum:"standard,custom,local"`
	Owner  string `json:"owner,omitempty" doc:"E-mail address of whom to ask about it"`
	Syntax Syntax `json:"syntax" enum:"v0,v1" doc:"Version of Rego that it is written in"`

	parsed *ast.Module
	survey *survey
	term   *term // of its exceptions; nil: it has none
}

var packageName = regexp.MustCompile(`^marketplace(\.[A-Za-z_][A-Za-z0-9_]*)+$`)

// Read parses a module, as Rego v1 or else as v0, and names it by its package. What is wrong is a fault with the line, as is what
// conftest would fail at.
func Read(file, source string) (Module, error) {
	m, err := read(file, source)
	if err != nil {
		return Module{}, err
	}
	if err := spokenFunction(m.parsed); err != nil {
		return Module{}, unusable(file, err)
	}
	return m, nil
}

// read is Read for what is in use already.
func read(file, source string) (Module, error) {
	m := Module{Source: source, File: file, Origin: Local, Syntax: V1}
	if len(source) > maxSource {
		return Module{}, fault.New(fault.TooLarge, "policy_too_large", "the policy has %d bytes; at most %d are allowed", len(source), maxSource).
			At("source").Fix("split it into several packages")
	}
	if strings.ToValidUTF8(source, "") != source || strings.ContainsRune(source, 0) {
		return Module{}, fault.New(fault.Invalid, "invalid_text", "the policy is not valid UTF-8 text").At("source").Fix("save the file as UTF-8")
	}
	version := ast.RegoV1
	tree, err := parse("", source, version)
	if err != nil {
		version, m.Syntax = ast.RegoV0, V0
		var err0 error
		if tree, err0 = parse("", source, version); err0 != nil {
			// The parser that came further is the one that the author had in mind.
			if line(err0) > line(err) {
				err = err0
			}
			return Module{}, unusable(file, err)
		}
	}
	if tree == nil {
		return Module{}, fault.New(fault.Unprocessable, "bad_policy", "the policy is empty").At("source").
			Fix("begin with a package, such as: package marketplace.policy")
	}
	if m.Name, err = nameOf(tree.Package); err != nil {
		return Module{}, err
	}
	if err := deaf(tree); err != nil {
		return Module{}, unusable(file, err)
	}
	m.survey, m.term = surveyOf(tree), termOf(source, version, tree.Rules)
	// Once more, with the name in each location, by which errors of the compiler find their module.
	if m.parsed, err = parse(m.Name, source, version); err != nil {
		return Module{}, unusable(file, err)
	}
	return m, nil
}

func parse(name, source string, version ast.RegoVersion) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(name, source, ast.ParserOptions{RegoVersion: version, Capabilities: capabilities()})
}

func nameOf(pkg *ast.Package) (string, error) {
	var parts []string
	for _, term := range pkg.Path[1:] {
		text, _ := term.Value.(ast.String)
		parts = append(parts, string(text))
	}
	name := strings.Join(parts, ".")
	if !packageName.MatchString(name) || len(name) > 200 {
		return "", fault.New(fault.Unprocessable, "policy_package", "the package must be marketplace.<name>, is %s", name).
			At("source").Fix("begin the file with a package such as: package marketplace.policy")
	}
	return name, nil
}

// unusable makes the fault for a module that does not parse or compile.
func unusable(file string, err error) error {
	f := fault.New(fault.Unprocessable, "bad_policy", "the policy cannot be used: %v", err).At("source").
		Fix("fix the Rego, and try it with: souk check --policy DIR")
	all, ok := errors.AsType[ast.Errors](err)
	if !ok || len(all) == 0 {
		return f
	}
	f.Message = fmt.Sprintf("the policy cannot be used: line %d: %s", line(err), plain(all[0]))
	for _, e := range all[:min(len(all), 10)] {
		at := file
		if e.Location != nil {
			at = fmt.Sprintf("%s:%d", file, e.Location.Row)
		}
		f = f.With(fault.Finding{
			Severity: fault.SeverityError, Field: "source", File: strings.TrimPrefix(at, ":"), Code: "bad_policy",
			Message: plain(e), Remediation: "fix the Rego at this line",
		})
	}
	return f
}

// conftestOnly are functions that conftest adds to those of Rego.
var conftestOnly = []string{"parse_config", "parse_config_file", "parse_combined_config_files"}

// plain tells an error of the compiler. What the sandbox leaves out is told as such: the compiler only finds it undefined.
func plain(e *ast.Error) string {
	if name, ok := strings.CutPrefix(e.Message, "undefined function "); ok {
		if _, known := ast.BuiltinMap[name]; known || slices.Contains(conftestOnly, name) {
			return name + " is not available to policies, though conftest has it: they see nothing but their input, and judge the same input alike at any time"
		}
	}
	return clean(e.Message, 300)
}

func line(err error) int {
	if all, ok := errors.AsType[ast.Errors](err); ok && len(all) > 0 && all[0].Location != nil {
		return all[0].Location.Row
	}
	return 0
}

// capabilities is what policies may call: an allow-list, so that a newer OPA opens nothing by itself. Left out are the
// network (http.send, net.lookup_ip_addr, remote schemas), the environment (opa.runtime), what gives another answer
// another time (time.now_ns, rand, uuid.rfc4122, tokens that expire), what builds large values from small ones
// (bits.lsh, yaml, templates, CIDR expansion, all paths of a graph), and cryptography that a verdict has no use for.
var capabilities = sync.OnceValue(func() *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion()
	all.Builtins = slices.DeleteFunc(all.Builtins, func(b *ast.Builtin) bool { return !slices.Contains(allowed, b.Name) })
	all.AllowNet = []string{}
	return all
})

var allowed = strings.Fields(`
	assign eq equal neq lt lte gt gte and or plus minus mul div rem abs ceil floor round internal.member_2 internal.member_3
	internal.print print all any count max min product sort sum
	array.concat array.flatten array.reverse array.slice intersection union set_diff
	object.filter object.get object.keys object.remove object.subset object.union object.union_n
	json.filter json.is_valid json.marshal json.patch json.remove json.unmarshal
	cast_array cast_boolean cast_null cast_object cast_set cast_string to_number type_name
	is_array is_boolean is_null is_number is_object is_set is_string
	concat contains endswith format_int indexof indexof_n internal.template_string lower replace split sprintf startswith
	strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n strings.reverse strings.split_n
	substring trim trim_left trim_prefix trim_right trim_space trim_suffix upper
	re_match regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match regex.replace regex.split
	glob.match glob.quote_meta graph.reachable numbers.range numbers.range_step semver.compare
	semver.is_valid units.parse units.parse_bytes walk bits.and bits.or bits.xor bits.negate bits.rsh
	base64.decode base64.encode base64.is_valid base64url.decode base64url.encode base64url.encode_no_pad
	hex.decode hex.encode urlquery.decode urlquery.decode_object urlquery.encode urlquery.encode_object uri.is_valid uri.parse
	crypto.sha256 net.cidr_contains net.cidr_is_valid
	time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns
	time.weekday rego.metadata.chain rego.metadata.rule`)

// StandardLibrary gives the policies inside the program, in the order of their names.
var StandardLibrary = sync.OnceValues(func() ([]Module, error) {
	modules, err := ReadAll(policies.Files)
	if err != nil {
		return nil, fmt.Errorf("read standard policies: %w", err)
	}
	for i := range modules {
		modules[i].Origin = Standard
	}
	return modules, nil
})

// ReadAll reads every *.rego below the top of files, save tests (*_test.rego), in the order of their names.
func ReadAll(files fs.FS) ([]Module, error) {
	var modules []Module
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, "_test.rego") {
			return err
		}
		source, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		m, err := Read(path, string(source))
		if err != nil {
			return err
		}
		modules = append(modules, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	return modules, nil
}
