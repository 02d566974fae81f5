package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// vitals is what a diagnosis rests on.
type vitals struct {
	now         time.Time
	config      error // what contradicts itself in the configuration
	addr        string
	publicURL   string
	files       []openFile // that others than the owner may read, and must not
	free        uint64     // bytes on the disk of the data directory
	may         uint64     // files and connections that the process may have open
	database    store.Vitals
	databased   error // the database cannot be asked; what follows is not known then
	stale       bool  // the flags that are served may be old
	behind      []live.Behind
	here        []live.Override
	uncommitted []kill.Uncommitted
	leftOut     []leftOut
	log         string    // how the audit log was set back; empty: it was not
	differs     []string  // events that are not what was hashed, and states that no event says
	unkept      error     // its checkpoint cannot be written outside the database
	newest      time.Time // of the audit events
	waiting     time.Time // since when an event has waited for its leaf; zero: none does
	admins      []string
	approvers   map[access.Domain][]string
	restored    time.Time // when a backup was restored last; zero: never
	expiring    []string  // credentials that end within two weeks
	policies    error
	unsettled   []string // open requests that cannot be settled, by their ids
}

// leftOut is flags of an environment that in-process SDKs do not get.
type leftOut struct {
	environment string
	flags       []flag.Problem
}

// openFile is a file with a secret that others may read.
type openFile struct {
	path string
	mode os.FileMode
}

// Thresholds of a diagnosis.
const (
	littleSpace = 1 << 30         // bytes
	noSpace     = 64 << 20        // bytes
	fewFiles    = 12_000          // ten thousand streams, and all else
	clockOff    = 5 * time.Minute // an event from so far in the future means that the clock was set back
	leafLate    = time.Minute     // an event should have its leaf by then
	expiresSoon = 14 * 24 * time.Hour
	namedFlags  = 10 // of an environment that are left out
)

// diagnoses grow as a diagnosis is made.
type diagnoses []api.Diagnosis

func (d *diagnoses) add(status api.Health, name, remediation, words string, args ...any) {
	*d = append(*d, api.Diagnosis{Name: name, Status: status, Words: fmt.Sprintf(words, args...), Remediation: remediation})
}

// diagnose says what is well and what is wrong, and how to mend it.
func diagnose(v vitals) []api.Diagnosis {
	var all diagnoses
	if f, ok := errors.AsType[*fault.Error](v.config); ok {
		all.add(api.Failed, "configuration", f.Remediation, "%s", f.Message)
	} else {
		all.add(api.Well, "configuration", "", "nothing contradicts itself")
	}
	if host, _, _ := net.SplitHostPort(v.addr); !loopback(host) && v.publicURL == "" {
		all.add(api.Warning, "public_url", "set public_url to what people type, such as https://souk.example.com", "links in invitations do not know the name of this server")
	}
	for _, f := range v.files {
		all.add(api.Failed, "files", fmt.Sprintf("chmod 600 %s, and think of the secret as known", f.path), "%s may be read by others (mode %04o)", f.path, f.mode)
	}
	if len(v.files) == 0 {
		all.add(api.Well, "files", "", "keys and data are readable by their owner only")
	}
	switch {
	case v.free < noSpace:
		all.add(api.Failed, "disk", "free some space: without any, everything is read-only", "%s are left on the disk of the data directory", size(v.free))
	case v.free < littleSpace:
		all.add(api.Warning, "disk", "free some space soon", "%s are left on the disk of the data directory", size(v.free))
	default:
		all.add(api.Well, "disk", "", "%s are free", size(v.free))
	}
	if v.may < fewFiles {
		all.add(api.Warning, "descriptors", "raise the limit of open files: LimitNOFILE in a systemd unit, or ulimit -n",
			"the process may have %d files and connections open; each SDK that keeps a stream takes one", v.may)
	} else {
		all.add(api.Well, "descriptors", "", "%d files and connections may be open", v.may)
	}
	all.flags(v)
	if v.databased != nil {
		all.add(api.Failed, "database", "see that it runs and can be reached from here; flags are served from memory meanwhile", "the database does not answer: %s", causeOf(v.databased))
		return all
	}
	return append(all, diagnoseData(v)...)
}

