package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// KillOrder is what is to be turned off at once.
type KillOrder struct {
	Select      registry.Selection `json:"select"`
	Environment string             `json:"environment,omitempty" doc:"Where; may be left out where select names an environment"`
	Reason      string             `json:"reason,omitempty"`
	ExpectFlags *int               `json:"expect_flags" minimum:"0" doc:"How many flags that is, as kills:count says; with more of them nothing is turned off"`
}

func (o KillOrder) order() kill.Order {
	order := kill.Order{Select: o.Select, Environment: o.Environment, Reason: o.Reason}
	if o.ExpectFlags != nil {
		order.ExpectFlags = *o.ExpectFlags
	}
	return order
}

// KillCountOrder asks how much an order would turn off.
type KillCountOrder struct {
	Select      registry.Selection `json:"select"`
	Environment string             `json:"environment,omitempty" doc:"Where; may be left out where select names an environment"`
}

// CarriedOut is a kill with proof of how far it got.
type CarriedOut struct {
	kill.Act
	Progress
	Receipt Receipt `json:"receipt"`
}

// Progress is how far a kill got on this replica. Whatever is served and not committed yet will be.
type Progress struct {
	KillID    string `json:"kill_id" doc:"Of the kill, to ask for it again"`
	Served    bool   `json:"served" doc:"This replica serves it"`
	Committed bool   `json:"committed" doc:"It is in the database and its audit log"`
}

func (r Receipt) progress() Progress {
	return Progress{KillID: r.KillID, Served: r.ServedHere, Committed: r.CommittedAt != nil}
}

// RestoredKill is a kill after what it holds off was turned on again, or asked for.
type RestoredKill struct {
	kill.Act
	review.UndoOutcome
}

// Receipt tells how far a kill got: whether the replica that answers serves it, and which clients of all replicas have it. It grows
// for some seconds after the kill.
type Receipt struct {
	KillID      string     `json:"kill_id,omitempty" doc:"Of the kill, to ask for the receipt again"`
	Environment string     `json:"environment"`
	Revision    int64      `json:"revision"`
	ServedHere  bool       `json:"served_here" doc:"The replica that answers serves the revision"`
	CommittedAt *time.Time `json:"committed_at,omitempty" doc:"Absent while it is served and not committed yet"`
	ServedAt    *time.Time `json:"served_at,omitempty" doc:"When the replica that answers was seen to serve it"`
	measure.Receipt
}

// ByKill names a kill.
type ByKill struct {
	ID string `path:"id" doc:"Id of the kill"`
}

type killQuery struct {
	Paging
	Environment string `query:"environment"`
	Many        bool   `query:"many" doc:"Only those of a selection, not of one flag"`
	Uncommitted bool   `query:"uncommitted" doc:"Only those that are served and not committed yet"`
}

