package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// next returns the newest message of an inbox, and whether others may have been missed meanwhile.
func next(t *testing.T, in *store.Inbox, within time.Duration) (message []byte, missed, ok bool) {
	t.Helper()
	late := time.After(within)
	for {
		messages, lost := in.Take()
		missed = missed || lost
		if len(messages) > 0 {
			return messages[len(messages)-1], missed, true
		}
		select {
		case <-in.Wake():
		case <-late:
			return nil, missed, false
		}
	}
}

func TestAMessageReachesEveryProcessWhileTheWriterIsHeld(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		cfg := storetest.Config(t, engine)
		open := func() *store.DB {
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		sender := open()
		processes := []*store.DB{sender}
		if engine == store.PostgreSQL {
			processes = append(processes, open())
		}
		var inboxes []*store.Inbox
		for _, db := range processes {
			in, stop := db.Receive("topic")
			t.Cleanup(stop)
			inboxes = append(inboxes, in)
			if _, missed := in.Take(); !missed {
				t.Error("whoever begins to listen may have missed something")
			}
			for ok := false; !ok; { // until it is connected
				if err := sender.Broadcast(t.Context(), "topic", []byte("?")); err != nil {
					t.Fatal(err)
				}
				_, _, ok = next(t, in, 100*time.Millisecond)
			}
		}
		for _, in := range inboxes { // those of the others
			for quiet := false; !quiet; {
				select {
				case <-in.Wake():
					in.Take()
				case <-time.After(200 * time.Millisecond):
					quiet = true
				}
			}
		}
		other, stop := sender.Receive("other")
		defer stop()
		if err := sender.Write(t.Context(), func(context.Context, *store.Tx) error {
			for _, size := range []int{0, 1, 5_000, 7_500, 1 << 20} {
				want := bytes.Repeat([]byte{0, 'x', '\'', 0xff}, size)
				if err := sender.Broadcast(t.Context(), "topic", want); err != nil {
					return err
				}
				for i, in := range inboxes {
					if got, missed, ok := next(t, in, time.Minute); !ok || missed || !bytes.Equal(got, want) {
						t.Errorf("%d bytes at process %d: %d came, missed: %t", len(want), i, len(got), missed)
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got, _ := other.Take(); len(got) != 0 {
			t.Errorf("another topic got %d messages", len(got))
		}
		if err := sender.Broadcast(t.Context(), "topic", make([]byte, 17<<20)); err == nil {
			t.Error("a message may have any size")
		}
	})
}

func TestWhoLosesTheConnectionIsToldThatMessagesMayBeMissing(t *testing.T) {
	t.Parallel()
	cfg := storetest.Config(t, store.PostgreSQL)
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	in, stop := db.Receive("topic")
	defer stop()
	receive := func() (missed bool) {
		t.Helper()
		for range 600 {
			_ = db.Broadcast(t.Context(), "topic", []byte("x")) // may fail on a connection that was ended
			_, lost, ok := next(t, in, 100*time.Millisecond)
			if missed = missed || lost; ok {
				return missed
			}
		}
		t.Fatal("nothing comes")
		return false
	}
	receive()
	if receive() {
		t.Error("nothing was lost")
	}
	o := storetest.NewOutage(t, cfg.URL)
	o.Begin()
	o.End()
	if !receive() {
		t.Error("nobody is told that messages may be missing")
	}
}
