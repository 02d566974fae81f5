package dataplane_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/dataplane"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// manyFlags are as many as a large company has in one environment.
const manyFlags = 500

// crowd is a Plane that follows its database, and a process of its own full of clients that sync.
type crowd struct {
	testing.TB
	db    *store.DB
	live  *live.Live
	plane *dataplane.Plane
	told  *bufio.Scanner
	on    bool // what the flag that changes serves
}

// clientsEnv asks a copy of this test's program to be clients: address, number of streams, encoding.
const clientsEnv = "SOUK_TEST_CLIENTS"

// gather opens so many streams, each on a connection of its own, and waits until each has the document.
func gather(t testing.TB, streams int, encoding string) *crowd {
	t.Helper()
	db := storetest.Open(t, store.SQLite)
	registrytest.Seed(t, db, manyFlags)
	c := &crowd{TB: t, db: db, live: &live.Live{DB: db, Log: slog.New(slog.DiscardHandler)}}
	if err := c.live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := &keyring{revoked: map[string]bool{}, replaced: make(chan struct{})}
	c.plane = &dataplane.Plane{Live: c.live, Lookup: keys.Lookup, Keys: keys, Now: time.Now}
	mux := http.NewServeMux()
	c.plane.Flagd(mux, dataplane.FlagdPort{Sync: true, Keyless: "production"}, func(h http.Handler) http.Handler { return h })
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: mux, Protocols: &protocols, ConnContext: dataplane.WithConn, ReadHeaderTimeout: time.Minute}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	running.Go(func() { c.plane.Run(ctx) })
	running.Go(func() { c.live.Run(ctx) })

	clients := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestAProcessOfClients$", "-test.timeout=20m")
	clients.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %s", clientsEnv, listener.Addr(), streams, encoding))
	clients.Stderr = os.Stderr
	out, err := clients.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = clients.Process.Kill()
		_ = clients.Wait()
		stop()
		_ = server.Close()
		running.Wait()
	})
	c.told = bufio.NewScanner(out)
	c.hear()
	return c
}

// hear waits until all streams have one more message.
func (c *crowd) hear() {
	c.Helper()
	if !c.told.Scan() || c.told.Text() != "all" {
		c.Fatalf("the clients say %q: %v", c.told.Text(), c.told.Err())
	}
}

// change turns a flag on or off, and gives the revision that does.
func (c *crowd) change() int64 {
	c.Helper()
	c.on = !c.on
	mode := registry.ServeOff
	if c.on {
		mode = registry.ServeOn
	}
	var revision int64
	if err := c.db.Write(c.Context(), func(ctx context.Context, tx *store.Tx) error {
		f, err := registry.Serve(ctx, tx, registry.Change{By: access.System("test"), At: noon, Reason: "test", Cause: registry.CauseChanged},
			"app50.flag50", "production", registry.Serving{Mode: mode})
		state, _ := f.In("production")
		revision = state.Revision
		return err
	}); err != nil {
		c.Fatal(err)
	}
	return revision
}

func TestAProcessOfClients(t *testing.T) {
	var address, encoding string
	var streams int
	if _, err := fmt.Sscan(os.Getenv(clientsEnv), &address, &streams, &encoding); err != nil {
		t.Skip("only for the process that another test starts")
	}
	got := make(chan struct{}, streams)
	for i := range streams {
		body, err := rawSync(t.Context(), address, encoding)
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		go func() {
			reader := bufio.NewReaderSize(body, 16)
			var prefix [5]byte
			for {
				if _, err := io.ReadFull(reader, prefix[:]); err != nil {
					fmt.Fprintln(os.Stderr, "stream", i, "ended:", err)
					os.Exit(1)
				}
				if _, err := io.CopyN(io.Discard, reader, int64(binary.BigEndian.Uint32(prefix[1:]))); err != nil {
					fmt.Fprintln(os.Stderr, "stream", i, "ended:", err)
					os.Exit(1)
				}
				got <- struct{}{}
			}
		}()
	}
	for {
		for range streams {
			<-got
		}
		fmt.Println("all")
	}
}