func kills(a *API) {
	register(a, operation{method: http.MethodGet, path: "/kills", id: "list-kills", summary: "What was turned off for everybody, newest first; without committed_at what is served and not committed yet"},
		access.Read, func(ctx context.Context, by access.Actor, in *killQuery) (*reply[store.Listing[kill.Act]], error) {
			list, err := a.Kills.List(ctx, by, kill.Filter{Many: in.Many, Uncommitted: in.Uncommitted, Environment: in.Environment}, in.page())
			return &reply[store.Listing[kill.Act]]{Body: list}, err
		})
	register(a, operation{method: http.MethodPost, path: "/kills:count", id: "count-kill", urgent: true, summary: "How many flags a kill would turn off; nothing is written"},
		access.Kill, func(ctx context.Context, by access.Actor, in *struct{ Body KillCountOrder }) (*reply[registry.Extent], error) {
			extent, err := a.Kills.Count(ctx, by, kill.Order{Select: in.Body.Select, Environment: in.Body.Environment})
			return &reply[registry.Extent]{Body: extent}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/kills", id: "kill-many", also: []int{http.StatusAccepted}, urgent: true,
		summary: "Turn off everything of an app, a group, a tag or an environment, now; 202 while it is served and not committed yet, or committed and not served here",
	}, access.Kill, func(ctx context.Context, by access.Actor, in *struct{ Body KillOrder }) (*object[CarriedOut], error) {
		order := in.Body.order()
		order.Sent = sentOf(ctx)
		act, err := a.Kills.Panic(ctx, by, order)
		if err != nil {
			return nil, err
		}
		receipt, status, err := a.receipt(ctx, act)
		return &object[CarriedOut]{Status: status, Body: CarriedOut{Act: act, Progress: receipt.progress(), Receipt: receipt}}, err
	})
	register(a, operation{
		method: http.MethodGet, path: "/kills/{id}", id: "get-kill", urgent: true, also: []int{http.StatusAccepted},
		summary: "Get a kill and its receipt as it stands; 202 while it is served and not committed yet",
	},
		access.Read, func(ctx context.Context, by access.Actor, in *ByKill) (*object[CarriedOut], error) {
			act, err := a.Kills.Get(ctx, by, in.ID)
			if err != nil {
				return nil, err
			}
			receipt, err := a.receiptNow(ctx, act)
			status := http.StatusOK
			if act.CommittedAt == nil {
				status = http.StatusAccepted
			}
			return &object[CarriedOut]{Status: status, Body: CarriedOut{Act: act, Progress: receipt.progress(), Receipt: receipt}}, err
		})
	register(a, operation{
		method: http.MethodPost, path: "/kills/{id}/end", id: "end-kill", status: http.StatusNoContent,
		summary: "Let go of a kill that is served and that the database refuses: its flags are served as the database has them",
	}, access.GovernWrite, func(ctx context.Context, by access.Actor, in *struct {
		ByKill
		Body Reason
	},
	) (*none, error) {
		return nil, a.Kills.End(ctx, by, in.ID, in.Body.Reason)
	})
	register(a, operation{
		method: http.MethodPost, path: "/kills/{id}/restore", id: "restore-kill", also: []int{http.StatusAccepted},
		summary: "Turn on again what a kill still holds off: at once, or as requests where the environment is governed (202)",
	}, access.Restore, func(ctx context.Context, by access.Actor, in *struct {
		ByKill
		Body *Reason
	},
	) (*object[RestoredKill], error) {
		said := Reason{}
		if in.Body != nil {
			said = *in.Body
		}
		out, err := a.Desk.UndoKill(ctx, by, in.ID, said.Reason)
		if err != nil {
			return nil, err
		}
		status := a.served(ctx, out.Revealed)
		if len(out.Requests)+out.Left > 0 {
			status = http.StatusAccepted
		}
		act, err := a.Kills.Get(ctx, by, in.ID)
		return &object[RestoredKill]{Status: status, Body: RestoredKill{Act: act, UndoOutcome: out}}, err
	})
}

// handedWithin is how long the answer to a kill waits for the streams of this replica, so that the receipt says something.
const handedWithin = 300 * time.Millisecond

// receipt waits until this replica serves a kill and its streams have it, and gives the receipt so far: 200, or 202 if serving it
// takes longer than a second.
func (a *API) receipt(ctx context.Context, act kill.Act) (Receipt, int, error) {
	if act.CommittedAt == nil {
		keepEarly(ctx)
		receipt, err := a.receiptNow(ctx, act)
		return told(receipt, http.StatusAccepted, err)
	}
	status := a.served(ctx, map[string]int64{act.Environment: act.Revision})
	if status == http.StatusOK && act.SettledAt == nil {
		a.handed(ctx, measure.Place{Environment: act.Environment, Revision: act.Revision})
	}
	receipt, err := a.receiptNow(ctx, act)
	return told(receipt, status, err)
}

// told is the answer to a kill that has happened: where the database is not free to show more of it, 202 with what is known without.
func told(r Receipt, status int, err error) (Receipt, int, error) {
	if fault.Is(err, fault.Unavailable) {
		return r, http.StatusAccepted, nil
	}
	return r, status, err
}

// handed waits until the open streams of this replica were handed a revision.
func (a *API) handed(ctx context.Context, place measure.Place) {
	ctx, cancel := context.WithTimeout(ctx, handedWithin)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if part, serves := a.Replicas.Part(place); serves && part.Waiting == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// receiptNow gives the receipt of a kill as it stands.
func (a *API) receiptNow(ctx context.Context, act kill.Act) (Receipt, error) {
	r := Receipt{KillID: act.ID, Environment: act.Environment, Revision: act.Revision, CommittedAt: act.CommittedAt, ServedAt: act.ServedAt}
	if act.CommittedAt == nil {
		r.ServedHere = true
		err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			r.Receipt, err = a.Replicas.Early(ctx, tx, append(a.Live.Confirmed(act.ID), a.Replicas.ID))
			return err
		})
		return r, err
	}
	if a.Live.Serves(act.Environment, act.Revision) {
		now := a.Now().UTC()
		r.ServedHere = true
		if r.ServedAt == nil {
			r.ServedAt = &now
		}
	}
	if act.SettledAt != nil {
		if err := json.Unmarshal(act.Receipt, &r.Receipt); err != nil {
			return r, fmt.Errorf("read the receipt of kill %s: %w", act.ID, err)
		}
		return r, nil
	}
	err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		r.Receipt, err = a.Replicas.Receipt(ctx, tx, measure.Place{Environment: act.Environment, Revision: act.Revision})
		return err
	})
	return r, err
}
