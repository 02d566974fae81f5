package store

import (
	"context"
	"sync/atomic"
)

// once is what the first write transaction of a context does besides its own.
type once struct {
	do   func(ctx context.Context, tx *Tx) error
	done atomic.Bool // committed
}

type onceKey struct{}

// Once gives a context whose first write transaction begins with do, so that do's mark and the effect are committed
// together or not at all. An error of do refuses the transaction. A transaction that is rolled back leaves do for the next.
func Once(ctx context.Context, do func(ctx context.Context, tx *Tx) error) context.Context {
	return context.WithValue(ctx, onceKey{}, &once{do: do})
}

// Beside returns a context for writes that are not the effect of the call: they leave what Once has to do for those that are.
func Beside(ctx context.Context) context.Context {
	return context.WithValue(ctx, onceKey{}, (*once)(nil))
}

// pendingOnce gives what the transaction that begins has to do first, if anything.
func pendingOnce(ctx context.Context) *once {
	o, _ := ctx.Value(onceKey{}).(*once)
	if o == nil || o.done.Load() {
		return nil
	}
	return o
}

type guardKey struct{}

// Guard returns a context each of whose write transactions begins with check, before all else; an error of check refuses the
// transaction. A context has one guard: the newest.
func Guard(ctx context.Context, check func(ctx context.Context, tx *Tx) error) context.Context {
	return context.WithValue(ctx, guardKey{}, check)
}

// guarded runs what the write transactions of the context have to begin with, if anything.
func guarded(ctx context.Context, tx *Tx) error {
	if check, ok := ctx.Value(guardKey{}).(func(ctx context.Context, tx *Tx) error); ok {
		return check(ctx, tx)
	}
	return nil
}
