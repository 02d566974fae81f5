package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/strict"
)

// The bounds of what is read.
const (
	maxFile      = 1 << 20
	maxDocuments = 5_000
	maxFindings  = 100
)

// Load reads the documents of all files below root: *.yaml, *.yml and *.json by the kind that they name, a bare template (with
// templateId at the top), lifecycle (with lifecycle at the top) and *.rego as they stand. Hidden files and folders, tests of
// policies (*_test.rego) and other files are left out; JSON and YAML that is no document is left out with a warning.
// The error is a fault that names each mistake with file and line.
func Load(root fs.FS) (documents []Document, warnings []fault.Finding, err error) {
	l := &loader{first: map[string]string{}}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != "." && strings.HasPrefix(path.Base(name), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() || !wants(name) {
			return nil
		}
		info, err := fs.Stat(root, name) // follows links, as entry.Info does not
		if err != nil {
			return err
		}
		if info.IsDir() {
			return nil
		}
		if info.Size() > maxFile {
			l.report(name, 0, "", "too_large", fmt.Sprintf("the file has %d bytes; at most %d are taken", info.Size(), maxFile), "split it")
			return nil
		}
		raw, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		l.file(name, raw)
		return nil
	})
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "cannot_read", "the files cannot be read").Because(err).Fix("give a directory that exists and that you may read")
	}
	if err := refuse(l.findings); err != nil {
		return nil, nil, err
	}
	return l.documents, l.findings, nil
}

func wants(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	case ".rego":
		return !strings.HasSuffix(name, "_test.rego")
	}
	return false
}

// EmptyFile is the code of the finding that a file has no document. What it said before looks like something that is to go.
const EmptyFile = "empty_file"

type loader struct {
	documents []Document
	findings  []fault.Finding
	first     map[string]string // kind and name → where the document stands
}

func (l *loader) add(severity fault.Severity, file string, line int, field, code, message, fix string) {
	if len(l.findings) >= maxFindings {
		return
	}
	l.findings = append(l.findings, fault.Finding{
		Severity: severity, File: at(file, line), Field: field, Code: code, Message: message, Remediation: fix,
	})
}

func (l *loader) report(file string, line int, field, code, message, fix string) {
	l.add(fault.SeverityError, file, line, field, code, message, fix)
}

