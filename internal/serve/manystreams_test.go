package serve_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// pipes are connections within this process: ten thousand would take more descriptors than most machines give a process.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.accepted <- there
	return here
}

// TestTenThousandStreamsAreCheap counts what an open stream holds, and sees that a change reaches each.
func TestTenThousandStreamsAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("opens ten thousand streams")
	}
	const readers, each = 100, 100
	s := openSite(t, store.SQLite)
	listener := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	admin := access.System("test")
	var secrets []string
	for i := range readers {
		email := fmt.Sprintf("reader%d%s", i, at)
		if _, _, err := s.app.Directory.PutPerson(t.Context(), admin, email, access.PersonSpec{}, 0); err != nil {
			t.Fatal(err)
		}
		_, secret, err := s.app.Tokens.Create(t.Context(), admin, signin.TokenSpec{As: email, Scope: access.ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	use := func() (memory uint64, goroutines int) {
		for range 3 { // each halves the stacks that are hardly used
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse, runtime.NumGoroutine()
	}
	memory, goroutines := use()
	streams := make([]net.Conn, 0, readers*each)
	reader := bufio.NewReader(nil)
	for _, secret := range secrets {
		for range each {
			c := listener.dial()
			streams = append(streams, c)
			fmt.Fprintf(c, "GET /api/v1/watch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", secret)
			heardOn(t, reader, c, "id: ")
		}
	}
	after, running := use()
	perStream := (after - memory) / uint64(len(streams))
	t.Logf("%d streams: %d bytes and %.1f goroutines each", len(streams), perStream, float64(running-goroutines)/float64(len(streams)))
	if perStream > 40<<10 {
		t.Errorf("a stream holds %d bytes", perStream)
	}
	if running-goroutines > 3*len(streams) {
		t.Errorf("%d streams run %d goroutines", len(streams), running-goroutines)
	}
	s.as("root").with(`If-None-Match: *`).do("PUT", "/api/v1/groups/last", object{}).want(s, http.StatusCreated)
	began := time.Now()
	for i := 0; i < len(streams); i += 10 { // whoever is not read from in time is given up, so that one reader asks a share of them
		heardOn(t, reader, streams[i], `data: {"noun":"group","id":"last"`)
	}
	t.Logf("a tenth of them have heard of a change after %s", time.Since(began))
}

// heardOn reads from a connection until a line begins with the text.
func heardOn(t *testing.T, reader *bufio.Reader, c net.Conn, text string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	reader.Reset(c)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatalf("in vain: %s: %v", text, err)
		}
		if strings.HasPrefix(line, text) {
			return
		}
	}
}
