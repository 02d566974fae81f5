package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/telemetry"
)

func TestLoggerWritesItsFormatFromItsLevelOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.Logger(&out, telemetry.JSON, slog.LevelWarn)
	log.Info("unheard")
	log.Warn("disk filled up", "free_bytes", 7)
	var line struct {
		Msg   string `json:"msg"`
		Bytes int    `json:"free_bytes"`
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("the log is not one JSON line: %v: %q", err, out.String())
	}
	if line.Msg != "disk filled up" || line.Bytes != 7 {
		t.Errorf("wrote %q", out.String())
	}

	out.Reset()
	log = telemetry.Logger(&out, telemetry.Text, slog.LevelInfo)
	log.Debug("unheard")
	log.Info("server started")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `msg="server started"`) {
		t.Errorf("wrote %q", got)
	}
}
