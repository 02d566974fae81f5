package live

import (
	"context"
	"slices"
)

// ahead is a kill of one flag that is committed, while what the database says is not served yet. It lies over the base until that is at
// its revision.
type ahead struct {
	environment, key string
	revision         int64
}

// Hasten serves a committed kill of one flag once ctx ends, unless the environment serves its revision by then: what else was
// committed, such as 5,000 flags at once, may take longer to read and compile.
func (l *Live) Hasten(ctx context.Context, environment, key string, revision int64) {
	if l.Await(ctx, environment, revision) {
		return
	}
	l.swapping.Lock()
	defer l.swapping.Unlock()
	h := l.held.Load()
	if h == nil || h.base[environment] == nil || h.has(environment) >= revision {
		return
	}
	l.ahead = append(l.ahead, ahead{environment, key, revision})
	l.swap(h.again())
}

// caughtUp drops the kills that the base is at by now. The caller holds swapping.
func (l *Live) caughtUp(next *held) {
	l.ahead = slices.DeleteFunc(slices.Clone(l.ahead), func(a ahead) bool {
		return next.base[a.environment] == nil || next.has(a.environment) >= a.revision
	})
}
