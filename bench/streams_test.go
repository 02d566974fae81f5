package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// BenchmarkPropagation opens streams of flagd's sync protocol, each over a connection of its own, and measures from when a kill is
// asked for until its document has arrived on the last of them: the commit is part of it. Clients read with windows of 64 kB, as
// stock ones do, and do not unpack what they get. The document of 500 flags has some 250 kB.
func BenchmarkPropagation(b *testing.B) {
	for _, coding := range []string{"gzip", "identity"} {
		for _, streams := range []int{1, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", coding, streams), func(b *testing.B) { propagate(b, coding, streams) })
		}
	}
}

func propagate(b *testing.B, coding string, streams int) {
	s := startSouk(b, document(125, strings.Repeat("What it is for, in words. ", 6)))
	idle := s.memory(b)
	c := &crowd{arrived: make([]time.Time, 0, streams), all: make(chan struct{}), streams: streams}
	key := s.key(b)
	for range streams {
		c.open(b, s.address, key, coding)
	}
	c.wait(b)
	s.settled(b)
	open := s.memory(b)
	var half, most, last []float64
	act := "kill"
	for b.Loop() {
		c.next()
		began := time.Now()
		s.post(b, "/flags/static/environments/"+environment+"/"+act)
		took := c.wait(b)
		act = map[string]string{"kill": "restore", "restore": "kill"}[act]
		at := func(share float64) float64 {
			return float64(took[int(share*float64(len(took)-1))].Sub(began).Microseconds()) / 1000
		}
		half, most, last = append(half, at(0.5)), append(most, at(0.99)), append(last, at(1))
	}
	b.ReportMetric(median(half), "p50-ms")
	b.ReportMetric(median(most), "p99-ms")
	b.ReportMetric(median(last), "last-ms")
	b.ReportMetric(idle, "idle-MB")
	b.ReportMetric(open, "open-MB")
	b.ReportMetric(s.memory(b), "after-MB")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// crowd is clients that all wait for the next document.
type crowd struct {
	streams int

	mu      sync.Mutex
	arrived []time.Time   // guarded by mu: of the present round
	all     chan struct{} // guarded by mu: closed when all have it
	failed  error         // guarded by mu
}

func (c *crowd) next() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived, c.all = c.arrived[:0], make(chan struct{})
}

// wait waits for the round's last arrival and gives all of them in order.
func (c *crowd) wait(b *testing.B) []time.Time {
	b.Helper()
	c.mu.Lock()
	all := c.all
	c.mu.Unlock()
	select {
	case <-all:
	case <-time.After(2 * time.Minute):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil || len(c.arrived) < c.streams {
		b.Fatalf("%d of %d have it; %v", len(c.arrived), c.streams, c.failed)
	}
	return slices.Clone(c.arrived)
}

func (c *crowd) note(at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = errors.Join(c.failed, err)
		return
	}
	if c.arrived = append(c.arrived, at); len(c.arrived) == c.streams {
		close(c.all)
	}
}

// window is what HTTP/2 lets a client receive before it says that it took it.
const window = 64<<10 - 1

// open opens one stream: as little HTTP/2 as a client needs, so that ten thousand of them do not slow down what is measured.
func (c *crowd) open(b *testing.B, address, key, coding string) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatalf("open a connection; the limit of open files may be too low: %v", err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	for _, field := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":authority", "localhost"},
		{":path", "/flagd.sync.v1.FlagSyncService/SyncFlags"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"authorization", "Bearer " + key},
		{"grpc-accept-encoding", coding},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			b.Fatal(err)
		}
	}
	framer := http2.NewFramer(conn, conn)
	framer.SetReuseFrames()
	_, err = io.WriteString(conn, http2.ClientPreface)
	err = errors.Join(err, framer.WriteSettings(),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers.Bytes(), EndHeaders: true}),
		framer.WriteData(1, true, make([]byte, 5))) // an empty message
	if err != nil {
		b.Fatal(err)
	}
	go func() { c.read(framer) }()
}

// read takes documents until the connection ends.
func (c *crowd) read(framer *http2.Framer) {
	var prefix []byte // of the message that is coming, as far as it is there
	var left, taken int
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return // the end of the benchmark, or a stream that is missed in the next round
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = framer.WritePing(true, frame.Data)
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			c.note(time.Time{}, fmt.Errorf("the server ended a stream: %v", frame))
			return
		case *http2.DataFrame:
			data := frame.Data()
			if taken += len(data); taken > window/2 {
				_ = framer.WriteWindowUpdate(0, uint32(taken))
				_ = framer.WriteWindowUpdate(1, uint32(taken))
				taken = 0
			}
			for len(data) > 0 {
				if left == 0 {
					n := min(5-len(prefix), len(data))
					prefix, data = append(prefix, data[:n]...), data[n:]
					if len(prefix) < 5 {
						continue
					}
					left, prefix = int(binary.BigEndian.Uint32(prefix[1:])), prefix[:0]
				}
				n := min(left, len(data))
				data = data[n:]
				if left -= n; left == 0 {
					c.note(time.Now(), nil)
				}
			}
		}
	}
}
