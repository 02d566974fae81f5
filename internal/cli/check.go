package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest" // only MapFS: a file system in memory
	"time"

	"github.com/spf13/cobra"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/template"
	"github.com/soukhq/souk/templates"
)

// maxChecked bounds a file to check, in bytes.
const maxChecked = 16 << 20

// checked is what a check found in one file.
type checked struct {
	File     string          `json:"file"`
	Kind     string          `json:"kind" doc:"template, policy, lifecycle, event, request, flags or documents"`
	OK       bool            `json:"ok"`
	Findings []fault.Finding `json:"findings"`
}

// bench is what files are checked against: what other files of the same command say, before what comes with the program.
type bench struct {
	modules   []policy.Module // those of the program, those of --policy and those among the files
	policies  *policy.Set     // of them
	fields    []string        // names of the fields of all templates
	templates map[string]template.Document
	rules     lifecycle.Rules
}

func (p *program) checkCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "check FILE…", Short: "Check templates, policies, requests and other files, offline", Args: cobra.MinimumNArgs(1),
		Long: `Check files against their schema and the policies; nothing is contacted. What a file is, is seen from its content:
a template, a policy (*.rego), a lifecycle policy, an audit event, a request, flags as flagd has them, or documents for souk apply.

A request is checked with the standard policies, those of --policy and those given beside it, and with templates given beside it or the
starters.`,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			results, err := checkFiles(cmd.Context(), args, dir)
			if err != nil {
				return err
			}
			if err := p.writeChecked(results); err != nil {
				return err
			}
			if slices.ContainsFunc(results, func(c checked) bool { return !c.OK }) {
				return errFindings
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&dir, "policy", "", "directory with further policies (*.rego) to judge by")
	p.outputFlag(cmd, "sarif", "github")
	return cmd
}

type source struct {
	name, kind string
	raw        []byte
	converted  bool // raw is not the text of the file, whose lines are not known
}

func checkFiles(ctx context.Context, names []string, dir string) ([]checked, error) {
	var sources []source
	for _, name := range names {
		raw, err := readChecked(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, sourceOf(name, raw))
	}
	b, err := newBench(dir, sources)
	if err != nil {
		return nil, err
	}
	var results []checked
	for _, s := range sources {
		findings, err := b.check(ctx, s)
		if err != nil {
			return nil, err
		}
		result := checked{File: s.name, Kind: s.kind, OK: true, Findings: []fault.Finding{}}
		for _, f := range findings {
			f.File = placed(f.File, s)
			if line := lineOf(s.raw, f.Field); !strings.Contains(f.File, ":") && line > 0 && !s.converted {
				f.File = fmt.Sprintf("%s:%d", f.File, line)
			}
			result.OK = result.OK && f.Severity != fault.SeverityError
			result.Findings = append(result.Findings, f)
		}
		results = append(results, result)
	}
	return results, nil
}

// placed gives a finding the name of the file as it was given, and keeps a line that the finding knows.
func placed(file string, s source) string {
	if _, line, ok := strings.Cut(file, ":"); ok && strings.HasPrefix(file, filepath.Base(s.name)) {
		return s.name + ":" + line
	}
	if file == "" || file == filepath.Base(s.name) {
		return s.name
	}
	return file
}

func readChecked(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxChecked {
		return nil, fault.New(fault.TooLarge, "file_too_large", "%s is larger than %d MB", name, maxChecked>>20).Fix("check smaller files")
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot_read", "%s cannot be read", name).Fix("check its name and who may read it").Because(err)
	}
	return raw, nil
}

// The kinds of files.
const (
	aTemplate  = "template"
	aPolicy    = "policy"
	aLifecycle = "lifecycle"
	anEvent    = "event"
	aRequest   = "request"
	flagSet    = "flags"
	documents  = "documents"
)

// sourceOf sees what a file is. Flags in YAML are checked as the JSON that an import makes of them.
func sourceOf(name string, raw []byte) source {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	s := source{name: name, kind: kindOf(name, raw), raw: raw}
	if ext := filepath.Ext(name); s.kind == documents && (ext == ".yaml" || ext == ".yml") {
		if text, err := importer.FromYAML(raw); err == nil && kindOf(name, []byte(text)) == flagSet {
			s.kind, s.raw, s.converted = flagSet, []byte(text), true
		}
	}
	return s
}