// rawSync opens SyncFlags on a connection of its own, with the windows that stock clients have and maybe an SDK key, and gives the
// frames as they come.
func rawSync(ctx context.Context, address, encoding string, key ...string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+syncv1.FlagSyncServiceSyncFlagsProcedure, bytes.NewReader(make([]byte, 5)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	r.Header.Set("Grpc-Accept-Encoding", encoding)
	if len(key) > 0 {
		r.Header.Set("X-API-Key", key[0])
	}
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &h2, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}, DisableCompression: true, WriteBufferSize: 1 << 10, ReadBufferSize: 1 << 10}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Grpc-Status") != "" {
		return nil, fmt.Errorf("%s, grpc-status %s", response.Status, response.Header.Get("Grpc-Status"))
	}
	return response.Body, nil
}

func testCrowd(t *testing.T, streams int) {
	t.Helper()
	c := gather(t, streams, "gzip")
	var revision int64
	for range 3 {
		revision = c.change()
		c.hear()
	}
	eventually(t, "the receipt counts every stream", func() bool {
		h := c.plane.Handed("production", revision)
		return h.Sent == streams && h.ConfirmedByHost == streams && h.Waiting == 0
	})
	t.Logf("%d streams: %+v", streams, c.plane.Handed("production", revision))
}

func TestAThousandStreamsHearOfEachChange(t *testing.T) {
	t.Parallel()
	testCrowd(t, 1000)
}

func TestTenThousandStreamsHearOfEachChange(t *testing.T) {
	if testing.Short() {
		t.Skip("opens ten thousand streams")
	}
	testCrowd(t, 9900) // two descriptors each would be as many as a process commonly may have
}

// BenchmarkPropagation measures from the commit of a change to the last of so many streams that has it: the median and the worst;
// the time on processors that a change takes of the server's process, which hangs less on what else a machine does; and its memory.
func BenchmarkPropagation(b *testing.B) {
	for _, streams := range []int{1, 1000, 9900} {
		for _, encoding := range []string{"gzip", "identity"} {
			b.Run(fmt.Sprintf("%d/%s", streams, encoding), func(b *testing.B) {
				c := gather(b, streams, encoding)
				var took []time.Duration
				before := worked(b)
				for b.Loop() {
					c.change()
					began := time.Now()
					c.hear()
					took = append(took, time.Since(began))
				}
				b.ReportMetric(float64((worked(b)-before).Microseconds())/1e3/float64(len(took)), "cpu-ms/change")
				slices.Sort(took)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms/last-p50")
				b.ReportMetric(float64(took[len(took)-1].Microseconds())/1e3, "ms/last-max")
				b.ReportMetric(float64(resident(b))/1e6, "MB")
			})
		}
	}
}

// worked is the time that the process was on processors.
func worked(t testing.TB) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// resident is the memory that the process holds, in bytes.
func resident(t testing.TB) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kB << 10
		}
	}
	return 0
}

func TestASlowReaderIsEndedAndSlowsNobody(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "production")
	registrytest.Seed(t, p.db, 2000) // a document far larger than a window
	if err := p.live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.plane.SetPatience(2 * time.Second)
	slow, err := rawSync(t.Context(), strings.TrimPrefix(p.url, "http://"), "identity") // never read from
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	next := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})))
	next()
	p.serve(t, "travel.enabled", registry.Serving{Mode: registry.ServeOn})
	next()
	revision := p.live.Snapshot("production").Revision
	if h := p.plane.Handed("production", revision); h.Sent != 1 || h.Waiting+h.Unreachable != 1 {
		t.Errorf("while one does not read: %+v", h)
	}
	eventually(t, "the slow one is ended", func() bool {
		return slices.Contains(p.plane.Streams(), dataplane.StreamCount{Kind: dataplane.KindSync, Environment: "production", Reason: dataplane.EndSlow, Count: 1})
	})
	if h := p.plane.Handed("production", revision); h.Sent != 1 || h.Unreachable != 1 {
		t.Errorf("afterwards: %+v", h)
	}
}

// A stream that is stuck in a write, since nobody reads it, ends with its key all the same.
func TestARevokedKeyEndsAStreamThatNobodyReads(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	registrytest.Seed(t, p.db, 2000) // a document far larger than a window
	if err := p.live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.plane.SetPatience(time.Hour)
	stuck, err := rawSync(t.Context(), strings.TrimPrefix(p.url, "http://"), "identity", "server")
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	p.keys.revoke("1")
	eventually(t, "the stream ends", func() bool {
		return slices.Contains(p.plane.Streams(), dataplane.StreamCount{Kind: dataplane.KindSync, Environment: "production", Reason: dataplane.EndRevoked, Count: 1})
	})
}
