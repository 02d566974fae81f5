package backup

import (
	"context"
	"fmt"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// acknowledge is the verb of this package that can loosen what governs.
var acknowledge = access.Verb[acknowledged]{
	Method: "Backups.Acknowledge", Action: "audit.acknowledge", Right: access.GovernWrite,
	Looser: func(_, after acknowledged) []string { return after.loosens() },
}

// acknowledged is what an administrator agrees to: that beyond the database nothing of the log is left.
type acknowledged struct {
	audit.SetBack
	Reason string `json:"reason"`
}

// loosens says what gets weaker: events that were published can no longer be shown.
func (a acknowledged) loosens() []string {
	return []string{fmt.Sprintf("the audit log %s is given up at %d leaves, and begins anew with what the database holds: %s", a.Origin, a.Size, a.Reason)}
}

// Acknowledge lets an audit log that was set back go on under a new name, whose first leaf says what was given up and why.
// Administrators do it, two of them where there are two. A log that was not set back is a fault of kind Conflict.
func (b *Backups) Acknowledge(ctx context.Context, by access.Actor, reason string) error {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return fault.New(fault.Unprocessable, "no_reason", "no reason is given").At("reason").
			Fix("say why the newest copy of the database cannot be put in place: it becomes the first event of the log")
	}
	var waiting *access.Proposal
	err := b.DB.WriteLarge(ctx, func(ctx context.Context, tx *store.Tx) error {
		back, err := b.Audit.SetBack(ctx, tx)
		if err != nil {
			return err
		}
		if back == nil {
			return fault.New(fault.Conflict, "log_continues", "the audit log continues all that was published from here").
				Fix("there is nothing to acknowledge; if another server reports it, do it there")
		}
		change := acknowledged{SetBack: *back, Reason: reason}
		waiting, err = acknowledge.Second(ctx, tx, by, b.Now(), acknowledged{}, change, access.Loosening{Subject: "audit_log:" + back.Origin, Change: change})
		if err != nil || waiting != nil {
			return err
		}
		event := by.Event(audit.LogRestarted, b.Now())
		event.Reason = reason
		return b.Audit.Restart(ctx, tx, *back, event)
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return err
	}
	return b.Audit.Attest(ctx)
}

// Governing is the row of this package in the table of verbs that govern.
func (b *Backups) Governing() []access.Governing {
	return []access.Governing{access.Row(acknowledge, func(ctx context.Context, by access.Actor, a acknowledged, _ int64) error {
		return b.Acknowledge(ctx, by, a.Reason)
	})}
}
