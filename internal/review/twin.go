package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// twin finds an open request of the same person for just the same change of a flag or app that exists: whoever clicks twice
// asks once. What makes a new one is told apart by its slug or key.
func (r record) twin(ctx context.Context, tx *store.Tx, f Facts) (record, bool, error) {
	if f.subject.base(r.content) == nil {
		return record{}, false, nil
	}
	if t := f.subject.about().Template; t != nil {
		r.templateVersion = t.Version
	}
	var n narrowing
	n.add(named("requester", r.requester))
	n.add(undecided+` AND kind = ?`, r.content.Kind)
	var open []record
	if _, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var o record
		err = row.Scan(&o.id, &o.digest, &o.resubmits)
		open = append(open, o)
		return none, err
	}, `SELECT id, digest, resubmits FROM request WHERE `+strings.Join(n.where, " AND ")+` ORDER BY id`, n.args...); err != nil {
		return record{}, false, fmt.Errorf("look for the same request: %w", err)
	}
	digests := map[int64]string{} // by how often the open one was submitted again
	for _, o := range open {
		if digests[o.resubmits] == "" {
			r.resubmits = o.resubmits
			var err error
			if digests[o.resubmits], err = r.digestNow(f.subject); err != nil {
				return record{}, false, err
			}
		}
		if o.digest == digests[o.resubmits] {
			same, err := read(ctx, tx, access.Actor{PersonID: r.requester.ID, Email: r.requester.Email}, o.id, "")
			return same, err == nil, err
		}
	}
	return record{}, false, nil
}

// askAgain submits a request anew that its requester asks for a second time while it needs fixes, if its checks say something else by
// now, such as after a day that had to pass. Whoever clicks twice asks once.
func (d *Desk) askAgain(ctx context.Context, tx *store.Tx, h *hearing, by access.Actor, r record, f Facts) (record, map[string]int64, error) {
	now, err := h.judge(question{content: r.content, facts: f})
	if err != nil || slices.EqualFunc(now.Checks, r.assessment.Checks, CheckResult.agrees) {
		return r, nil, err
	}
	revealed, err := d.edit(ctx, tx, h, by, &r, Edit{Content: r.content, Resubmit: true})
	return r, revealed, err
}

// agrees reports whether two results of a check find the same.
func (c CheckResult) agrees(other CheckResult) bool {
	return c.Name == other.Name && c.Status == other.Status && slices.EqualFunc(c.Findings, other.Findings, func(a, b fault.Finding) bool {
		return a.Code == b.Code && a.Field == b.Field
	})
}