func at(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func (l *loader) file(name string, raw []byte) {
	if !utf8.Valid(raw) {
		l.report(name, 0, "", "invalid_text", "the file is not UTF-8 text", "save it as UTF-8")
		return
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if path.Ext(name) == ".rego" {
		l.module(name, string(raw))
		return
	}
	read := readYAML
	if path.Ext(name) == ".json" {
		read = func(raw []byte) ([]*node, error) { return readJSON(raw, true) }
	}
	nodes, err := read(raw)
	if err != nil {
		bad, ok := errors.AsType[*badFile](err)
		if !ok {
			bad = &badFile{message: err.Error()}
		}
		l.report(name, bad.line, "", "bad_file", bad.message, bad.fix)
		return
	}
	if len(nodes) == 0 {
		l.add(fault.SeverityWarning, name, 0, "", EmptyFile, "nothing is in the file", "write documents into it, or delete it")
	}
	for _, n := range nodes {
		l.document(name, n)
	}
}

// document takes one document of a file: in its envelope, or bare.
func (l *loader) document(file string, n *node) {
	enveloped := false
	for _, m := range n.members {
		if near := fault.Nearest(m.name, []string{"apiVersion", "kind", "metadata", "spec"}); len(near) > 0 {
			enveloped = true
		}
	}
	switch {
	case n.get("apiVersion") == nil && n.get("templateId") != nil:
		l.take(file, Template, n.get("templateId").text(), n.line, n)
	case n.get("apiVersion") == nil && n.get("lifecycle") != nil:
		l.lifecycle(file, n)
	case enveloped:
		l.envelope(file, n)
	default:
		l.add(fault.SeverityWarning, file, n.line, "", "no_document", "this is no document of Souk, so it is left out",
			"begin it with apiVersion: "+APIVersion+", or leave it elsewhere")
	}
}

func (l *loader) envelope(file string, n *node) {
	raw, err := json.Marshal(n)
	if err != nil {
		l.report(file, n.line, "", "bad_file", err.Error(), "")
		return
	}
	e, findings := strict.Decode[envelope](raw, strict.Take{Bytes: 2 * maxFile, AnyText: true})
	l.tell(file, n, findings)
	if len(findings) > 0 {
		return
	}
	kind, name := Kind(e.Kind), e.Metadata.Name
	if name == "" && kind == Lifecycle {
		name = defaultLifecycle
	}
	spec := n.get("spec")
	if spec == nil {
		spec = &node{line: n.line, form: object} // says nothing but that it is there
	}
	switch {
	case e.APIVersion != APIVersion:
		l.report(file, n.lineAt("apiVersion"), "apiVersion", "unknown_version", fmt.Sprintf("the apiVersion %q is not known", e.APIVersion), "write "+APIVersion)
	case kind.order() < 0:
		l.report(file, n.lineAt("kind"), "kind", "unknown_kind", fmt.Sprintf("the kind %q is not known", kind), meant(e.Kind, kindNames()))
	case name == "":
		l.report(file, n.lineAt("metadata"), "metadata.name", "name_missing", fmt.Sprintf("the %s has no name", kind), "add metadata: {name: …}")
	default:
		l.take(file, kind, name, n.line, spec)
	}
}

// lifecycle takes a bare lifecycle policy: an object with lifecycle at its top.
func (l *loader) lifecycle(file string, n *node) {
	raw, err := json.Marshal(n)
	if err != nil {
		l.report(file, n.line, "", "bad_file", err.Error(), "")
		return
	}
	_, findings := lifecycle.ParseRules(raw)
	l.tell(file, n, findings)
	if len(findings) == 0 {
		l.take(file, Lifecycle, defaultLifecycle, n.line, n.get("lifecycle"))
	}
}

// module takes a bare policy, which is named by its package.
func (l *loader) module(file, text string) {
	module, err := policy.Read(file, text)
	if err != nil {
		l.tell(file, &node{}, findingsOf(err))
		return
	}
	l.take(file, Policy, module.Name, 0, &node{form: object, members: []member{{name: "rego", value: &node{value: text}}}})
}

// take keeps a document whose spec can be used, and tells what is wrong with another.
func (l *loader) take(file string, kind Kind, name string, line int, spec *node) {
	raw, err := json.Marshal(spec)
	if err != nil {
		l.report(file, line, "spec", "bad_file", err.Error(), "")
		return
	}
	w := wish{Document: Document{Kind: kind, Name: name, Source: at(file, line), Spec: raw}}
	findings := w.read()
	l.tell(file, spec, findings)
	if refuse(findings) == nil {
		l.put(w.Document)
	}
}

// tell reports findings at paths within n.
func (l *loader) tell(file string, n *node, findings []fault.Finding) {
	for _, f := range findings {
		place := f.File
		if place == "" {
			place = at(file, n.lineAt(f.Field))
		}
		l.add(f.Severity, place, 0, f.Field, f.Code, f.Message, f.Remediation)
	}
}

// put keeps a document, or refuses it as the second of its name.
func (l *loader) put(d Document) {
	key := string(d.Kind) + " " + d.Name
	if d.Kind == Person {
		key = strings.ToLower(key)
	}
	if first, taken := l.first[key]; taken {
		l.findings = append(l.findings, fault.Finding{
			Severity: fault.SeverityError, File: d.Source, Code: "duplicate", Remediation: "keep one of them",
			Message: fmt.Sprintf("the %s %s is already described at %s", d.Kind, d.Name, first),
		})
		return
	}
	if len(l.documents) == maxDocuments {
		l.report(d.Source, 0, "", "too_many", fmt.Sprintf("there are more than %d documents", maxDocuments), "apply them in parts")
	}
	l.first[key] = d.Source
	l.documents = append(l.documents, d)
}
