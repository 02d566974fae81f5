package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// maxImport is the limit of a body with a document in it, whose text may be escaped.
const maxImport = 2*importer.MaxBytes + maxBody

// Importing is a document of another system that is to be taken over.
type Importing struct {
	Format      string          `json:"format" enum:"flagd,launchdarkly,unleash,goff,flipt,growthbook,csv"`
	Environment string          `json:"environment,omitempty" doc:"sandbox unless said otherwise; where it is governed the import becomes a request"`
	App         string          `json:"app,omitempty" doc:"Slug of the app that the flags are to belong to; without it nobody owns them, and operators and administrators act for them"`
	Document    json.RawMessage `json:"document" doc:"The document, or its text in a string; YAML is taken as text, too"`
	From        string          `json:"from,omitempty" doc:"Which of the environments, or namespaces, of the document is meant; without it the only one, or the one with the name of environment"`
	Map         string          `json:"map,omitempty" doc:"CSV that says who answers for the flags: key and any of app, owner, contact, ttl_days, tags, off_variant. It goes before what the metadata of the flags says, and replaces what is there, which metadata only fills in"`
	Reason      string          `json:"reason,omitempty"`
	DryRun      bool            `json:"dry_run,omitempty" doc:"Plan only"`
}

// Imported is what an import did, or would do.
type Imported struct {
	Plan     importer.Plan   `json:"plan"`
	DryRun   bool            `json:"dry_run"`
	ImportID string          `json:"import_id,omitempty" doc:"Of an import that acted at once, as its events have it; the same each time that it is sent by its Idempotency-Key"`
	Request  *review.Request `json:"request,omitempty" doc:"The request that was made, where the environment is governed"`
}

// imported answers with 202 where a request was made, or this replica does not serve within a second what was taken.
type imported struct {
	Status int
	Body   Imported
}

type exportQuery struct {
	Environment string `path:"environment"`
	Format      string `query:"format" enum:"flagd" default:"flagd"`
}

const defaultImport = "sandbox"

func imports(a *API) {
	register(a, operation{
		method: http.MethodPost, path: "/imports", id: "import-flags", limit: maxImport, also: []int{http.StatusAccepted}, inParts: true,
		summary: "Take flags of another system over: at once, or as a request where the environment is governed (202)",
	}, access.FlagImport, func(ctx context.Context, by access.Actor, in *reply[Importing]) (*imported, error) {
		return a.importFlags(ctx, by, in.Body)
	})
	register(a, operation{
		method: http.MethodGet, path: "/environments/{environment}/export", id: "export-flags",
		summary: "What an environment serves, as a document of another system; what was imported comes back as it was given",
	}, access.Read, func(_ context.Context, by access.Actor, in *exportQuery) (*streamed, error) {
		return &streamed{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			out := &download{ResponseWriter: w, kind: "application/json", name: in.Environment + ".flagd.json"}
			a.finish(out, r, a.export(r.Context(), by, in, out))
		}}, nil
	})
	a.downloads("/environments/{environment}/export", "application/json")
}

func (a *API) importFlags(ctx context.Context, by access.Actor, in Importing) (*imported, error) {
	text := string(in.Document)
	if bytes.HasPrefix(bytes.TrimSpace(in.Document), []byte(`"`)) {
		if err := json.Unmarshal(in.Document, &text); err != nil {
			return nil, fault.New(fault.Invalid, "not_a_flag_document", "the text of the document cannot be read").At("document").
				Fix("send the document, or its text in a string").Because(err)
		}
	}
	c := review.Content{Environment: in.Environment, Format: in.Format, Document: text, From: in.From, Map: in.Map, Reason: in.Reason}
	if c.Environment == "" {
		c.Environment = defaultImport
	}
	if in.App != "" {
		c.App = &review.App{Slug: in.App}
	}
	id := importID(ctx)
	out, err := a.Desk.Import(ctx, by, c, id, in.DryRun)
	if err != nil {
		return nil, err
	}
	body := Imported{Plan: out.Plan, DryRun: in.DryRun, Request: out.Request}
	status := a.served(ctx, out.Revealed)
	switch {
	case out.Request != nil:
		status = http.StatusAccepted
	case len(out.Revealed) > 0:
		body.ImportID = id
	}
	return &imported{Status: status, Body: body}, nil
}

// importID is the id of the import that the request of ctx asks for: the same each time that it is sent by its Idempotency-Key.
func importID(ctx context.Context) string {
	if record, ok := ctx.Value(recorderKey{}).(*recorder); ok {
		return store.IDOf("import", record.try.actor, record.try.path, record.try.key, record.try.digest)
	}
	return store.NewID()
}

func (a *API) export(ctx context.Context, by access.Actor, in *exportQuery, out *download) error {
	set, err := a.Registry.Export(ctx, by, in.Environment)
	if err != nil {
		return err
	}
	document, err := importer.Write(in.Format, set)
	if err != nil {
		return err
	}
	_, err = out.Write(document)
	return err
}

// gaps tells what an imported flag lacks.
func gaps(ctx context.Context, tx *store.Tx, f registry.Flag, life lifecycle.Status) ([]importer.Gap, error) {
	if f.Imported == "" {
		return nil, nil
	}
	evaluators := map[string]map[string]json.RawMessage{}
	for _, e := range f.Environments {
		ground, err := registry.GroundOf(ctx, tx, e.Environment, nil, nil)
		if err != nil {
			return nil, err
		}
		evaluators[e.Environment] = ground.Known()
	}
	return importer.GapsOf(f, life.ExpiresAt != nil || life.TTLDays > 0, evaluators), nil
}
