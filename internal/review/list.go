package review

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Query narrows and sorts a list of requests; empty members do not narrow. Drafts are given to their requester alone, and only
// where Mine or the state asks for them.
type Query struct {
	States       []State
	Kinds        []Kind
	WaitingForMe bool // those that the actor may decide and has not
	Mine         bool // those that the actor made
	DecidedByMe  bool // those that the actor approved or denied
	Stuck        bool // those that wait for approvals that nobody is left to give
	App          string
	FlagKey      string
	Risk         Risk
	Requester    string // an address: the requests of whoever has it or had it
	Search       string // in title, app, flag, requester and reason
	Sort         Sort   // empty is ByCreation
	Ascending    bool   // the oldest or the least risky first
}

// Sort is what a list of requests is sorted by.
type Sort string

// The sorts.
const (
	ByCreation Sort = "created"
	ByUpdate   Sort = "updated"
	ByRisk     Sort = "risk"
)

// column is the one that is compared before the id; empty where ids suffice, since they sort by the time they were made.
func (s Sort) column() string {
	switch s {
	case ByUpdate:
		return "updated_at"
	case ByRisk:
		return "risk"
	case ByCreation:
	}
	return ""
}

// after are the keys of the place in the list that the request has.
func (s Sort) after(r record) []string {
	switch s {
	case ByUpdate:
		return []string{r.id, strconv.FormatInt(store.Micros(r.updatedAt), 10)}
	case ByRisk:
		return []string{r.id, strconv.Itoa(r.rank())}
	case ByCreation:
	}
	return []string{r.id}
}

// List gives requests, newest first unless asked otherwise, without diff, comments and timeline.
func (d *Desk) List(ctx context.Context, by access.Actor, q Query, p store.Page) (store.Listing[Request], error) {
	var list store.Listing[Request]
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return list, err
	}
	after, err := p.After()
	if err != nil {
		return list, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		world, err := electors(ctx, tx)
		if err != nil {
			return err
		}
		var found []record
		for len(found) <= p.Size() {
			records, err := page(ctx, tx, by, q, after, p.Size()+1)
			if err != nil {
				return err
			}
			for _, r := range records {
				if !q.WaitingForMe || slices.Contains(r.summary(by, world).Can, "approve") {
					found = append(found, r)
				}
			}
			if len(records) <= p.Size() {
				break
			}
			after = q.Sort.after(records[len(records)-1])
		}
		cut := store.Cut(p, found[:min(len(found), p.Size()+1)], q.Sort.after)
		list = store.Listing[Request]{Items: make([]Request, len(cut.Items)), Next: cut.Next}
		for i, r := range cut.Items {
			list.Items[i] = r.summary(by, world)
			list.Items[i].Attachments = nil // of requests that were saved before they had a column for their bulk
		}
		return nil
	})
	return list, err
}