// kindOf sees from its content what a file is. What is nothing that is known is taken for documents, whose reader says so.
func kindOf(name string, raw []byte) string {
	if filepath.Ext(name) == ".rego" {
		return aPolicy
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil {
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("package ")) {
			return aPolicy
		}
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && bytes.Contains(raw, []byte(`"templateId"`)) {
			return aTemplate // one that does not parse: its reader says where
		}
		return documents
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { _, ok := top[n]; return !ok })
	}
	switch {
	case has("apiVersion"):
		return documents
	case has("templateId"), has("fields", "requiredChecks"):
		return aTemplate
	case has("flags"):
		return flagSet
	case has("lifecycle"):
		return aLifecycle
	case has("event", "actor"), has("event", "timestamp"):
		return anEvent
	case has("template_id"), has("app"), has("fields"), has("flag_key"):
		return aRequest
	}
	return documents
}

// judges reads the policies that files are judged by: the standard ones, those in dir, and those among the files. What is wrong with one
// of the last is said where it is checked itself.
func judges(dir string, sources []source) ([]policy.Module, *policy.Set, error) {
	modules, err := policy.StandardLibrary()
	if err != nil {
		return nil, nil, fmt.Errorf("read standard policies: %w", err)
	}
	var given []policy.Module
	for _, s := range sources {
		if s.kind != aPolicy || strings.HasSuffix(s.name, "_test.rego") {
			continue
		}
		if m, err := policy.Read(s.name, string(s.raw)); err == nil {
			given = append(given, m)
		}
	}
	if dir != "" {
		files, err := filepath.Glob(filepath.Join(dir, "*.rego"))
		if err != nil || len(files) == 0 {
			return nil, nil, fault.New(fault.Invalid, "no_policies", "%s holds no *.rego", dir).Fix("name a directory with policies")
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.rego") {
				continue
			}
			raw, err := readChecked(file)
			if err != nil {
				return nil, nil, err
			}
			m, err := policy.Read(file, string(raw))
			if err != nil {
				return nil, nil, err
			}
			if !slices.ContainsFunc(given, func(g policy.Module) bool { return g.Name == m.Name }) {
				modules = append(modules, m)
			}
		}
	}
	all := append(slices.Clip(modules), given...)
	set, err := policy.Compile(all)
	if err != nil && len(given) > 0 {
		set, err = policy.Compile(modules)
	}
	return all, set, err
}

func newBench(dir string, sources []source) (*bench, error) {
	modules, set, err := judges(dir, sources)
	if err != nil {
		return nil, err
	}
	b := &bench{
		modules: modules, policies: set, templates: map[string]template.Document{},
		rules: lifecycle.Rules{MaxActiveDays: 90, ReminderScheduleDays: []int{30, 14, 7, 1}, DeprecatedGraceDays: 7},
	}
	starters, err := fs.Glob(templates.Files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list starter templates: %w", err)
	}
	var known []source // the starters first, so that a file of the same name as one wins
	for _, name := range starters {
		raw, err := templates.Files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read starter template: %w", err)
		}
		known = append(known, source{name: name, kind: aTemplate, raw: raw})
	}
	for _, s := range append(known, sources...) {
		switch s.kind {
		case aTemplate:
			if document, _ := template.Parse(s.raw); document.TemplateID != "" {
				b.templates[document.TemplateID] = document
				b.fields = append(b.fields, document.Fields.Names()...)
			}
		case aLifecycle:
			if rules, findings := lifecycle.ParseRules(s.raw); len(findings) == 0 {
				b.rules = rules
			}
		}
	}
	return b, nil
}

