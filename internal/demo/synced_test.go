package demo

import (
	"bytes"
	"testing"

	"github.com/soukhq/souk/internal/flag/stocktest"
	"github.com/soukhq/souk/internal/live"
)

func TestInProcessSDKsOfTheCompanyAnswerAsOFREPDoes(t *testing.T) {
	t.Parallel()
	s, cfg := open(t)
	l := &live.Live{DB: s.db, Log: cfg.Log, Now: cfg.Now}
	if err := l.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	contexts := []map[string]any{{}, {"targetingKey": "ann@hyfin.example"}, {"targetingKey": "bob@hyfin.example", "groups": []any{"pilot", "beta"}}}
	for _, environment := range environments {
		served := l.Snapshot(environment)
		bulks := make([][]byte, len(contexts))
		for i, attributes := range contexts {
			c := served.Flags.Context(today)
			c.Set(attributes)
			var items [][]byte
			for outcome := range served.Flags.All(c) {
				items = append(items, outcome.JSON)
			}
			c.Release()
			bulks[i] = append(append([]byte(`{"flags":[`), bytes.Join(items, []byte(","))...), `]}`...)
		}
		if left := served.Flags.LeftOut(); len(left) > 0 || served.Flags.Len() == 0 {
			t.Errorf("%s has %d flags and leaves out %+v", environment, served.Flags.Len(), left)
		}
		stocktest.Compare(t, today, served.Document(), contexts, bulks, nil)
	}
}