// page reads up to limit requests after a place in the list, with their decisions.
func page(ctx context.Context, tx *store.Tx, by access.Actor, q Query, after []string, limit int) ([]record, error) {
	n := narrowing{}
	if err := n.from(q.Sort, q.Ascending, after); err != nil {
		return nil, err
	}
	if q.WaitingForMe {
		n.add(`state = ? AND requester_id <> ?`, NeedsApproval, by.PersonID)
		n.add(`NOT EXISTS (SELECT 1 FROM decision d WHERE d.request_id = request.id AND d.person_id = ? AND d.void = '')`, by.PersonID)
	}
	if q.DecidedByMe {
		decided, who := named("person", by.Identity())
		n.add(`id IN (SELECT request_id FROM decision WHERE `+decided+`)`, who)
	}
	if q.Stuck {
		n.add(`state = ? AND stuck`, NeedsApproval)
	}
	switch {
	case q.Mine:
		n.add(named("requester", by.Identity()))
	case slices.Contains(q.States, Draft):
		asked, who := named("requester", by.Identity())
		n.add(`(NOT draft OR `+asked+`)`, who)
	default:
		n.add(`NOT draft`)
	}
	n.among("state", words(q.States))
	n.among("kind", words(q.Kinds))
	for _, filter := range []struct{ column, value string }{{"app", q.App}, {"flag_key", q.FlagKey}} {
		if filter.value != "" {
			n.add(filter.column+` = ?`, filter.value)
		}
	}
	if err := n.askedAt(ctx, tx, q.Requester); err != nil {
		return nil, err
	}
	if q.Risk != "" {
		n.add(`risk = ?`, risks[q.Risk])
	}
	for word := range strings.FieldsSeq(strings.ToLower(q.Search)) {
		n.add(`search LIKE ? ESCAPE '\'`, store.LikePattern(word))
	}
	direction := " DESC"
	if q.Ascending {
		direction = ""
	}
	order := "id" + direction
	if column := q.Sort.column(); column != "" {
		order = column + direction + ", " + order
	}
	n.args = append(n.args, limit)
	records, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE `+strings.Join(n.where, " AND ")+
		fmt.Sprintf(` ORDER BY %s LIMIT $%d`, order, len(n.args)), n.args...)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return records, withDecisions(ctx, tx, records)
}

// narrowing is the condition of a query as it grows.
type narrowing struct {
	where []string
	args  []any
}

// add adds a condition, whose question marks stand for the values.
func (n *narrowing) add(condition string, values ...any) {
	for _, value := range values {
		n.args = append(n.args, value)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(n.args)), 1)
	}
	n.where = append(n.where, condition)
}

// named is the condition that a column, with the id beside it, names who somebody is, and the value for its question mark.
func named(column string, who access.Identity) (condition string, value any) {
	if who.ID != "" {
		return column + `_id = ?`, who.ID
	}
	return column + ` = ? AND ` + column + `_id = ''`, who.Email
}

// askedAt narrows to the requests of everybody who has the address or ever had it; an empty one does not narrow.
func (n *narrowing) askedAt(ctx context.Context, tx *store.Tx, email string) error {
	if email == "" {
		return nil
	}
	holders, err := access.Holders(ctx, tx, email)
	if n.among("requester_id", words(holders)); len(holders) == 0 {
		n.add(named("requester", access.Identity{Email: email}))
	}
	return err
}

func (n *narrowing) among(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	n.add(column+` IN (`+strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")+`)`, args...)
}

// from begins after a place in the list.
func (n *narrowing) from(by Sort, ascending bool, after []string) error {
	if len(after) == 0 {
		return nil
	}
	beyond := "<"
	if ascending {
		beyond = ">"
	}
	column := by.column()
	if column == "" {
		n.add(`id `+beyond+` ?`, after[0])
		return nil
	}
	bad := fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
		Fix("leave the cursor out to begin at the start")
	if len(after) != 2 {
		return bad
	}
	key, err := strconv.ParseInt(after[1], 10, 64)
	if err != nil {
		return bad.Because(err)
	}
	n.add(`(`+column+` `+beyond+` ? OR `+column+` = ? AND id `+beyond+` ?)`, key, key, after[0])
	return nil
}

func words[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

// Published is a step: what was approved when each app was published, by the slug of the app.
func Published(ctx context.Context, tx *store.Tx) (map[string]Content, error) {
	records, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE kind = $1 AND state = $2 ORDER BY id`,
		PublishApp, Approved)
	if err != nil {
		return nil, fmt.Errorf("list publications: %w", err)
	}
	all := make(map[string]Content, len(records))
	for _, r := range records {
		all[r.app] = r.content
	}
	return all, nil
}

// Open is a step: the requests about an app and its flags that wait to be mended or decided, oldest first, without what depends
// on who looks.
func Open(ctx context.Context, tx *store.Tx, app string) ([]Request, error) {
	records, err := store.List(ctx, tx, scanRecord, `SELECT `+columns+` FROM request WHERE app = $1 AND `+undecided+` ORDER BY id`, app)
	if err != nil {
		return nil, fmt.Errorf("list open requests of %s: %w", app, err)
	}
	all := make([]Request, len(records))
	for i, r := range records {
		all[i] = r.summary(access.Actor{}, World{})
	}
	return all, nil
}
