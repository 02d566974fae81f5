package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

const checklist = "../../docs/guide/checklist.md"

var (
	fence = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?\n)```$")
	runs  = regexp.MustCompile(`(?m)^\s*- run: (.+)$`)
)

// TestEveryCommandOfTheChecklistWorks does what the page says, in its order: a block with the name of a file is that file, commands are
// run by a shell that stops at the first that fails, and the lines of a block of text are what they print.
func TestEveryCommandOfTheChecklistWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(checklist)
	if err != nil {
		t.Fatal(err)
	}
	story := txtar.Archive{}
	file := func(name, text string) { story.Files = append(story.Files, txtar.File{Name: name, Data: []byte(text)}) }
	var script strings.Builder
	var later []string // what a workflow runs, once all files are there
	commands := 0
	command := func(text string) {
		commands++
		name := fmt.Sprintf("step-%d.sh", commands)
		file(name, text)
		fmt.Fprintf(&script, "exec sh -e %s\n", name)
	}
	for i, block := range fence.FindAllStringSubmatch(string(page), -1) {
		language, name, text := block[1], block[2], block[3]
		switch {
		case name != "":
			// A file is there from its place in the page on.
			source := fmt.Sprintf("file-%d", i)
			file(source, text)
			fmt.Fprintf(&script, "mkdir %s\ncp %s %s\n", filepath.Dir(name), source, name)
			for _, line := range runs.FindAllStringSubmatch(text, -1) {
				later = append(later, line[1])
			}
		case language == "sh":
			command(text)
		case language == "text":
			for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
				fmt.Fprintf(&script, "stdout '%s'\n", strings.ReplaceAll(regexp.QuoteMeta(line), "'", "''"))
			}
		default:
			t.Errorf("a block of %s has no name and is not run", language)
		}
	}
	for _, line := range later {
		command(line)
	}
	story.Comment = []byte(script.String())
	archive := filepath.Join(t.TempDir(), "checklist.txtar")
	if err := os.WriteFile(archive, txtar.Format(&story), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: []string{archive},
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(filepath.Join(env.WorkDir, "templates"), os.DirFS("../../templates"))
		},
	})
	if commands < 8 {
		t.Errorf("the page has %d blocks of commands", commands)
	}
}
