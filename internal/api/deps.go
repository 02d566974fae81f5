package api

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/seal"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/telemetry"
	"github.com/soukhq/souk/internal/verbs"
	"github.com/soukhq/souk/internal/watch"
)

// Mode is how the program runs.
type Mode string

// The modes.
const (
	Demo  Mode = "demo"  // one signs in by choosing a person; loopback only
	Serve Mode = "serve" // one signs in with a credential
)

// Deps is what the API calls.
type Deps struct {
	verbs.Verbs
	DB      *store.DB
	Log     *slog.Logger
	Now     func() time.Time
	Mode    Mode
	Version string
	People  []DemoPerson // who may be chosen in a demo
	Console fs.FS        // the built console; nil serves a note
	Ready   func() bool  // the snapshots of all environments are loaded

	Live     *live.Live
	Usage    *measure.Usage
	Metrics  *telemetry.Metrics
	Tracing  *telemetry.Tracing // whose Handler has to be around the API
	Replicas *measure.Replicas
	Watch    *watch.Hub
	Audit    *audit.Log
	Recent   *measure.Recent        // contexts that the data plane was asked with
	Answers  func(host string) bool // to which hosts, as in the header Host, the console and the API answer; nil is all
	Origin   string                 // of the console as people reach it, where a proxy may change the host; may be empty
	Away     error                  // what everything that needs the database answers, in a server that started without it
	Secret   *seal.Key              // seals answers that hold secrets; nil keeps none of them
	Backups  *backup.Backups
	// KillHere turns a flag off on this replica alone, while its database is away.
	KillHere func(ctx context.Context, by access.Actor, flag, environment, reason string) (live.Override, error)
	// Doctor examines the installation; serve knows all of it.
	Doctor func(ctx context.Context, by access.Actor) ([]Diagnosis, error)
}

type localKey struct{}

// WithLocal marks the context of a connection through the local socket: whoever may open it acts as by.
func WithLocal(ctx context.Context, by access.Actor) context.Context {
	return context.WithValue(ctx, localKey{}, by)
}

func isLocal(ctx context.Context) bool {
	_, ok := ctx.Value(localKey{}).(access.Actor)
	return ok
}

// authenticate tells who acts: by the local socket, an API token, or a session. Nobody is the zero actor. A token that is no
// good is refused even where nobody needs to be signed in; a session that ended is nobody.
func (a *API) authenticate(r *http.Request) (access.Actor, error) {
	if by, ok := r.Context().Value(localKey{}).(access.Actor); ok {
		return by, nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return access.Actor{}, fault.New(fault.Unauthenticated, "bad_token", "the header Authorization is not of the scheme Bearer").
				Fix("send Authorization: Bearer souk_…")
		}
		return a.Tokens.Recognize(r.Context(), r, strings.TrimSpace(secret))
	}
	if _, err := r.Cookie(signin.Cookie); err != nil {
		return access.Actor{}, nil //nolint:nilerr // no cookie is nobody
	}
	by, _, err := a.Sessions.Actor(r.Context(), r)
	return by, err
}

// Local tells whether a Host header means this machine.
func Local(host string) bool {
	if name, port, err := net.SplitHostPort(host); err == nil && strings.Trim(port, "0123456789") == "" {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