// flags says what is not as usual with the flags that are served.
func (d *diagnoses) flags(v vitals) {
	for _, b := range v.behind {
		d.add(api.Failed, "older_database", fmt.Sprintf("restore a newer backup; or, if this one is all there is: souk environment follow %s --served %d", b.Environment, b.Served),
			"the database has revision %d of %s, older than revision %d, which is served on: was it restored from a backup? Changes there wait, kills do not; %d switches that are off for everybody are on there",
			b.Database, b.Environment, b.Served, len(b.Lost))
	}
	for _, o := range v.here {
		if !o.Here { // it is among those that wait to be committed
			continue
		}
		d.add(api.Warning, "turned_off_here", "it becomes an ordinary kill by itself once the database is back", "%s is off for everybody in %s on this server alone, by %s since %s",
			o.Select.Words(), o.Environment, o.By.Email, o.At.Format(time.RFC3339))
	}
	for _, u := range v.uncommitted {
		switch age := v.now.Sub(u.At); {
		case u.Refused != "":
			d.add(api.Failed, "kill_uncommitted", "fix what is named; or, if it is not to be off any more, an administrator ends it: souk kills end "+u.ID+" --reason …",
				"%s is off for everybody in %s, by %s since %s, and the database refuses to have that: %s", u.Select.Words(), u.Environment, u.By.Email, u.At.Format(time.RFC3339), u.Refused)
		case age > uncommittedFor:
			d.add(api.Warning, "kill_uncommitted", "see what holds the database up; it is tried again all the time", "%s is off for everybody in %s, by %s since %s, and that is not committed yet",
				u.Select.Words(), u.Environment, u.By.Email, u.At.Format(time.RFC3339))
		}
	}
	for _, left := range v.leftOut {
		for i, p := range left.flags {
			if i == namedFlags {
				d.add(api.Warning, "left_out", "see the pages of imported flags", "in-process SDKs do not get %d more flags in %s", len(left.flags)-i, left.environment)
				break
			}
			d.add(api.Warning, "left_out", p.Remediation, "%s in %s: %s", fault.Clip(p.Flag, 200), left.environment, p.Message)
		}
	}
}

// uncommittedFor is how long a kill may be served before the database has it, until somebody is told.
const uncommittedFor = 10 * time.Second

// diagnoseData is the part of the diagnosis that the database tells.
func diagnoseData(v vitals) []api.Diagnosis {
	var all diagnoses
	all.add(api.Well, "database", "", "%s answers, %s", v.database.Server, size(uint64(max(v.database.Bytes, 0))))
	switch {
	case v.database.Schema < v.database.Newest:
		all.add(api.Failed, "schema", "run souk migrate, or start souk serve", "the database is at version %d, this program wants %d", v.database.Schema, v.database.Newest)
	case v.database.Schema > v.database.Newest:
		all.add(api.Failed, "schema", "run the newer version of this program", "the database is at version %d, which this program does not know", v.database.Schema)
	default:
		all.add(api.Well, "schema", "", "at version %d", v.database.Schema)
	}
	if v.database.CanRewrite {
		all.add(api.Warning, "database_role", "give the server a role of its own with database.url, which may only SELECT and INSERT on the audit tables, and the owner's with database.migrate_url",
			"one role of PostgreSQL owns the tables and serves: only triggers keep it from rewriting the audit log")
	}
	if v.stale {
		all.add(api.Warning, "flags", "see the log of the server for why the database could not be read", "the flags that are served may be old")
	}
	if v.log != "" {
		all.add(api.Failed, "audit_log", "put the newest copy of the database in place; if this is all there is, such as after restoring a backup, an administrator says so: souk audit acknowledge --reason …",
			"%s; nothing of it is published, and new events wait for their leaves", v.log)
	} else {
		all.add(api.Well, "audit_log", "", "continues the largest checkpoint written outside the database")
	}
	if len(v.differs) > 0 {
		all.add(api.Failed, "audit_events", "find out who may write to the database, export the log and verify it: souk audit export, souk audit verify",
			"somebody wrote past the audit log: %s", strings.Join(v.differs, "; "))
	} else {
		all.add(api.Well, "audit_events", "", "are what was hashed, and agree with the states of flags")
	}
	if f, ok := errors.AsType[*fault.Error](v.unkept); ok {
		all.add(api.Failed, "checkpoints", f.Remediation, "%s", f.Message)
	}
	if !v.waiting.IsZero() && v.now.Sub(v.waiting) > leafLate {
		all.add(api.Warning, "audit_sequencer", "see that a server runs and leads; its log says why not", "an event has waited for its leaf since %s", v.waiting.Format(time.RFC3339))
	}
	if v.newest.Sub(v.now) > clockOff {
		all.add(api.Failed, "clock", "set the clock right, best by NTP", "the newest event is from %s, which lies in the future: the clock was set back", v.newest.Format(time.RFC3339))
	} else {
		all.add(api.Well, "clock", "", "agrees with the log")
	}
	switch len(v.admins) {
	case 0:
		all.add(api.Failed, "admins", "start souk serve and open the set-up link that it prints, or run souk apply with a group that has the role admin", "nobody is an administrator")
	case 1:
		all.add(api.Warning, "admins", "make a second person administrator, under Admin → People", "only %s is an administrator: nobody else can help, and nobody looks over their shoulder", v.admins[0])
	default:
		all.add(api.Well, "admins", "", "%d people are administrators", len(v.admins))
	}
	for _, domain := range []access.Domain{"product", "security", "platform"} {
		switch people := v.approvers[domain]; len(people) {
		case 0:
			all.add(api.Warning, "approvers", fmt.Sprintf("make a group with the role approver and the domain %s, under Admin → Groups", domain), "nobody can approve for %s: what needs it waits for ever", domain)
		case 1:
			all.add(api.Warning, "approvers", "add another person to the group", "only %s can approve for %s, and not what they asked for themselves", people[0], domain)
		}
	}
	if v.policies != nil {
		all.add(api.Failed, "policies", "mend or remove the policy under Admin → Policies", "the policies do not compile: %s", causeOf(v.policies))
	} else {
		all.add(api.Well, "policies", "", "compile")
	}
	if len(v.unsettled) > 0 {
		all.add(api.Failed, "requests", "see the log of the server for why; they are tried again all the time", "open requests cannot be judged: %s", strings.Join(v.unsettled, ", "))
	}
	if !v.restored.IsZero() && v.now.Sub(v.restored) < backup.RestoredLately {
		all.add(api.Warning, "restored", "revoke those tokens and SDK keys again, and disable those people, under Admin; this is said for two weeks",
			"a backup was restored on %s: what was revoked after it was taken works again", v.restored.Format(time.DateOnly))
	}
	for _, words := range v.expiring {
		all.add(api.Warning, "expiry", "rotate it before then", "%s", words)
	}
	return all
}

func causeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Error()
	}
	return err.Error()
}

// size says a number of bytes as people do.
func size(n uint64) string {
	for _, unit := range []struct {
		name  string
		bytes uint64
	}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// Doctor examines the installation and tells what is wrong and how to mend it. Administrators do it.
func (a *App) Doctor(ctx context.Context, by access.Actor) ([]api.Diagnosis, error) {
	if err := access.Can(by, access.Backup, access.Scope{}); err != nil {
		return nil, err
	}
	v := examineHost(a.cfg)
	v.stale, v.behind, v.here = a.live.Stale(), a.live.Behind(), a.live.Overrides()
	var err error
	if v.uncommitted, err = a.Kills.Uncommitted(ctx, access.System("doctor")); err != nil {
		return nil, err
	}
	for _, name := range a.live.Environments() {
		if served := a.live.Snapshot(name); served != nil {
			v.leftOut = append(v.leftOut, leftOut{name, served.Flags.LeftOut()})
		}
	}
	v.databased = a.examineData(ctx, by, &v)
	return diagnose(v), nil
}

// Unopened is the diagnosis of an installation that could not be opened.
func Unopened(cfg Config, why error) []api.Diagnosis {
	v := examineHost(cfg)
	v.databased = why
	return diagnose(v)
}

// examineHost looks at what lies outside the database.
func examineHost(cfg Config) vitals {
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	v := vitals{now: now(), config: cfg.Check(), addr: cfg.Addr, publicURL: cfg.PublicURL}
	for _, path := range []string{
		cfg.Data, filepath.Join(cfg.Data, "souk.db"), filepath.Join(cfg.Data, "audit.key"), filepath.Join(cfg.Data, "secret.key"),
		Socket(cfg.Data), cfg.AuditKeyFile, cfg.TLSKey,
	} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			v.files = append(v.files, openFile{path: path, mode: info.Mode().Perm()})
		}
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		v.may = files.Cur
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(cfg.Data, &disk); err == nil {
		v.free = disk.Bavail * uint64(disk.Bsize)
	}
	return v
}

