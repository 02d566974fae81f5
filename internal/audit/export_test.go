package audit_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTamperedDatabaseShowsInTheExport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 5)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if db.Engine() == store.SQLite {
			exec(t, db, `DROP TRIGGER audit_event_update`, `DROP TRIGGER audit_event_delete`)
		} else {
			exec(t, db, `DROP TRIGGER audit_event_append_only ON audit_event`)
		}
		exec(t, db, `UPDATE audit_event SET body = REPLACE(body, 'reason 2', 'season 2')`)
		report := verify(t, export(t, log), audit.VerifyOptions{Keys: []string{vkeyA}})
		if len(report.Problems) != 1 || report.Problems[0].Kind != audit.EventChanged || report.Problems[0].Line != 4 {
			t.Errorf("after a change: %+v", report)
		}
		exec(t, db, `DELETE FROM audit_event WHERE body LIKE '%season 2%'`)
		report = verify(t, export(t, log), audit.VerifyOptions{Keys: []string{vkeyA}})
		if len(report.Problems) != 1 || report.Problems[0].Kind != audit.EventsRemoved || report.Problems[0].Line != 4 {
			t.Errorf("after a removal: %+v", report)
		}
	})
}

func TestEmptyLogVerifies(t *testing.T) {
	t.Parallel()
	empty := resigned(t, golden(t)[10:], keyA, vkeyA, "souk/test")
	options := audit.VerifyOptions{Keys: []string{vkeyA}}
	if report := verify(t, file(empty), options); !report.OK {
		t.Errorf("report %+v", report)
	}
	options.Since = since(t, file(empty))
	if report := verify(t, file(resigned(t, golden(t), keyA, vkeyA, "souk/test")), options); !report.OK {
		t.Errorf("what began empty: %+v", report)
	}
}

func TestCheckpointIsFoundInWhateverHoldsOne(t *testing.T) {
	t.Parallel()
	lines := golden(t)
	text := checkpointOf(t, lines)
	for name, given := range map[string]string{
		"note": text, "note from Windows": strings.ReplaceAll(text, "\n", "\r\n"), "JSON": lines[10], "export": file(lines),
		"with half a line after it": file(lines) + `{"checkpoint":"souk`,
	} {
		got, err := audit.ReadCheckpoints(strings.NewReader(given), nil)
		if err != nil || !reflect.DeepEqual(got, since(t, text)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, given := range []string{"", "hello", "{}", lines[0], text[:len(text)-10]} {
		if _, err := audit.ReadCheckpoints(strings.NewReader(given), nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", given, err)
		}
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	t.Parallel()
	for _, options := range []audit.VerifyOptions{{Keys: []string{"x"}}, {Keys: []string{keyA}}} {
		if _, err := audit.Verify(strings.NewReader(""), options); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	lines := strings.SplitAfter(string(text), "\n")
	f.Add([]byte(lines[1]))
	f.Add([]byte(lines[10]))
	f.Add([]byte(`{"event":{"a":1e999,"b":1e-999999999},"leaf":0}`))
	f.Add([]byte(`{"event":{"a":"\ud800"},"leaf":0,"hash":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := audit.Verify(strings.NewReader(string(data)), audit.VerifyOptions{Keys: []string{vkeyA}})
		if err != nil {
			t.Fatal(err)
		}
		if report.OK != (len(report.Problems) == 0) {
			t.Fatalf("report %+v", report)
		}
		if report.OK && report.Size != 10 { // keyA has signed one log in this world
			t.Fatalf("a forgery: %+v", report)
		}
		if _, err := audit.ReadCheckpoints(strings.NewReader(string(data)), nil); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	})
}
