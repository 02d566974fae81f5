package review_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// whenJudging runs meanwhile each time that policies are asked, before they are; it is the n-th time, from 1.
func (o *office) whenJudging(meanwhile func(n int)) (times func() int) {
	n := 0
	o.policies.Turn = func(ctx context.Context, fn func(context.Context) error) error {
		n++
		meanwhile(n)
		return fn(ctx)
	}
	o.Cleanup(func() { o.policies.Turn = nil })
	return func() int { return n }
}

// canWrite fails unless every row that an act might have locked can be written at once.
func (o *office) canWrite() {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), 5*time.Second)
	defer cancel()
	err := o.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, table := range []string{"request", "flag", "app", "policy_head", "template_version", "rollout"} {
			column := map[string]string{"policy_head": "token", "template_version": "created_by"}[table]
			if column == "" {
				column = "revision"
			}
			if _, err := tx.Exec(ctx, `UPDATE `+table+` SET `+column+` = `+column); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		o.Errorf("others cannot write while policies are asked: %v", err)
	}
}

// another is where2eat's request for another app.
func another(slug string) review.Content {
	c := where2eat()
	c.App.Slug, c.App.URL = slug, "https://"+slug+".hyfin.example"
	return c
}

// killedAll turns off in production whatever is on there.
func (o *office) killedAll() kill.Act {
	o.Helper()
	act, err := o.kills.Panic(o.Context(), o.as("olu"), kill.Order{
		Select: registry.Selection{Environment: "production"}, Environment: "production", Reason: "smoke", ExpectFlags: 1,
	})
	if err != nil {
		o.Fatal(err)
	}
	return act
}

// judging are all acts that ask policies. Each is made ready, and then what it returns is done.
var judging = []struct {
	name  string
	ready func(o *office) (act func() error)
}{
	{"check a request", func(o *office) func() error {
		return func() error {
			_, err := o.desk.Check(o.Context(), o.as("alice"), where2eat(), "")
			return err
		}
	}},
	{"submit", func(o *office) func() error {
		return func() error {
			_, err := o.asks("alice", where2eat())
			return err
		}
	}},
	{"edit", func(o *office) func() error {
		r := o.submit(where2eat())
		return func() error {
			_, err := o.desk.Edit(o.Context(), o.as("alice"), r.ID, r.Revision, json.RawMessage(`{"fields": {"ttl_days": 20}}`))
			return err
		}
	}},
	{"approve", func(o *office) func() error {
		r := o.submit(where2eat())
		return func() error {
			_, err := o.desk.Approve(o.Context(), o.as("pat"), r.ID, review.Judgement{Digest: r.Digest})
			return err
		}
	}},
	{"restore", func(o *office) func() error {
		o.active()
		o.killedAll()
		return func() error {
			_, err := o.desk.Restore(o.Context(), o.as("alice"), key, "production", rollout.Word{})
			return err
		}
	}},
	{"undo a kill", func(o *office) func() error {
		o.active()
		act := o.killedAll()
		return func() error {
			out, err := o.desk.UndoKill(o.Context(), o.as("olu"), act.ID, "repaired")
			if err == nil && len(out.Requests) != 1 {
				err = fmt.Errorf("it made %d requests", len(out.Requests))
			}
			return err
		}
	}},
	{"roll back", func(o *office) func() error {
		o.active()
		wide := o.serving(key, "production").Revision
		out, err := o.asks("alice", o.change("production", review.FlagChange{Mode: registry.ServeOff}))
		if err != nil {
			o.Fatal(err)
		}
		o.approve("pat", out.Request)
		return func() error {
			_, err := o.desk.Rollback(o.Context(), o.as("alice"), key, "production", wide, rollout.Word{})
			return err
		}
	}},
	{"import", func(o *office) func() error {
		return func() error {
			_, err := o.desk.Import(o.Context(), o.as("root"), review.Content{
				Environment: "production", Format: "flagd",
				Document: `{"flags": {"f": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}`,
			}, store.NewID(), false)
			return err
		}
	}},
	{"try a policy on all flags", func(o *office) func() error {
		o.published()
		return func() error {
			out, err := o.desk.DryRun(o.Context(), o.as("root"), "package marketplace.company\ndeny contains \"no\" if input.fields.owner")
			if err == nil && len(out.WouldFail) != 1 {
				err = fmt.Errorf("%d would fail", len(out.WouldFail))
			}
			return err
		}
	}},
	{"try a policy", func(o *office) func() error {
		return func() error {
			_, err := o.policies.Try(o.Context(), o.as("root"), policy.Trial{Source: "package marketplace.company\ndeny contains \"no\""})
			return err
		}
	}},
	{"put a policy", func(o *office) func() error {
		return func() error {
			_, _, err := o.policies.Put(o.Context(), o.as("root"), policy.Draft{Source: "package marketplace.company\nwarn contains \"hm\""})
			return err
		}
	}},
	{"put a template", func(o *office) func() error {
		library := &template.Library{DB: o.db, Now: func() time.Time { return o.now }, Judge: o.policies.TemplateJudge}
		raw := strings.Replace(string(o.file("template.json")), `"templateId"`, `"auto_start": false, "templateId"`, 1)
		return func() error {
			_, _, err := library.Put(o.Context(), o.as("root"), []byte(raw))
			return err
		}
	}},
	{"check a template", func(o *office) func() error {
		return func() error {
			_, err := o.policies.CheckTemplate(o.Context(), o.as("root"), map[string]any{"templateId": "x"})
			return err
		}
	}},
}

