package policy_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var admin = access.Actor{
	PersonID: "1", Email: "root@hyfin.example", TokenScope: access.ScopeAll,
	Groups:     []access.Membership{{Group: "admins", Roles: []access.Role{access.Admin}}},
	Credential: audit.Credential{Kind: "session"},
}

// today is when policies judge.
var today = time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)

func engine(db *store.DB) *policy.Engine {
	return &policy.Engine{DB: db, Now: func() time.Time { return today }}
}

func put(t *testing.T, e *policy.Engine, source string) (policy.Policy, bool) {
	t.Helper()
	p, changed, err := e.Put(t.Context(), admin, policy.Draft{Source: source, File: "x.rego"})
	if err != nil {
		t.Fatal(err)
	}
	return p, changed
}

// messages gives what the policies in force say of Where2Eat with a TTL of 200 days.
func messages(t *testing.T, e *policy.Engine) (said []string) {
	t.Helper()
	in := where2eat()
	in["fields"].(map[string]any)["ttl_days"] = 200.0
	in["request"].(map[string]any)["removal_plan"] = "gone after"
	in["lifecycle"] = nil
	err := e.DB.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		set, err := e.At(ctx, tx)
		if err != nil {
			return err
		}
		v, err := set.Judge(ctx, in, today)
		for _, f := range v.Findings {
			said = append(said, f.Message)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func TestPolicyIsInForceAtOnceAndReplacedByItsPackage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		if got := messages(t, e); len(got) > 0 {
			t.Fatalf("the standard library says %v", got)
		}
		p, changed := put(t, e, mission(t))
		if !changed || p.Name != "marketplace.policy" || p.Revision != 1 || p.Syntax != policy.V0 || p.Owner != admin.Email {
			t.Errorf("put: %+v", p)
		}
		if diff := cmp.Diff([]string{"ttl_days must be at most 180, is 200"}, messages(t, e)); diff != "" {
			t.Error(diff)
		}
		if _, changed := put(t, e, mission(t)); changed {
			t.Error("the same source is a change")
		}
		put(t, e, strings.Replace(mission(t), "180", "190", 1))
		if diff := cmp.Diff([]string{"ttl_days must be at most 190, is 200"}, messages(t, e)); diff != "" {
			t.Error(diff)
		}
		if _, err := e.SetActive(t.Context(), admin, "marketplace.policy", false, nil); err != nil {
			t.Fatal(err)
		}
		if got := messages(t, e); len(got) > 0 {
			t.Errorf("a policy that is switched off says %v", got)
		}
		var names []string
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			names, err = store.List(ctx, tx, store.ScanString, `SELECT name FROM audit_event ORDER BY id`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"policy.created", "policy.updated", "policy.deactivated"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStandardPolicyIsReplacedAndComesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e, ctx, name := engine(db), t.Context(), "marketplace.standard.ttl"
		source, err := os.ReadFile("../../policies/ttl.rego")
		if err != nil {
			t.Fatal(err)
		}
		p, _ := put(t, e, strings.Replace(string(source), "cap := 365", "cap := 100", 1))
		if !p.Replaces {
			t.Error("it does not say that it replaces a standard policy")
		}
		if diff := cmp.Diff([]string{"The TTL must be at most 100 days, is 200"}, messages(t, e)); diff != "" {
			t.Error(diff)
		}
		back, err := e.SetActive(ctx, admin, name, false, nil)
		if err != nil || back.Origin != policy.Standard || !back.Active || !strings.Contains(back.Source, "365") {
			t.Fatalf("%+v, %v", back, err)
		}
		if got := messages(t, e); len(got) > 0 {
			t.Errorf("the standard policy says %v", got)
		}
		off, err := e.SetActive(ctx, admin, name, false, nil)
		if err != nil || off.Active || off.Revision != 3 {
			t.Fatalf("%+v, %v", off, err)
		}
		if on, err := e.SetActive(ctx, admin, name, true, nil); err != nil || !on.Active {
			t.Fatalf("%+v, %v", on, err)
		}
	})
}

func TestPolicyThatWouldBreakOthersIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e, ctx := engine(db), t.Context()
		if _, err := e.SetActive(ctx, admin, "marketplace.lib", false, nil); fault.Of(err) != fault.Unprocessable {
			t.Errorf("switching off what others need: %v", err)
		}
		_, _, err := e.Put(ctx, admin, policy.Draft{File: "x.rego", Source: "package marketplace.x\n\nallow if time.now_ns() > 0"})
		if fault.Of(err) != fault.Unprocessable || !strings.Contains(err.Error(), "line 3: time.now_ns is not available") {
			t.Errorf("a policy that reads the clock: %v", err)
		}
		if got := messages(t, e); len(got) > 0 {
			t.Errorf("refused changes left %v", got)
		}
	})
}

func TestEditOfAPolicyCarriesTheRevisionThatItRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e, old := engine(db), int64(0)
		put(t, e, mission(t))
		_, _, err := e.Put(t.Context(), admin, policy.Draft{Source: "package marketplace.policy\nallow if true", Revision: &old})
		if !fault.Is(err, fault.Stale) {
			t.Errorf("a stale edit: %v", err)
		}
		viewer := admin
		viewer.Groups = nil
		if _, _, err := e.Put(t.Context(), viewer, policy.Draft{Source: mission(t)}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an edit by a viewer: %v", err)
		}
		if _, err := e.Get(t.Context(), viewer, "marketplace.polcy"); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown policy: %v", err)
		}
	})
}

func TestListHasStandardAndOwnPolicies(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		put(t, e, mission(t))
		var names []string
		page := store.Page{Limit: 3}
		for {
			listing, err := e.List(t.Context(), admin, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range listing.Items {
				names = append(names, p.Name)
				if p.Active == p.OffFirst || p.Problem != "" || p.Source == "" {
					t.Errorf("%+v", p)
				}
			}
			if page.Cursor = listing.Next; page.Cursor == "" {
				break
			}
		}
		want := []string{"marketplace.approvals", "marketplace.decision.require_own_credential", "marketplace.lib", "marketplace.policy", "marketplace.risk"}
		if len(names) != 11 || !slices.IsSorted(names) || !slices.Equal(names[:5], want) {
			t.Errorf("the list is %v", names)
		}
	})
}

func TestStoredPolicyThatNoLongerCompilesFailsRequestsAndNothingElse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			for name, source := range map[string]string{"marketplace.old": "package marketplace.old\nallow if gone(1)", "marketplace.torn": "package marketplace.torn\nallow {"} {
				if _, err := tx.Exec(ctx, `INSERT INTO policy_module (name, origin, source, file, active, owner, revision, updated_at)
					VALUES ($1, 'custom', $2, 'old.rego', $3, 'petra@hyfin.example', 1, 0)`, name, source, true); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := messages(t, e)
		if len(got) != 2 || !strings.Contains(strings.Join(got, " "), "The policy marketplace.old cannot be used") {
			t.Errorf("the findings are %v", got)
		}
		put(t, e, mission(t))
		if got := messages(t, e); len(got) != 3 {
			t.Errorf("beside a broken policy: %v", got)
		}
		listing, err := e.List(t.Context(), admin, store.Page{})
		if err != nil || !slices.ContainsFunc(listing.Items, func(p policy.Policy) bool { return p.Name == "marketplace.old" && p.Problem != "" }) {
			t.Errorf("the list does not tell the problem: %v", err)
		}
	})
}

func TestAStoredPolicyWithAFunctionThatConftestWouldAskStillJudges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		const source = "package marketplace.old\ndeny_ttl(n) if n > 180\ndeny contains \"Too long.\" if deny_ttl(input.fields.ttl_days)"
		if _, _, err := e.Put(t.Context(), admin, policy.Draft{Source: source}); fault.Of(err) != fault.Unprocessable {
			t.Errorf("putting it: %v", err)
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO policy_module (name, origin, source, file, active, owner, revision, updated_at)
				VALUES ('marketplace.old', 'custom', $1, 'old.rego', $2, 'petra@hyfin.example', 1, 0)`, source, true)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"Too long."}, messages(t, e)); diff != "" {
			t.Error(diff)
		}
	})
}
