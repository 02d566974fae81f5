// Package stocktest asks the engine that in-process SDKs of JavaScript bring along, npm @openfeature/flagd-core.
package stocktest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/flag"
)

// Question is a document and what is asked of its flags.
type Question struct {
	Document json.RawMessage
	Asked    []Asked
}

// MarshalJSON writes the document as a text, so that the engine reads it as it stands.
func (q Question) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"document": string(q.Document), "asked": q.Asked})
}

// Asked is a flag and the contexts that it is asked for.
type Asked struct {
	Key      string           `json:"key"`
	Contexts []map[string]any `json:"contexts"`
}

// Answer is what the engine answers for a context.
type Answer struct {
	Variant  *string        `json:"variant"`
	Value    any            `json:"value"` // nil: none, or null
	Reason   flag.Reason    `json:"reason"`
	Code     flag.ErrorCode `json:"code"`
	Metadata map[string]any `json:"metadata"`
	Raw      Raw            `json:"raw"`
}

// Raw is what targeting gives, before it becomes the name of a variant.
type Raw struct {
	Type string `json:"type"`
	Text string `json:"text"`
	None bool   `json:"none"` // there is no targeting to ask
}

// Reply is what came of a document.
type Reply struct {
	Refused string     `json:"refused"` // why the engine did not load it; empty if it did
	Answers [][]Answer `json:"answers"` // by flag and context
}

// Ask lets the engine load documents, one after the other, and answer as of a time. Where the engine is not installed it skips
// the test, or fails it if everything must be there.
func Ask(t testing.TB, now time.Time, questions ...Question) []Reply {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if os.Getenv("SOUK_REQUIRE_ALL") != "" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("no node to run the stock engine with")
	}
	dir := stockDir(t)
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		missing("no stock engine: run scripts/npm-packages internal/flag/testdata/stock")
	}
	in, err := json.Marshal(map[string]any{"now": now.Unix(), "questions": questions})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), node, "evaluate.mjs")
	command.Dir, command.Stdin = dir, bytes.NewReader(in)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var replies []Reply
	if err := json.Unmarshal(out, &replies); err != nil {
		t.Fatal(err)
	}
	return replies
}

// Compare fails the test for each flag whose answers in process, from a document that is served, are others than OFREP's. bulks
// are the bodies of OFREP's bulk answers to the contexts. Of flags that are left out of the document there are none in process.
func Compare(t testing.TB, now time.Time, document json.RawMessage, contexts []map[string]any, bulks [][]byte, leftOut []string) {
	t.Helper()
	var keys []string
	by := make([]map[string]Answer, len(bulks)) // of OFREP, by context and key
	for i, body := range bulks {
		var bulk struct {
			Flags []struct {
				Answer
				Key  string         `json:"key"`
				Code flag.ErrorCode `json:"errorCode"`
			} `json:"flags"`
		}
		if err := json.Unmarshal(body, &bulk); err != nil {
			t.Fatal(err)
		}
		by[i] = map[string]Answer{}
		keys = keys[:0]
		for _, one := range bulk.Flags {
			if keys = append(keys, one.Key); one.Code != "" {
				one.Reason = flag.Failed
			}
			one.Answer.Code = one.Code
			if slices.Contains(leftOut, one.Key) {
				one.Answer = Answer{Reason: flag.Failed, Code: flag.FlagNotFound}
			}
			by[i][one.Key] = one.Answer
		}
	}
	asked := make([]Asked, len(keys))
	for i, key := range keys {
		asked[i] = Asked{key, contexts}
	}
	reply := Ask(t, now, Question{document, asked})[0]
	if reply.Refused != "" {
		t.Fatalf("what is served cannot be loaded: %s\n%s", reply.Refused, document)
	}
	for i, key := range keys {
		for j, context := range contexts {
			there := reply.Answers[i][j]
			there.Raw = Raw{}
			if here := by[j][key]; !reflect.DeepEqual(here, there) {
				t.Errorf("%s with %v: OFREP answers %+v, in process it is %+v", key, context, here, there)
			}
		}
	}
}

// stockDir returns the folder of the stock engine: it is found from the module's root, above the folder that a test runs in,
// since a binary built with -trimpath does not know where its sources are.
func stockDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "internal", "flag", "testdata", "stock")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory of the test")
		}
		dir = filepath.Dir(dir)
	}
}
