package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/store"
)

// RevisionAt gives what a flag was at one of its revisions in an environment; ok is false if it has none of that number there.
func RevisionAt(ctx context.Context, tx *store.Tx, key, environment string, revision int64) (r Revision, ok bool, err error) {
	row, ok, err := store.One(ctx, tx, scanRevision, `SELECT `+revisionColumns+` FROM flag_revision
		WHERE flag_key = $1 AND environment = $2 AND revision = $3`, key, environment, revision)
	if err != nil {
		return Revision{}, false, fmt.Errorf("read revision %d of %s: %w", revision, key, err)
	}
	return row.Revision, ok, nil
}

// pastLimit bounds how far back a rollback looks.
const pastLimit = 200

// Past gives the latest revisions of a flag in an environment, the newest first, at most 200.
func Past(ctx context.Context, tx *store.Tx, key, environment string) ([]Revision, error) {
	rows, err := store.List(ctx, tx, scanRevision, `SELECT `+revisionColumns+` FROM flag_revision
		WHERE flag_key = $1 AND environment = $2 ORDER BY revision DESC LIMIT $3`, key, environment, pastLimit)
	if err != nil {
		return nil, fmt.Errorf("list the past of %s in %s: %w", key, environment, err)
	}
	past := make([]Revision, len(rows))
	for i, row := range rows {
		past[i] = row.Revision
	}
	return past, nil
}

// Good tells whether a revision among the past was right when it was served: somebody approved it, and nobody turned the flag
// off because of it.
func Good(r Revision, past []Revision) bool { return good(r, blamed(past)) }

func good(r Revision, blamed map[string]int64) bool {
	if r.Killed {
		return false
	}
	switch r.Cause {
	case CauseApproved, CauseRollout, CauseChanged, CauseRollback, CauseSegment, CauseImported:
	case CauseKill, CauseRestore, CauseRemoved:
		return false
	}
	return blamed[string(encode(r.Serving.Tidy()))] <= r.Revision
}

// blamed gives what was served when somebody turned the flag off, with the revision of the last such kill.
func blamed(past []Revision) map[string]int64 {
	all := map[string]int64{}
	for _, r := range past {
		if r.Cause == CauseKill {
			served := string(encode(r.Serving.Tidy()))
			all[served] = max(all[served], r.Revision)
		}
	}
	return all
}

// LastGood returns the newest good revision among the past, newest first, that serves something else than now, and ok is false if there
// is none. Of a change that came in steps the steps are no place to go back to: it is what was served before them, except where nobody
// had the flag then.
func LastGood(now Serving, past []Revision) (r Revision, ok bool) {
	killed := blamed(past)
	for _, before := range past {
		if !good(before, killed) || before.Serving.Equal(now) {
			continue
		}
		step := before.RolloutID != "" && before.RolloutID == past[0].RolloutID
		if !step && before.Serving.Mode != ServeOff {
			return before, true
		}
		if !ok {
			r, ok = before, true
		}
	}
	return r, ok
}

// Preapproved decides whether a rollback to a revision needs nobody's approval, and says why not: the revision was good, and
// nobody gets more by it than by what is served now, as Widens tells it. past is the flag's in the environment, newest first.
func Preapproved(f Flag, now Serving, to Revision, past []Revision) (ok bool, why string) {
	switch {
	case !slices.ContainsFunc(past, func(r Revision) bool {
		return r.Revision == to.Revision && r.Cause == to.Cause && r.Serving.Equal(to.Serving)
	}):
		return false, "it is no revision of the last ones"
	case !Good(to, past):
		return false, "it was turned off because of what it served, or nobody approved it"
	case Widens(f, now, to.Serving):
		return false, "it would give somebody more than now"
	}
	return true, ""
}
