package serve

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

func wellVitals() vitals {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return vitals{
		now: now, addr: ":8080", free: 100 << 30, may: 1 << 20, newest: now.Add(-time.Second), admins: []string{"a@example.com", "b@example.com"},
		database: store.Vitals{Engine: store.SQLite, Server: "SQLite 3", Schema: 9, Newest: 9},
		approvers: map[access.Domain][]string{
			"product": {"a@example.com", "b@example.com"}, "security": {"a@example.com", "b@example.com"}, "platform": {"a@example.com", "b@example.com"},
		},
	}
}

func TestTheDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	t.Parallel()
	for _, d := range diagnose(wellVitals()) {
		if d.Status != api.Well || d.Remediation != "" {
			t.Errorf("%+v", d)
		}
	}
}

func TestTheDoctorNamesEachIllnessWithItsMend(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		status api.Health
		fall   func(v *vitals)
	}{
		{"configuration", api.Failed, func(v *vitals) { v.config = fault.New(fault.Invalid, "x", "half TLS").Fix("give both") }},
		{"public_url", api.Warning, func(v *vitals) { v.addr = "0.0.0.0:8080" }},
		{"files", api.Failed, func(v *vitals) { v.files = []openFile{{"audit.key", 0o644}} }},
		{"disk", api.Failed, func(v *vitals) { v.free = 1 << 20 }},
		{"disk", api.Warning, func(v *vitals) { v.free = 500 << 20 }},
		{"descriptors", api.Warning, func(v *vitals) { v.may = 1024 }},
		{"database", api.Failed, func(v *vitals) { v.databased = errors.New("connection refused") }},
		{"schema", api.Failed, func(v *vitals) { v.database.Schema = 8 }},
		{"schema", api.Failed, func(v *vitals) { v.database.Schema = 10 }},
		{"database_role", api.Warning, func(v *vitals) { v.database.CanRewrite = true }},
		{"flags", api.Warning, func(v *vitals) { v.stale = true }},
		{"left_out", api.Warning, func(v *vitals) {
			v.leftOut = []leftOut{{"production", slices.Repeat([]flag.Problem{{Flag: "f", Message: "in-process SDKs do not get it", Remediation: "fix it"}}, 11)}}
		}},
		{"audit_log", api.Failed, func(v *vitals) { v.log = "the audit log was set back" }},
		{"audit_events", api.Failed, func(v *vitals) { v.differs = []string{"event x: it was changed"} }},
		{"requests", api.Failed, func(v *vitals) { v.unsettled = []string{"r1"} }},
		{"checkpoints", api.Failed, func(v *vitals) { v.unkept = fault.New(fault.Unavailable, "x", "no room").Fix("make some") }},
		{"audit_sequencer", api.Warning, func(v *vitals) { v.waiting = v.now.Add(-2 * time.Minute) }},
		{"clock", api.Failed, func(v *vitals) { v.newest = v.now.Add(time.Hour) }},
		{"admins", api.Failed, func(v *vitals) { v.admins = nil }},
		{"admins", api.Warning, func(v *vitals) { v.admins = v.admins[:1] }},
		{"approvers", api.Warning, func(v *vitals) { delete(v.approvers, "security") }},
		{"approvers", api.Warning, func(v *vitals) { v.approvers["product"] = v.approvers["product"][:1] }},
		{"policies", api.Failed, func(v *vitals) { v.policies = errors.New("parse error") }},
		{"restored", api.Warning, func(v *vitals) { v.restored = v.now.Add(-24 * time.Hour) }},
		{"expiry", api.Warning, func(v *vitals) { v.expiring = []string{"the token x ends on 2026-12-01"} }},
	} {
		v := wellVitals()
		row.fall(&v)
		found := diagnose(v)
		i := slices.IndexFunc(found, func(d api.Diagnosis) bool { return d.Name == row.name && d.Status == row.status })
		if i < 0 || found[i].Words == "" || found[i].Remediation == "" {
			t.Errorf("%s: %+v", row.name, found)
		}
	}
}

func TestSizesAreSaidAsPeopleSayThem(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 kB", 5 << 20: "5.0 MB", 3 << 30: "3.0 GB", 2 << 40: "2.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
