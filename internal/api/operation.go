package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/kill"
	"github.com/soukhq/souk/internal/store"
)

// actionExtension is the member of an operation in openapi.json that names its action.
const actionExtension = "x-souk-action"

// operation describes one call; also lists further statuses that it answers with the same body as its first.
type operation struct {
	method, path, id, summary string
	status                    int
	also                      []int
	secret                    bool         // the answer holds a secret
	password                  bool         // the body holds a password, of which not even a hash is kept for an Idempotency-Key
	urgent                    bool         // waits behind nobody for the database, from its credentials on: kills and aborts
	inParts                   bool         // its effect is made in several transactions; the same call again makes what is left of it
	proposes                  bool         // answers 202 with a proposal where the change needs a second administrator
	limit                     int64        // of the body in bytes; 0 is maxBody
	mergePatch                reflect.Type // the body is an RFC 7396 merge patch of this type; raw to the handler
	document                  reflect.Type // the body is of this type; raw to the handler, whose package reads it strictly
}

// register adds a call with the action that its verb asks for. The handler gets who acts; what it returns as error becomes a
// Problem, and nil lists in what it returns become empty ones.
func register[I, O any](a *API, o operation, action access.Action, handle func(ctx context.Context, by access.Actor, in *I) (*O, error)) {
	noun, _, _ := strings.Cut(strings.TrimPrefix(o.path, "/"), "/")
	noun, _, _ = strings.Cut(noun, ":")
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: prefix + o.path, Summary: o.summary, Tags: []string{noun}, DefaultStatus: o.status,
		MaxBodyBytes: cmp.Or(o.limit, maxBody) + 1, Extensions: map[string]any{actionExtension: string(action)},
		BodyReadTimeout: -1, // takeBody has read it
	}
	if action != access.Public {
		op.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	if o.method != http.MethodGet && action != access.Public && !o.password {
		op.Parameters = []*huma.Param{{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Requests with the same key do the thing once; remembered for 24 hours",
		}}
	}
	op.Metadata = map[string]any{secretAnswer: o.secret, passwordBody: o.password, urgent: o.urgent, inParts: o.inParts, readBelow: o.document != nil}
	a.describeBody(&op, o)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		by, _ := ctx.Value(actorKey{}).(access.Actor)
		if action != access.Public {
			ctx = store.Guard(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Sessions.Still(ctx, tx, by) })
		}
		out, err := handle(ctx, by, in)
		if errors.Is(err, errRepeated) {
			if record, ok := ctx.Value(recorderKey{}).(*recorder); ok {
				record.repeated = true
				err = alreadyDone()
			}
		}
		if waiting, ok := errors.AsType[*access.Pending](err); ok {
			return nil, &pending{Proposed{waiting.Proposal}}
		}
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		fillLists(reflect.ValueOf(out))
		return out, nil
	})
	described := a.described(o.method, prefix+o.path)
	if o.proposes {
		described.Responses[strconv.Itoa(http.StatusAccepted)] = &huma.Response{
			Description: "It waits for a second administrator",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Proposed](), true, "")}},
		}
	}
	for _, code := range o.also {
		first := described.Responses[strconv.Itoa(described.DefaultStatus)]
		described.Responses[strconv.Itoa(code)] = &huma.Response{
			Description: http.StatusText(code), Content: first.Content, Headers: first.Headers,
		}
	}
}

// passwordBody marks operations whose body holds a password.
const passwordBody = "password body"

// secretAnswer marks operations whose answer holds a secret.
const secretAnswer = "secret answer"

// urgent marks operations whose transactions come before those of others.
const urgent = "urgent"

// inParts marks operations whose effect is made in several transactions.
const inParts = "in parts"

// readBelow marks operations whose members are checked by the package that reads them.
const readBelow = "read below"

// describeBody describes a body that the handler takes as it came.
func (a *API) describeBody(op *huma.Operation, o operation) {
	t, media := o.document, []string{"application/json"}
	if o.mergePatch != nil {
		t, media = o.mergePatch, append(media, "application/merge-patch+json")
	}
	if t == nil {
		return
	}
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, name := range media {
		op.RequestBody.Content[name] = &huma.MediaType{Schema: a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")}
	}
}

// described finds an operation in the document.
func (a *API) described(method, path string) *huma.Operation {
	item := a.huma.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	case http.MethodPatch:
		return item.Patch
	}
	return item.Delete
}

type actorKey struct{}

