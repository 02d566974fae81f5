package api

import (
	"context"
	"net/http"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
)

type usageQuery struct {
	ByKey
	Environment string       `query:"environment" doc:"Absent is all of them together"`
	From        time.Time    `query:"from" doc:"RFC 3339; absent is 24 hours before to"`
	To          time.Time    `query:"to" doc:"RFC 3339; absent is now"`
	Step        measure.Step `query:"step" enum:"minute,hour,day" doc:"Minutes go back 7 hours, hours 42 days, days 800 days; absent is the finest that fits"`
}

func usage(a *API) {
	register(a, operation{
		method: http.MethodGet, path: "/flags/{key}/usage", id: "get-flag-usage", summary: "How often a flag was evaluated, with what answers, and by which clients",
	}, access.Read, func(ctx context.Context, by access.Actor, in *usageQuery) (*reply[measure.Report], error) {
		report, err := a.usageOf(ctx, by, in)
		return &reply[measure.Report]{Body: report}, err
	})
}

// usageOf tells how a flag that there is, or was, is used.
func (a *API) usageOf(ctx context.Context, by access.Actor, in *usageQuery) (measure.Report, error) {
	if _, err := a.Registry.Flag(ctx, by, in.Key); err != nil {
		return measure.Report{}, err
	}
	report, err := a.Usage.Report(ctx, by, measure.Query{
		Flag: in.Key, Environment: in.Environment, From: in.From, To: in.To, Step: in.Step,
	})
	if err != nil {
		return measure.Report{}, err
	}
	var ids []string
	for _, c := range report.Clients {
		ids = append(ids, c.KeyID)
	}
	var names map[string]sdkkey.Name
	if err := a.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		names, err = sdkkey.Names(ctx, tx, ids)
		return err
	}); err != nil {
		return measure.Report{}, err
	}
	for i := range report.Clients {
		c := &report.Clients[i]
		n := names[c.KeyID]
		c.Name, c.App, c.ClientSide, c.Revoked = n.Name, n.App, n.ClientSide, n.Revoked
	}
	return report, nil
}