// check gives the findings of one file. It errs only if ctx ends.
func (b *bench) check(ctx context.Context, s source) ([]fault.Finding, error) {
	switch s.kind {
	case aTemplate:
		return b.checkTemplate(ctx, s)
	case aPolicy:
		return b.checkPolicy(s), nil
	case aLifecycle:
		_, findings := lifecycle.ParseRules(s.raw)
		return findings, nil
	case anEvent:
		return checkEvent(s.raw), nil
	case aRequest:
		return b.checkRequest(ctx, s.raw)
	case flagSet:
		return checkFlags(s.raw), nil
	}
	read, warnings, err := apply.Load(fstest.MapFS{filepath.Base(s.name): {Data: s.raw}})
	if err == nil && len(read) == 0 {
		warnings = append(warnings, fault.Finding{
			Severity: fault.SeverityError, Code: "nothing_checked", Message: "nothing was checked: the file holds nothing that is known here",
			Remediation: "give a template, a policy, a lifecycle policy, an event, a request, flags, or documents for souk apply",
		})
	}
	return append(warnings, findingsOf(err)...), nil
}

// usualProduction is what files are taken to mean by production where no installation says which environments are.
var usualProduction = []registry.Environment{{Name: "production", Tier: registry.TierProduction}}

func (b *bench) checkTemplate(ctx context.Context, s source) ([]fault.Finding, error) {
	doc, findings := template.Parse(s.raw)
	if slices.ContainsFunc(findings, func(f fault.Finding) bool { return f.Severity == fault.SeverityError }) {
		return findings, nil
	}
	var document any
	if err := json.Unmarshal(s.raw, &document); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	findings = append(findings, rollout.Unstaged(rollout.Stages(doc, nil), usualProduction, func(string) bool { return false })...)
	judged, err := b.policies.CheckTemplate(ctx, document)
	return append(findings, judged...), err
}

// checkPolicy reads a policy, or a test of one, and compiles it among the others. The tests themselves are run elsewhere.
func (b *bench) checkPolicy(s source) []fault.Finding {
	m, err := policy.Read(s.name, string(s.raw))
	if err != nil {
		return findingsOf(err)
	}
	others := slices.DeleteFunc(slices.Clone(b.modules), func(other policy.Module) bool { return other.File == s.name })
	if _, err := policy.Compile(append(others, m)); err != nil {
		return findingsOf(err)
	}
	return policy.Lint(m, others, b.fields)
}

func (b *bench) checkRequest(ctx context.Context, raw []byte) ([]fault.Finding, error) {
	content, err := review.Parse(raw)
	if err != nil {
		return findingsOf(err), nil
	}
	facts := review.Offline(content, review.World{
		Now: time.Now(), Requester: access.Local("check"), Policies: policy.Fixed(b.policies), Rules: b.rules,
		Environments: []registry.Environment{
			{Name: "sandbox", Position: 1, Tier: registry.TierSandbox},
			{Name: "staging", Position: 2, Tier: registry.TierTest},
			{Name: "production", Position: 3, Tier: registry.TierProduction, Governed: true},
		},
	}, review.Files{
		Templates: b.templates,
		Segments:  []registry.Segment{{Name: "internal", Everybody: true}, {Name: "pilot"}, {Name: "beta"}},
	})
	assessed, err := review.Check(ctx, content, facts)
	if err != nil {
		return nil, fmt.Errorf("check request: %w", err)
	}
	var findings []fault.Finding
	for _, result := range assessed.Checks {
		for _, f := range result.Findings {
			same := func(other fault.Finding) bool { // two checks say it, in one sentence
				return other.Severity == f.Severity && other.Field == f.Field && other.Message == f.Message
			}
			if !slices.ContainsFunc(findings, same) {
				findings = append(findings, f)
			}
		}
	}
	return findings, nil
}

// findingsOf makes findings of a fault.
func findingsOf(err error) []fault.Finding {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return []fault.Finding{{Severity: fault.SeverityError, Code: "invalid", Message: err.Error()}}
	}
	if len(f.Findings) > 0 {
		return f.Findings
	}
	return []fault.Finding{{Severity: fault.SeverityError, Field: f.Field, Code: f.Code, Message: f.Message, Remediation: f.Remediation}}
}

// lineOf finds the line of a member in a JSON text, by the last name of its path: near enough to jump to; 0 if not found.
func lineOf(raw []byte, field string) int {
	if field == "" {
		return 0
	}
	at := 0
	for name := range strings.SplitSeq(field, ".") {
		if i := bytes.Index(raw[at:], []byte(`"`+name+`"`)); i >= 0 {
			at += i
		}
	}
	if at == 0 {
		return 0
	}
	return bytes.Count(raw[:at], []byte("\n")) + 1
}