// admit runs before every operation: who acts, whether the edit carries a version, whether the body is plain JSON with known
// members.
func (a *API) admit(c huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(c)
	op := c.Operation()
	if exchange, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		exchange.route = op
	}
	if op.Metadata[urgent] == true {
		r = r.WithContext(store.First(r.Context()))
		c = humago.NewContext(op, r, w)
	}
	by, err := a.authenticate(r)
	if op.Extensions[actionExtension] == string(access.Kill) {
		err = kill.Away(err)
	}
	if action, _ := op.Extensions[actionExtension].(string); err == nil && access.Action(action) != access.Public {
		err = access.Can(by, access.SignIn, access.Scope{})
		if fault.Is(err, fault.Forbidden) {
			err = nil // a narrow token: the verb decides
		}
	}
	if err == nil && op.MaxBodyBytes > maxBody+1 { // a large body is read from nobody but who may send it
		action, _ := op.Extensions[actionExtension].(string)
		err = access.Can(by, access.Action(action), access.Scope{})
		if fault.Is(err, fault.Forbidden) && r.ContentLength > 0 && r.ContentLength <= maxBody {
			err = nil // the verb knows whose it is
		}
	}
	if err == nil {
		err = noneTwice(op, r)
	}
	if err == nil {
		err = needVersion(op, r)
	}
	var body []byte
	if err == nil {
		body, err = a.takeBody(op, w, r)
	}
	var try *attempt
	if err == nil {
		if op.Metadata[passwordBody] != true {
			try, err = attemptOf(r, by, body)
		}
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	c = huma.WithContext(c, context.WithValue(c.Context(), actorKey{}, by))
	if try != nil {
		a.once(c, try, next)
		return
	}
	next(c)
}

// takeBody reads the body, checks it, and puts it back for Huma to decode.
func (a *API) takeBody(op *huma.Operation, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	// Once all of it is here, the time that it may take to arrive must not end what is done with it: net/http reads on, and ends the
	// context of a request when that fails.
	arrived := func() { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }
	if op.RequestBody == nil {
		if r.Body == http.NoBody {
			arrived()
		}
		return nil, nil
	}
	body, err := readBody(w, r, op.MaxBodyBytes-1)
	if err != nil {
		return nil, err
	}
	arrived()
	if body != nil && op.Metadata[readBelow] != true {
		if media := op.RequestBody.Content["application/json"]; media != nil {
			if err := checkMembers(a.huma.OpenAPI().Components.Schemas, media.Schema, body); err != nil {
				return nil, err
			}
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// noneTwice refuses a parameter that is given twice where one counts: a reader of logs, or a proxy, may believe the other.
func noneTwice(op *huma.Operation, r *http.Request) error {
	query := r.URL.Query()
	for _, p := range op.Parameters {
		if p.In == "query" && len(query[p.Name]) > 1 && p.Schema != nil && p.Schema.Type != huma.TypeArray {
			return fault.New(fault.Invalid, "given_twice", "%s is given %d times", p.Name, len(query[p.Name])).At(p.Name).Fix("give it once")
		}
	}
	return nil
}

// needVersion refuses an edit without the version that it read. Signing out has none.
func needVersion(op *huma.Operation, r *http.Request) error {
	switch r.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return nil
	}
	if strings.HasSuffix(op.Path, "/session") || r.Header.Get("If-Match") != "" ||
		r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" {
		return nil
	}
	return fault.New(fault.NoVersion, "version_required", "an edit has to say which version it was made from").
		Fix("send the header If-Match with the ETag that reading it gave, or If-None-Match: * to make it new")
}

// Version is the version that an edit was made from.
type Version struct {
	IfMatch     string `header:"If-Match" doc:"The revision that was read, in quotes, as the ETag gives it"`
	IfNoneMatch string `header:"If-None-Match" doc:"* to make something that does not exist yet"`
}

// revision is the number in If-Match; 0 stands for something that does not exist yet.
func (v Version) revision() (int64, error) {
	if v.IfMatch == "" {
		return 0, nil
	}
	text := strings.TrimPrefix(v.IfMatch, "W/")
	if len(text) > 2 && text[0] == '"' && text[len(text)-1] == '"' {
		if revision, err := strconv.ParseInt(text[1:len(text)-1], 10, 64); err == nil && revision >= 0 {
			return revision, nil
		}
	}
	return 0, fault.New(fault.Invalid, "bad_version", "If-Match is not a revision in quotes").At("If-Match").
		Fix("send the ETag that reading the object gave, such as \"3\"")
}

// exact is revision for objects whose verbs take 0 for any revision: what is new must not exist yet.
func (v Version) exact() (int64, error) {
	revision, err := v.revision()
	if err == nil && revision == 0 {
		revision = access.Absent
	}
	return revision, err
}

func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

// Paging says which part of a list is wanted.
type Paging struct {
	Cursor string `query:"cursor" doc:"What the page before gave as next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (p Paging) page() store.Page { return store.Page{Cursor: p.Cursor, Limit: p.Limit} }

// reply is an answer with a body alone.
type reply[T any] struct{ Body T }

// object is an answer with an object and its version.
type object[T any] struct {
	Status int
	ETag   string `header:"ETag" doc:"Revision of the object, for If-Match"`
	Body   T
}

// none is an input or an output without anything.
type none struct{}

// fillLists makes nil slices empty, so that a list in an answer is never null.
func fillLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fillLists(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillLists(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // bytes, such as json.RawMessage
		}
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fillLists(v.Index(i))
		}
	default: // maps and interfaces hold what a person sent, and that is given back as it is
	}
}

// Request gives a handler the request itself, where a cookie of it is needed.
type Request struct{ http *http.Request }

// Resolve keeps the request.
func (r *Request) Resolve(c huma.Context) []error {
	r.http, _ = humago.Unwrap(c)
	return nil
}
