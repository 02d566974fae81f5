package review

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// CommentSpec is what somebody says about a request.
type CommentSpec struct {
	Words   string
	Digest  string // of what was read; empty: of whatever it says now
	Answers bool   // it answers what approvers asked for, so that they may decide again; only an author of the request answers
}

// Comment records what somebody says about a request, in whatever state it is. A digest that is not the present one refuses
// it: the content was edited since it was read. Saying the same again right away says it once.
func (d *Desk) Comment(ctx context.Context, by access.Actor, id string, spec CommentSpec) (Comment, error) {
	if err := access.Can(by, access.RequestComment, access.Scope{}); err != nil {
		return Comment{}, err
	}
	if strings.TrimSpace(spec.Words) == "" {
		return Comment{}, fault.New(fault.Invalid, "required", "the comment is empty").At("reason").Fix("write what you want to say")
	}
	if err := checkReason(spec.Words); err != nil {
		return Comment{}, err
	}
	var comment Comment
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if spec.Digest != "" && spec.Digest != r.digest {
			return digestStale(r)
		}
		if spec.Answers {
			if err := r.mayAnswer(by); err != nil {
				return err
			}
		}
		before, err := r.comments(ctx, tx)
		if err != nil {
			return err
		}
		if n := len(before); n > 0 && before[n-1].by().Is(by.Identity()) && before[n-1].Words == spec.Words && !before[n-1].Earlier &&
			before[n-1].Answers == spec.Answers {
			comment = before[n-1]
			return nil
		}
		comment = Comment{
			ID: store.NewID(), By: by.Email, ByID: by.PersonID, At: store.Time(store.Micros(d.Now())), Words: spec.Words, Answers: spec.Answers,
		}
		if _, err := tx.Exec(ctx, `INSERT INTO request_comment (id, request_id, digest, person, person_id, words, answers, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			comment.ID, r.id, r.digest, comment.By, comment.ByID, comment.Words, comment.Answers, store.Micros(comment.At)); err != nil {
			return fmt.Errorf("insert comment: %w", err)
		}
		name := audit.RequestCommented
		if spec.Answers {
			name = audit.RequestAnswered
			if err := d.answer(ctx, tx, &r); err != nil {
				return err
			}
		}
		e := by.Event(name, d.Now())
		e.Details = map[string]any{"comment": spec.Words}
		return appendEvent(ctx, tx, &r, e)
	})
	return comment, err
}

// by is who said it.
func (c Comment) by() access.Identity { return access.Identity{ID: c.ByID, Email: c.By} }

// comments returns what was said, oldest first.
func (r record) comments(ctx context.Context, tx *store.Tx) ([]Comment, error) {
	all, err := store.List(ctx, tx, func(row store.Row) (c Comment, err error) {
		var digest string
		var at int64
		err = row.Scan(&c.ID, &c.By, &c.ByID, &c.Words, &c.Answers, &digest, &at)
		c.At, c.Earlier = store.Time(at), digest != r.digest
		return c, err
	}, `SELECT id, person, person_id, words, answers, digest, at FROM request_comment WHERE request_id = $1 ORDER BY id`, r.id)
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	return all, nil
}

// Remark is a comment on a request, seen from outside of it.
type Remark struct {
	RequestID string
	Title     string
	Comment
}

// Unanswered gives the last word on each of the actor's open requests, where somebody else had it and it is about what the
// request says now; at most a hundred.
func (d *Desk) Unanswered(ctx context.Context, by access.Actor) ([]Remark, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return nil, err
	}
	var n narrowing
	n.add(`r.` + undecided)
	n.add(named("r.requester", by.Identity()))
	said, who := named("c.person", by.Identity())
	n.add(`NOT (`+said+`)`, who)
	var all []Remark
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, func(row store.Row) (r Remark, err error) {
			var content string
			var at int64
			err = row.Scan(&r.RequestID, &content, &r.ID, &r.By, &r.ByID, &r.Words, &at)
			r.At = store.Time(at)
			if err != nil {
				return r, err
			}
			var c Content
			err = json.Unmarshal([]byte(content), &c)
			r.Title = c.title()
			return r, err
		}, `SELECT r.id, r.content, c.id, c.person, c.person_id, c.words, c.at FROM request r JOIN request_comment c ON c.request_id = r.id
			WHERE c.digest = r.digest AND NOT EXISTS (SELECT 1 FROM request_comment l WHERE l.request_id = c.request_id AND l.id > c.id)
				AND `+strings.Join(n.where, " AND ")+` ORDER BY c.id LIMIT 100`, n.args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list comments: %w", err)
	}
	return all, nil
}

func digestStale(r record) error {
	return fault.New(fault.Conflict, "digest_stale", "the request was edited since you read it").At("digest").
		Fix("read it again and decide on what it says now").Showing(map[string]any{"digest": r.digest, "revision": r.revision})
}

// Content gives what a request asked for, to be the beginning of a new one: what it changes is as of now.
func (d *Desk) Content(ctx context.Context, by access.Actor, id string) (Content, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Content{}, err
	}
	var c Content
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := read(ctx, tx, by, id, "")
		if err != nil {
			return err
		}
		c = r.content
		c.Draft = false
		if c.BaseRevision == 0 {
			return nil
		}
		s, err := r.subject(ctx, tx, d.subjects(by))
		if err != nil {
			return err
		}
		c.BaseRevision = s.about().revision(c)
		return nil
	})
	return c, err
}
