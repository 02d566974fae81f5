package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/telemetry"
)

const metricsPath = "/metrics"

// metricsOpen tells whether anybody who reaches the metrics is on this machine, so that no token is wanted.
func (c *Config) metricsOpen() bool {
	if c.MetricsToken != "" {
		return false
	}
	if c.MetricsAddr != "" {
		host, _, err := net.SplitHostPort(c.MetricsAddr)
		return err == nil && loopback(host)
	}
	host, _, _ := net.SplitHostPort(c.Addr)
	public, err := url.Parse(c.PublicURL) // a proxy on this machine may pass on requests from anywhere
	return loopback(host) && err == nil && (c.PublicURL == "" || api.Local(public.Host))
}

// minMetricsToken is the least length of the token: it cannot be guessed then.
const minMetricsToken = 16

// checkMetrics tells what contradicts itself in how metrics are served.
func (c *Config) checkMetrics() error {
	if c.MetricsToken != "" && len(c.MetricsToken) < minMetricsToken {
		return fault.New(fault.Invalid, "short_metrics_token", "the token for metrics is shorter than %d characters", minMetricsToken).At("metrics.token").
			Fix("use a random one, such as openssl rand -hex 32 gives")
	}
	if c.MetricsAddr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.MetricsAddr)
	if err != nil {
		return fault.New(fault.Invalid, "bad_addr", "%q is not an address to listen at", c.MetricsAddr).At("metrics_addr").
			Fix("write it like :9090 for this machine only, or like 0.0.0.0:9090")
	}
	if !loopback(host) && c.MetricsToken == "" {
		return fault.New(fault.Invalid, "open_metrics", "anybody who reaches %s could read the metrics", c.MetricsAddr).At("metrics_addr").
			Fix("set SOUK_METRICS_TOKEN, or listen at :PORT, this machine only")
	}
	return nil
}

// metricsHandler answers Prometheus: anybody on this machine, elsewhere whoever has the token.
func (a *App) metricsHandler() http.Handler {
	inner, open := a.metrics.Handler(), a.cfg.metricsOpen()
	wanted := sha256.Sum256([]byte(a.cfg.MetricsToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header()["X-Content-Type-Options"] = nosniff
		switch scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); {
		case open && r.Host != "" && !api.Local(r.Host): // a web page that has a name of its own lead here
			http.Error(w, "metrics without a token are for this machine only", http.StatusMisdirectedRequest)
			return
		case !open && a.cfg.MetricsToken == "":
			http.Error(w, "metrics want a token here: set SOUK_METRICS_TOKEN, or metrics_addr for a port of this machine only", http.StatusForbidden)
			return
		case !open:
			given := sha256.Sum256([]byte(strings.TrimSpace(token)))
			if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(given[:], wanted[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="souk metrics"`)
				http.Error(w, "the token for metrics is missing or wrong", http.StatusUnauthorized)
				return
			}
		}
		inner.ServeHTTP(w, r)
	})
}

// secured adds TLS to a listener.
func (a *App) secured(l net.Listener) (net.Listener, error) {
	certificate, err := tls.LoadX509KeyPair(a.cfg.TLSCert, a.cfg.TLSKey)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_certificate", "the TLS certificate cannot be used").At("tls_cert").
			Fix("give a certificate and its key as PEM files").Because(err)
	}
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

// tellMetrics lets the metrics tell of the parts.
func (a *App) tellMetrics() {
	a.metrics.AddSource(func(_ context.Context, tell telemetry.Tell) { a.tellUsage(tell) })
	a.metrics.AddSource(func(_ context.Context, tell telemetry.Tell) { a.tellServed(tell) })
	a.metrics.AddSource(a.tellDatabase)
}

func (a *App) tellUsage(tell telemetry.Tell) {
	s := a.usage.Counters.State(a.cfg.Now())
	for in, n := range s.Totals {
		tell(telemetry.Evaluations, float64(n), in.Environment, in.Protocol, strings.ToLower(string(in.Reason)), strings.ToLower(string(in.Code)))
	}
	for _, b := range s.Bulks {
		tell(telemetry.Bulks, float64(b.Evaluated), b.Environment, b.Protocol, "evaluated")
		tell(telemetry.Bulks, float64(b.Unchanged), b.Environment, b.Protocol, "unchanged")
	}
	tell(telemetry.UsageSeries, float64(s.Series))
	tell(telemetry.UsageUnnamed, float64(s.Beyond))
	tell(telemetry.UsagePending, float64(s.Pending))
	tell(telemetry.UsageLost, float64(s.Lost))
}

func (a *App) tellServed(tell telemetry.Tell) {
	for _, name := range a.live.Environments() {
		if served := a.live.Snapshot(name); served != nil {
			tell(telemetry.SnapshotRevision, float64(served.Revision), name)
			tell(telemetry.SnapshotFlags, float64(served.Flags.Len()), name)
			tell(telemetry.SnapshotLeftOut, float64(len(served.Flags.LeftOut())), name)
		}
	}
	tell(telemetry.SnapshotStale, number(a.live.Stale()))
	if at := a.current.Load(); at != 0 {
		tell(telemetry.SnapshotAge, max(0, a.cfg.Now().Sub(store.Time(at)).Seconds()))
	}
	for _, s := range a.plane.Streams() {
		if s.Reason == "" {
			tell(telemetry.StreamsOpen, float64(s.Count), string(s.Kind), s.Environment)
		} else {
			tell(telemetry.StreamExits, float64(s.Count), string(s.Kind), s.Environment, string(s.Reason))
		}
	}
}

func (a *App) tellDatabase(ctx context.Context, tell telemetry.Tell) {
	up := a.db.Ping(ctx) == nil
	tell(telemetry.DatabaseUp, number(up))
	tell(telemetry.Leader, number(a.leading.Load()))
	if !up || !a.connected.Load() {
		return
	}
	waiting, since, err := a.audit.Waiting(ctx)
	if err != nil {
		return // it went away just now, which the next scrape tells
	}
	tell(telemetry.AuditWaiting, float64(waiting))
	lag := 0.0
	if since != nil {
		lag = max(0, a.cfg.Now().Sub(*since).Seconds())
	}
	tell(telemetry.AuditLag, lag)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// watchEvery is how often it is looked whether what is served is current, and whether there are new environments.
const watchEvery = time.Second

// watchServed notes, until ctx ends, when what is served was last current, and how long changes took to be served here.
func (a *App) watchServed(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	var watched sync.Map // by environment
	for {
		if a.live.Ready() && !a.live.Stale() {
			a.current.Store(store.Micros(a.cfg.Now()))
		}
		for _, name := range a.live.Environments() {
			if _, running := watched.LoadOrStore(name, true); !running {
				watching.Go(func() {
					defer watched.Delete(name)
					a.watchChanges(ctx, name)
				})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watchChanges measures each change of an environment, until ctx ends or the environment does.
func (a *App) watchChanges(ctx context.Context, environment string) {
	for {
		before := a.live.Snapshot(environment)
		if before == nil || !a.live.Await(ctx, environment, before.Revision+1) {
			return
		}
		served := a.live.Snapshot(environment)
		now := a.cfg.Now()
		if served == nil || !a.connected.Load() {
			continue
		}
		// An error means that the database went away just now: this change is not measured.
		_ = a.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
			at, ok, err := registry.ChangedAt(ctx, tx, environment, served.Revision)
			if err == nil && ok {
				a.metrics.Propagated(environment, now.Sub(at))
			}
			return err
		})
	}
}
