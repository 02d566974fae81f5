package dataplane

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/measure"
)

func TestAReceiptCountsWhoWasThereAndWhoCameBack(t *testing.T) {
	t.Parallel()
	came := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return came.Add(time.Duration(seconds * float64(time.Second))) }
	// stream is one of the host "a", begun and ended so many seconds after the revision 7 came; 0 seconds is not ended.
	stream := func(begun, ended float64, end End, sends ...send) peer {
		p := peer{kind: KindSync, keyID: "k", host: "a", opened: at(begun), sends: sends, end: end}
		if ended != 0 {
			p.left = at(ended)
		}
		return p
	}
	got := func(revision int64, seconds float64) send { return send{revision: revision, at: at(seconds)} }
	other := func(p peer) peer { p.host = "b"; return p }
	confirmed := func(p peer, revision int64) peer { p.confirmed = revision; return p }
	for _, c := range []struct {
		name  string
		peers []peer
		want  measure.Handed
	}{
		{"nobody", nil, measure.Handed{}},
		{"sent", []peer{stream(-60, 0, "", got(6, -60), got(7, .02))}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 20}},
		{"sent a later one only", []peer{stream(-60, 0, "", got(6, -60), got(9, .05))}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 50}},
		{"sent, and gone since", []peer{stream(-60, 30, EndClient, got(6, -60), got(7, .02))}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 20}},
		{"the last one counts", []peer{stream(-60, 0, "", got(7, .02)), stream(-60, 0, "", got(7, .3))}, measure.Handed{Sent: 2, InProcess: 2, LastMS: 300}},
		{"confirmed", []peer{
			confirmed(stream(-60, 0, "", got(7, .02)), 7), confirmed(stream(-60, 0, "", got(7, .02)), 6),
		}, measure.Handed{Sent: 2, InProcess: 2, ConfirmedByHost: 1, LastMS: 20}},
		{"evaluated here", []peer{{kind: KindEvents, keyID: "k", host: "a", opened: at(-60), sends: []send{got(7, .02)}}}, measure.Handed{Sent: 1, LastMS: 20}},
		{"not sent yet", []peer{stream(-60, 0, "", got(6, -60))}, measure.Handed{Waiting: 1}},
		{"not concerned", []peer{stream(-60, 0, "", got(6, -60), send{revision: 7, nothing: true})}, measure.Handed{}},
		{"not concerned, and gone", []peer{stream(-60, 2, EndClient, got(6, -60), send{revision: 7, nothing: true})}, measure.Handed{}},
		{"begun afterwards", []peer{stream(3, 0, "", got(7, 3))}, measure.Handed{}},
		{"lost before it was sent", []peer{stream(-60, 2, EndSlow, got(6, -60))}, measure.Handed{Unreachable: 1}},
		{"lost, and back", []peer{stream(-60, 2, EndClient, got(6, -60)), stream(7, 0, "", got(7, 7))}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 7000}},
		{"lost, and another host comes", []peer{
			stream(-60, 2, EndClient, got(6, -60)), other(stream(7, 0, "", got(7, 7))),
		}, measure.Handed{Unreachable: 1}},
		{"two lost, one back", []peer{
			stream(-60, 2, EndClient, got(6, -60)), stream(-60, 2, EndClient, got(6, -60)), stream(7, 0, "", got(7, 7)),
		}, measure.Handed{Sent: 1, InProcess: 1, Unreachable: 1, LastMS: 7000}},
		{"ended shortly before", []peer{stream(-60, -3, EndClient, got(6, -60))}, measure.Handed{Reconnecting: 1}},
		{"ended shortly before, and back since", []peer{stream(-60, -3, EndClient, got(6, -60)), stream(2, 0, "", got(7, 2))}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 2000}},
		{"ended shortly before, and back before", []peer{
			stream(-60, -3, EndClient, got(6, -60)), stream(-1, 0, "", got(6, -1), got(7, .01)),
		}, measure.Handed{Sent: 1, InProcess: 1, LastMS: 10}},
		{"ended long before", []peer{stream(-60, -20, EndClient, got(6, -60))}, measure.Handed{}},
		{"drained", []peer{stream(-60, 2, EndDrain, got(6, -60))}, measure.Handed{Reconnecting: 1}},
		{"revoked", []peer{stream(-60, 2, EndRevoked, got(6, -60))}, measure.Handed{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := arrival{revision: 7, at: came}
			if diff := cmp.Diff(c.want, a.handed(c.peers)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStreamsAreNotEndedAllAtOnce(t *testing.T) {
	t.Parallel()
	p := &Plane{}
	p.streams.open = map[*stream]struct{}{}
	for range 1000 {
		p.streams.open[&stream{plane: p, ended: make(chan struct{})}] = struct{}{}
	}
	for parts := 10; parts > 0; parts-- {
		if left := p.endSome(parts); left != 100*(parts-1) {
			t.Errorf("%d are left before the last %d parts", left, parts-1)
		}
	}
	for s := range p.streams.open {
		if s.why() != EndDrain {
			t.Fatalf("one ends for %q", s.why())
		}
		<-s.ended
	}
}
