package api

import (
	"context"
	"sync"
)

// turns lets the calls of one name run one after the other. It is safe for concurrent use; its zero value is ready.
type turns struct {
	mu      sync.Mutex
	running map[string]chan struct{} // guarded by mu; closed when the call of that name has ended
}

// take waits until no other call of the name runs. It returns what ends the turn, or the error of ctx.
func (t *turns) take(ctx context.Context, name string) (end func(), err error) {
	for {
		t.mu.Lock()
		before, others := t.running[name]
		if !others {
			mine := make(chan struct{})
			if t.running == nil {
				t.running = map[string]chan struct{}{}
			}
			t.running[name] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.running, name)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
