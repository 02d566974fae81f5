package serve

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/store"
)

// newReplicas makes this process known among those that serve the same database.
func (a *App) newReplicas() *measure.Replicas {
	return &measure.Replicas{
		DB: a.db, Now: time.Now, Log: a.log, ID: store.NewID(), Name: replicaName(a.cfg.Addr), Topic: kill.Topic,
		Wanted: func(ctx context.Context, tx *store.Tx) ([]measure.Place, error) {
			open, err := kill.Open(ctx, tx)
			places := make([]measure.Place, 0, len(open))
			for _, act := range open {
				if place := (measure.Place{Environment: act.Environment, Revision: act.Revision}); !slices.Contains(places, place) {
					places = append(places, place)
				}
			}
			return places, err
		},
		Part: a.part,
	}
}

// replicaName is what people know this process by.
func replicaName(addr string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "souk"
	}
	if _, port, err := net.SplitHostPort(addr); err == nil {
		return net.JoinHostPort(host, port)
	}
	return host
}

// part says how a revision got to the clients of this replica.
func (a *App) part(place measure.Place) (measure.Part, bool) {
	if !a.live.Serves(place.Environment, place.Revision) {
		return measure.Part{}, false
	}
	return measure.Part{
		Handed: a.plane.Handed(place.Environment, place.Revision), Polling: a.plane.Polling(place.Environment, place.Revision),
	}, true
}

// A receipt is settled when every replica has answered and no stream is on its way, and at the latest after settleAfter. It is not
// before settleFrom, within which replicas that missed the announcement hear of it and clients that poll may ask again.
const (
	settleEvery = 500 * time.Millisecond
	settleFrom  = 2 * time.Second
	settleAfter = 10 * time.Second
)

// settleKills writes the receipts of kills into the audit log once they do not change any more.
func (a *App) settleKills(ctx context.Context) {
	wake, stop := a.db.Subscribe(kill.Topic)
	defer stop()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	since := map[string]time.Time{} // by act, when it was first seen here: no clock that is set back makes it wait
	for {
		err := a.settleOnce(ctx, since)
		if err != nil && ctx.Err() == nil {
			a.log.LogAttrs(ctx, slog.LevelWarn, "receipts of kills not looked at", slog.Any("error", err))
		}
		again := tick.C
		if err == nil && len(since) == 0 {
			again = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-again:
		}
	}
}

// settleOnce settles the kills whose time has come. Afterwards since has those that wait.
func (a *App) settleOnce(ctx context.Context, since map[string]time.Time) error {
	type waiting struct {
		kill.Act
		receipt measure.Receipt
	}
	var open []waiting
	err := a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		acts, err := kill.Open(ctx, tx)
		if err != nil {
			return err
		}
		for _, act := range acts {
			receipt, err := a.replicas.Receipt(ctx, tx, measure.Place{Environment: act.Environment, Revision: act.Revision})
			if err != nil {
				return err
			}
			open = append(open, waiting{act, receipt})
		}
		return nil
	})
	if err != nil {
		return err
	}
	now := time.Now()
	for id := range since {
		if !slices.ContainsFunc(open, func(w waiting) bool { return w.ID == id }) {
			delete(since, id)
		}
	}
	for _, w := range open {
		first, seen := since[w.ID]
		if !seen {
			first, since[w.ID] = now, now
		}
		if age := now.Sub(first); age < settleFrom || age < settleAfter && !w.receipt.Settled {
			continue
		}
		if failed := a.Kills.Settle(ctx, access.System("receipts"), w.Act, w.receipt); failed != nil {
			err = cmp.Or(err, failed)
			continue
		}
		delete(since, w.ID)
	}
	return err
}