// examineData looks at what the database holds.
func (a *App) examineData(ctx context.Context, by access.Actor, v *vitals) (err error) {
	if v.database, err = a.db.Vitals(ctx); err != nil {
		return err
	}
	switch back, err := a.audit.Continues(ctx); {
	case err != nil:
		return err
	case back != nil:
		v.log = back.Words
	default:
		v.unkept = a.audit.Attest(ctx)
	}
	newest, err := a.audit.Events(ctx, by, audit.Query{Page: store.Page{Limit: 1}})
	if err != nil {
		return err
	}
	for _, e := range newest.Items {
		v.newest = e.Timestamp
		if e.Leaf == nil {
			v.waiting = e.Timestamp
		}
	}
	if v.differs, err = a.audit.Compare(ctx, by); err != nil {
		return err
	}
	if err := a.examineStates(ctx, v); err != nil {
		return err
	}
	restored, err := a.audit.Events(ctx, by, audit.Query{Event: audit.InstallationRestored.String(), Page: store.Page{Limit: 1}})
	if err != nil {
		return err
	}
	for _, e := range restored.Items {
		v.restored = e.Timestamp
	}
	if err := a.examinePeople(ctx, v); err != nil {
		return err
	}
	if err := a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		v.unsettled, err = review.Unsettled(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	v.policies = a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := a.Policies.At(ctx, tx)
		return err
	})
	return a.examineCredentials(ctx, by, v)
}

// sampledStates is how many changes of state are compared with the states of flags, and of requests: new ones, and old ones that are
// others each time.
const sampledStates = 500

// ends are the states that events say a request ended in.
var ends = map[audit.Name]review.State{
	audit.RequestApproved: review.Approved, audit.RequestDenied: review.Denied, audit.RequestWithdrawn: review.Withdrawn,
}

// examineStates compares the states of flags and requests with the newest events that tell of them. An end of a request is final, so that
// any event of it says what it is; of a flag only the event of its state counts.
func (a *App) examineStates(ctx context.Context, v *vitals) error {
	return a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		ended, err := audit.Sample(ctx, tx, sampledStates, func(e audit.Event) string { return e.RequestID }, slices.Collect(maps.Keys(ends))...)
		if err != nil {
			return err
		}
		requests, err := review.States(ctx, tx, slices.Sorted(maps.Keys(ended)))
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(requests)) {
			if said := ends[ended[id].Event]; requests[id] != said {
				v.differs = append(v.differs, fmt.Sprintf("request %s is %s, and its newest event says %s", id, requests[id], said))
			}
		}
		latest, err := audit.Sample(ctx, tx, sampledStates, func(e audit.Event) string { return e.FlagKey }, audit.FlagStateChanged)
		if err != nil {
			return err
		}
		states, err := lifecycle.States(ctx, tx, slices.Sorted(maps.Keys(latest)))
		for _, key := range slices.Sorted(maps.Keys(states)) {
			// A life that began anew since, under the same key, is told by another event.
			if is, said := states[key], latest[key]; is.Since.Equal(said.Timestamp) && string(is.State) != said.To {
				v.differs = append(v.differs, fmt.Sprintf("%s is %s, and its newest event says %s", key, is.State, said.To))
			}
		}
		return err
	})
}

func (a *App) examinePeople(ctx context.Context, v *vitals) error {
	return a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		groups, err := access.ApproverGroups(ctx, tx)
		if err != nil {
			return err
		}
		v.approvers = map[access.Domain][]string{}
		for _, g := range groups {
			for _, domain := range g.Domains {
				v.approvers[domain] = append(v.approvers[domain], g.Members...)
			}
		}
		for domain, people := range v.approvers {
			slices.Sort(people)
			v.approvers[domain] = slices.Compact(people)
		}
		v.admins, err = access.Admins(ctx, tx)
		return err
	})
}

func (a *App) examineCredentials(ctx context.Context, by access.Actor, v *vitals) error {
	soon := func(at *time.Time) bool { return at != nil && at.After(v.now) && at.Sub(v.now) < expiresSoon }
	tokens, err := a.Tokens.List(ctx, by, false, store.Page{Limit: 1000})
	if err != nil {
		return err
	}
	for _, t := range tokens.Items {
		if t.RevokedAt == nil && soon(t.ExpiresAt) {
			v.expiring = append(v.expiring, fmt.Sprintf("the token %s of %s ends on %s", orElse(t.Name, t.Prefix), t.As, t.ExpiresAt.Format(time.DateOnly)))
		}
	}
	keys, err := a.Keys.List(ctx, by, "", false, store.Page{Limit: 1000})
	if err != nil {
		return err
	}
	for _, k := range keys.Items {
		if k.RevokedAt == nil && soon(k.ExpiresAt) {
			v.expiring = append(v.expiring, fmt.Sprintf("the SDK key %s of %s ends on %s", orElse(k.Name, k.Prefix), k.Environment, k.ExpiresAt.Format(time.DateOnly)))
		}
	}
	return nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
