// Package verbs is what can be done to an installation, wired once: the API, the command line, the demo and the server itself act
// through the same values. It decides nothing.
package verbs

import (
	"log/slog"
	"runtime"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/insight"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// judgeWait is how long a judgement by policies waits for its turn. One may take three seconds, and a person no longer than this.
const judgeWait = 10 * time.Second

// Verbs are the parts that people and programs act through. Each exported method of a part that writes is one transaction, and asks
// for the rights of whoever acts. They are safe for concurrent use.
type Verbs struct {
	Directory *access.Directory
	Governors *access.Governors
	Sessions  *signin.Sessions
	Accounts  *signin.Accounts
	Tokens    *signin.Tokens
	Keys      *sdkkey.Keys
	Library   *template.Library
	Policies  *policy.Engine
	Registry  *registry.Registry
	Catalog   *catalog.Catalog
	Lifecycle *lifecycle.Lifecycles
	Rollouts  *rollout.Rollouts
	Kills     *kill.Kills
	Desk      *review.Desk
	Apply     *apply.Target
	Insight   *insight.Insight
}

// Config is what the verbs stand on.
type Config struct {
	DB         *store.DB
	Now        func() time.Time
	Log        *slog.Logger // may be nil where no part runs by itself, as in the demo's story
	Publishers access.Publishers
	Copies     string         // the directory of the copies that are served while the database is away
	Live       *live.Live     // what this process serves; nil if it serves nothing
	Usage      *measure.Usage // what this process counts of the use of flags; nil if it serves nothing
	URL        func() string  // where people reach the console, for the links that are made
}

// New wires the verbs. Governors know each kind of change that waits for a second administrator, except what its caller adds.
func New(c Config) *Verbs {
	db, now := c.DB, c.Now
	v := &Verbs{
		Directory: &access.Directory{
			DB: db, Now: now, Uses: usesOfGroup, Listed: catalog.CountListed, EndCredentials: signin.EndCredentials, SignIns: signin.SignInsOf,
			Readdress: readdress, AudienceOf: audienceOf,
		},
		Sessions:  &signin.Sessions{DB: db, Now: now, Publishers: c.Publishers},
		Tokens:    &signin.Tokens{DB: db, Now: now, Publishers: c.Publishers},
		Keys:      &sdkkey.Keys{DB: db, Now: now, Log: c.Log, Facts: keyFacts, Dir: c.Copies},
		Library:   &template.Library{DB: db, Now: now, Reported: signin.Reporters},
		Policies:  &policy.Engine{DB: db, Now: now, Fields: template.FieldNames},
		Registry:  &registry.Registry{DB: db, Now: now, Log: c.Log, SegmentInUse: review.NeedsSegment},
		Catalog:   &catalog.Catalog{DB: db, Now: now},
		Lifecycle: &lifecycle.Lifecycles{DB: db, Now: now},
		Rollouts:  &rollout.Rollouts{DB: db, Now: now, Log: c.Log, Usage: c.Usage},
		Kills:     &kill.Kills{DB: db, Now: now, Live: c.Live},
		Insight:   &insight.Insight{DB: db, Now: now},
	}
	v.Accounts = &signin.Accounts{DB: db, Now: now, Log: c.Log, Directory: v.Directory, Sessions: v.Sessions, URL: c.URL}
	v.Library.Judge = v.Policies.TemplateJudge
	// One core is left for all that is not judging.
	v.Policies.Turn = policy.NewQueue(max(1, runtime.GOMAXPROCS(0)-1), judgeWait).Run
	v.Registry.Reached = review.ReachedBySegment
	v.Desk = &review.Desk{DB: db, Now: now, Log: c.Log, Policies: v.Policies, Segments: v.Registry, Kills: v.Kills}
	v.Apply = &apply.Target{
		DB: db, Now: now, Directory: v.Directory, Registry: v.Registry, Library: v.Library, Engine: v.Policies, Lifecycle: v.Lifecycle, Desk: v.Desk,
	}
	v.Governors = &access.Governors{DB: db, Now: now, Verbs: v.governing(), SignIns: signin.SignInsOf}
	return v
}