func TestOthersWriteWhilePoliciesAreAsked(t *testing.T) {
	t.Parallel()
	const acts = 13
	if len(judging) != acts {
		t.Fatalf("%d acts are listed, of %d that ask policies", len(judging), acts)
	}
	for _, one := range judging {
		t.Run(one.name, func(t *testing.T) {
			each(t, func(o *office) {
				act := one.ready(o)
				times := o.whenJudging(func(int) { o.canWrite() })
				if err := act(); err != nil {
					o.Error(err)
				}
				if times() == 0 {
					o.Error("no policy was asked")
				}
			})
		})
	}
}

// strictly puts another text of a policy in force that refuses what the words name, past the queue that this test holds up.
func (o *office) strictly(words string) {
	o.Helper()
	engine := &policy.Engine{DB: o.db, Now: func() time.Time { return o.now }}
	source := fmt.Sprintf("package marketplace.company\ndeny contains %q if input.fields.owner", words)
	if _, _, err := engine.Put(o.Context(), access.System("test"), policy.Draft{Source: source}); err != nil {
		o.Fatal(err)
	}
}

func TestAnApprovalIsJudgedByTheStricterRuleThatCameMeanwhile(t *testing.T) {
	each(t, func(o *office) {
		r := o.approve("pat", o.submit(where2eat()))
		times := o.whenJudging(func(n int) {
			if n == 1 {
				o.strictly("no apps about food")
			}
		})
		out, err := o.desk.Approve(o.Context(), o.as("sam"), r.ID, review.Judgement{Digest: r.Digest})
		if err != nil || out.Request.State != review.NeedsFixes || out.Revealed != nil || times() != 2 {
			o.Fatalf("%s after %d judgements, %v", out.Request.State, times(), err)
		}
		if !slices.ContainsFunc(out.Request.Checks, func(c review.CheckResult) bool {
			return slices.ContainsFunc(c.Findings, func(f fault.Finding) bool { return f.Message == "no apps about food" })
		}) {
			o.Errorf("it is not told why: %+v", out.Request.Checks)
		}
	})
}

func TestWhatChangesAgainAndAgainIsBusyAndLeavesNothing(t *testing.T) {
	each(t, func(o *office) {
		pending := o.approve("pat", o.submit(where2eat()))
		acts := map[string]func() error{
			"submit": func() error {
				_, err := o.asks("alice", another("dinner"))
				return err
			},
			"edit": func() error {
				_, err := o.desk.Edit(o.Context(), o.as("alice"), pending.ID, pending.Revision, json.RawMessage(`{"fields": {"ttl_days": 20}}`))
				return err
			},
			"approve": func() error {
				_, err := o.desk.Approve(o.Context(), o.as("sam"), pending.ID, review.Judgement{Digest: pending.Digest})
				return err
			},
			"import": func() error {
				_, err := o.desk.Import(o.Context(), o.as("root"), review.Content{
					Environment: "production", Format: "flagd",
					Document: `{"flags": {"f": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}`,
				}, store.NewID(), false)
				return err
			},
		}
		for name, act := range acts {
			before := o.written()
			times := o.whenJudging(func(n int) { o.strictly(fmt.Sprintf("%s %d", name, n)) })
			err := act()
			o.refused(err, fault.Unavailable, "busy")
			if e, _ := errors.AsType[*fault.Error](err); e == nil || e.RetryAfter <= 0 {
				o.Errorf("%s: nobody is told when to try again", name)
			}
			if after := o.written(); after != before || times() != 3 {
				o.Errorf("%s: after %d judgements there is %s, before %s", name, times(), after, before)
			}
		}
	})
}

// written tells what requests have left in the database, and in the log.
func (o *office) written() string {
	o.Helper()
	var counts [6]int
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i, query := range []string{
			`SELECT count(*) FROM request`, `SELECT CAST(sum(revision) AS BIGINT) FROM request`, `SELECT count(*) FROM decision`,
			`SELECT count(*) FROM flag`, `SELECT count(*) FROM app`, `SELECT count(*) FROM audit_event WHERE name NOT LIKE 'policy.%'`,
		} {
			if err := tx.QueryRow(ctx, query).Scan(&counts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.Fatal(err)
	}
	return fmt.Sprint(counts)
}
