package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresPool is how many transactions run at a time, besides those on reserved connections.
const postgresPool = 20

// connectTimeout bounds making a connection where the URL says nothing about it.
const connectTimeout = 5 * time.Second

// lockPatience bounds the wait of the first lane for a table that somebody changes (ALTER TABLE, VACUUM FULL). Nothing else makes those
// wait who only read.
const lockPatience = time.Second

func (db *DB) openPostgres(ctx context.Context) error {
	db.engine = PostgreSQL
	cfg, err := pgx.ParseConfig(db.cfg.URL)
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, connectTimeout)
	db.server = cfg
	open := func(size int, wait time.Duration) *sql.DB {
		conns := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, `SET lock_timeout = `+millis(wait))
			return err
		}))
		conns.SetMaxOpenConns(size)
		conns.SetMaxIdleConns(size)
		return conns
	}
	// One reserved connection is made now, so that it is there when the server lets in no more.
	all, spare := open(postgresPool, writeDeadline), open(2*reserved, lockPatience)
	for _, conns := range []*sql.DB{all, spare} {
		if err := conns.PingContext(ctx); err != nil && !db.cfg.MayBeAway {
			return errors.Join(classify(fmt.Errorf("open PostgreSQL: %w", err)), all.Close(), spare.Close())
		}
	}
	db.writer = pool{conns: all, gate: newGate(postgresPool)}
	db.reader = db.writer
	db.kills, db.spare = pool{conns: spare, gate: newGate(reserved)}, pool{conns: spare, gate: newGate(reserved)}
	db.sender = open(1, writeDeadline)
	background, stop := context.WithCancel(context.Background())
	db.stop = stop
	db.running.Go(func() { db.listen(background) })
	return nil
}

// closed reports whether a connection ended, whatever the driver made of that: an error of the server's, one of the network or one
// of its own.
func closed(conn *sql.Conn) (ended bool) {
	err := conn.Raw(func(inner any) error { // an error of this func would wait for the transaction
		c, ok := inner.(*stdlib.Conn)
		ended = !ok || c.Conn().IsClosed()
		return nil
	})
	return ended || err != nil
}

// listen holds a connection outside the pool that hears what other processes announce. After each connect it wakes every
// subscriber, since announcements made while it was away are lost.
func (db *DB) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := db.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		db.cfg.Log.Warn("listening connection lost", slog.Any("error", err))
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (db *DB) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, db.server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN souk; LISTEN souk_message"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := db.sender.PingContext(ctx); err != nil { // so that it is there when the server lets in no more
		return fmt.Errorf("connect: %w", err)
	}
	db.hub.wakeAll()
	var parts joiner
	for {
		note, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for notification: %w", err)
		}
		if note.Channel == "souk" {
			db.hub.wake(note.Payload)
		} else if topic, message, whole := parts.add(note.Payload); whole {
			db.hub.deliver(topic, message)
		}
	}
}

// leaderLock is the key of the advisory lock that the leader holds: "souk" in ASCII.
const leaderLock = 0x736f756b

// Lead runs fn whenever this process is the leader, and returns when ctx ends. On SQLite there is one process, so it leads
// at once. On PostgreSQL the leader holds an advisory lock on a connection of its own; fn's context ends when that
// connection is lost. fn must return soon after its context ends.
func (db *DB) Lead(ctx context.Context, fn func(ctx context.Context)) {
	if db.engine == SQLite {
		fn(ctx)
		return
	}
	for ctx.Err() == nil {
		if err := db.leadOnce(ctx, fn); err != nil && ctx.Err() == nil {
			db.cfg.Log.Warn("leadership lost", slog.Any("error", err))
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (db *DB) leadOnce(ctx context.Context, fn func(ctx context.Context)) error {
	conn, err := pgx.ConnectConfig(ctx, db.server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var mine bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(leaderLock)).Scan(&mine); err != nil {
		return fmt.Errorf("take the leader's lock: %w", err)
	}
	if !mine {
		return nil
	}
	leading, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(leading)
	}()
	defer func() {
		cancel()
		<-done
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			return nil
		case <-time.After(time.Second):
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
		}
	}
}
