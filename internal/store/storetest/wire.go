package storetest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Wire is what lies between a program and PostgreSQL, for tests to break. It is gone when the test ends.
type Wire struct {
	URL    string // of the database, by this wire
	Commit atomic.Int32

	mu    sync.Mutex
	lines map[*line]bool // guarded by mu
}

// What becomes of the commits that are sent over a Wire from now on.
const (
	Delivered int32 = iota
	Lost            // the connection ends before the commit reaches the server
	Unheard         // the connection ends once the commit is carried out, before its answer is heard
)

// NewWire lays a wire to a database that Config returned.
func NewWire(t testing.TB, database string) *Wire {
	t.Helper()
	server, err := pgconn.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(server.Host, server.Port)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Del("host")
	u.Host, u.RawQuery = listener.Addr().String(), query.Encode()
	w := &Wire{URL: u.String(), lines: map[*line]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			l := &line{client: client, server: far}
			w.mu.Lock()
			w.lines[l] = true
			w.mu.Unlock()
			running.Go(func() { l.there(w) })
			running.Go(func() { l.back() })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.Cut()
		running.Wait()
	})
	return w
}

// Cut ends all connections without a word.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for l := range w.lines {
		l.end()
	}
	clear(w.lines)
}

// line is one connection over a wire.
type line struct {
	client, server net.Conn
	deaf           atomic.Bool // nothing of the server is passed on any more
}

func (l *line) end() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// there passes on what the client sends.
func (l *line) there(w *Wire) {
	defer l.end()
	buffer := make([]byte, 1<<16)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte("commit\x00")) { // in one write, as pgx sends it
			switch w.Commit.Load() {
			case Lost:
				return
			case Unheard:
				l.deaf.Store(true)
			}
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// back passes on what the server sends.
func (l *line) back() {
	defer l.end()
	buffer := make([]byte, 1<<16)
	for {
		n, err := l.server.Read(buffer)
		if err != nil || l.deaf.Load() {
			return
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
