package dataplane_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
)

// connections is how many a load has open at once.
const connections = 32

// load sends one request over and over, on connections of its own to the handler over loopback, from one goroutine, and reads
// the answers as bytes: what it takes itself is small and the same for all handlers, so that they compare.
func load(b *testing.B, handler http.Handler, secret, path string, status int, headers ...string) {
	b.Helper()
	server := newServer(b, handler)
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: souk.example\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Accept: */*\r\nUser-Agent: load\r\nContent-Length: %d\r\n", path, secret, len(person))
	for i := 0; i < len(headers); i += 2 {
		request = fmt.Appendf(request, "%s: %s\r\n", headers[i], headers[i+1])
	}
	request = fmt.Appendf(request, "\r\n%s", person)
	var conns []net.Conn
	var readers []*bufio.Reader
	for range connections {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		conns, readers = append(conns, conn), append(readers, bufio.NewReaderSize(conn, 64<<10))
	}
	send := func(i int) {
		if _, err := conns[i].Write(request); err != nil {
			b.Fatal(err)
		}
	}
	receive := func(i int) {
		if err := answered(readers[i], status); err != nil {
			b.Fatal(err)
		}
	}
	for i := range conns {
		send(i)
	}
	before := processorTime(b)
	b.ResetTimer()
	for n := range b.N { // a new one goes out when an answer came, on each connection in turn
		receive(n % connections)
		send(n % connections)
	}
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
	for i := range conns {
		receive(i)
	}
}

// processorTime is what this process has used, in nanoseconds: on a busy machine it compares better than the time on the wall.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// answered reads one answer and checks its status.
func answered(r *bufio.Reader, status int) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if got := string(line[9:12]); got != strconv.Itoa(status) {
		return fmt.Errorf("status %s", got)
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err = r.Discard(length)
	return err
}

// keyed gives a plane of n flags with the real look-up of keys, and a key.
func keyed(b *testing.B, n int) (plane *dataplane.Plane, secret string) {
	b.Helper()
	plane = many(b, n)
	keys := &sdkkey.Keys{DB: plane.Live.DB, Now: time.Now, Facts: func(context.Context, *store.Tx, string, string) (sdkkey.Facts, error) {
		return sdkkey.Facts{}, nil
	}}
	_, secret, err := keys.Create(b.Context(), access.System("bench"), sdkkey.Spec{
		Environment: "production", Limits: sdkkey.Limits{RequestsPerSecond: 1_000_000},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := keys.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	plane.Lookup, plane.Held, plane.Now = keys.Lookup, keys.Held, time.Now
	return plane, secret
}

// BenchmarkFloor is a handler that reads the same body and writes five bytes: what net/http itself takes.
func BenchmarkFloor(b *testing.B) {
	load(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("hello"))
	}), "souksdk_"+strings.Repeat("k", 43), oneOfMany, http.StatusOK)
}

const (
	oneOfMany = all + "/app101.flag101"
	person    = `{"context":{"targetingKey":"ann@hyfin.example","email":"ann@hyfin.example","groups":["pilot"],"country":"CH"}}`
)

// BenchmarkSingle evaluates one flag that has a rule.
func BenchmarkSingle(b *testing.B) {
	plane, secret := keyed(b, 500)
	load(b, plane, secret, oneOfMany, http.StatusOK)
}

// BenchmarkBulk evaluates 500 flags.
func BenchmarkBulk(b *testing.B) {
	plane, secret := keyed(b, 500)
	load(b, plane, secret, all, http.StatusOK)
}

// BenchmarkBulkGzip is BenchmarkBulk for a client that takes it compressed.
func BenchmarkBulkGzip(b *testing.B) {
	plane, secret := keyed(b, 500)
	load(b, plane, secret, all, http.StatusOK, "Accept-Encoding", "gzip")
}

// BenchmarkUnchanged asks for 500 flags with the ETag of the present answer.
func BenchmarkUnchanged(b *testing.B) {
	plane, secret := keyed(b, 500)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, all, strings.NewReader(person))
	r.Header.Set("Authorization", "Bearer "+secret)
	w := httptest.NewRecorder()
	plane.ServeHTTP(w, r)
	load(b, plane, secret, all, http.StatusNotModified, "If-None-Match", w.Header().Get("ETag"))
}
