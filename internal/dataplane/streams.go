package dataplane

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/sdkkey"

	"github.com/soukhq/souk/internal/live"
)

// Kind says what a stream carries.
type Kind string

// The kinds of streams.
const (
	KindSync   Kind = "sync"   // flagd sync: the whole document
	KindEvents Kind = "events" // flagd evaluation: which flags changed
	KindOFREP  Kind = "ofrep"  // OFREP: that flags changed
)

// End says why a stream ended, or was not begun. Every stream has one.
type End string

// The reasons.
const (
	EndClient   End = "client"      // the client went away, or its host did
	EndSlow     End = "slow_reader" // the client did not read in time
	EndRevoked  End = "key_revoked"
	EndExpired  End = "key_expired"
	EndDrain    End = "drain"    // this server stops
	EndUnserved End = "unserved" // the environment is no more, or is not loaded yet
	EndTooMany  End = "too_many" // not begun: the key has as many as it may
	EndFailed   End = "failed"   // this server failed
)

// ours tells whether this server ended the stream, so that its client comes back to it or to another.
func (e End) ours() bool {
	switch e {
	case EndDrain, EndUnserved, EndFailed:
		return true
	case EndClient, EndSlow, EndRevoked, EndExpired, EndTooMany:
	}
	return false
}

// Limits of streams.
const (
	lookEvery = 500 * time.Millisecond // how often keys are looked at: they end with time, too
	goneFor   = 5 * time.Minute        // how long a stream that ended is known
	keptGone  = 50_000
	keptSends = 8 // of one stream
)

// Streams that a server ends as it stops come back at once or after a fixed time, depending on the client. So they are ended
// one after another, drainOne apart and all within drainSpread, in no order.
const (
	drainOne    = time.Millisecond / 2
	drainSpread = 4 * time.Second
	drainTick   = 10 * time.Millisecond
)

// streams is the open streams of a Plane, and what is known of those that ended.
type streams struct {
	mu       sync.Mutex
	open     map[*stream]struct{} // guarded by mu, as all below
	counted  map[string]int       // by id of the key
	gone     []peer               // in the order in which they ended
	ended    map[StreamCount]int64
	draining bool
}

// StreamCount is how many streams of a kind are open in an environment, where Reason is empty, or how many ended for a reason
// since the start.
type StreamCount struct {
	Kind        Kind
	Environment string
	Reason      End
	Count       int64
}

// stream is one open stream. Whoever serves it waits for ended besides all else, and closes it.
type stream struct {
	plane *Plane
	conn  net.Conn      // nil if the server does not know it
	ended chan struct{} // closed when the stream has to end; why says for what reason
	peer  peer          // guarded by streams.mu

	hurried atomic.Bool
	writing atomic.Pointer[writing] // nil while nothing is written
}

// peer is what is known of a stream.
type peer struct {
	kind        Kind
	keyID       string // empty on a port that wants no key
	environment string
	host        string // of the client
	opened      time.Time
	left        time.Time // zero while it is open
	end         End       // set before it ends
	sends       []send    // the last of them
	confirmed   int64     // the newest revision of which the client's host acknowledged every byte
}

// send is a revision that was written and flushed without an error, or that changed nothing of what the stream shows.
type send struct {
	revision int64
	at       time.Time
	nothing  bool
}

// open begins a stream, or says why there is none. r gives the client's connection, where the server knows it (WithConn).
func (p *Plane) open(kind Kind, key sdkkey.Key, environment string, r *http.Request) (s *stream, refused End) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	s = &stream{
		plane: p, conn: connOf(r.Context()), ended: make(chan struct{}),
		peer: peer{kind: kind, keyID: key.ID, environment: environment, host: host, opened: p.Now()},
	}
	all := &p.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case all.draining:
		refused = EndDrain
	case all.counted[key.ID] >= key.Effective().MaxStreams:
		refused = EndTooMany
	case p.Live.Snapshot(environment) == nil:
		refused = EndUnserved
	}
	if refused != "" {
		all.count(&s.peer, refused)
		return nil, refused
	}
	if all.open == nil {
		all.open, all.counted = map[*stream]struct{}{}, map[string]int{}
	}
	all.open[s] = struct{}{}
	all.counted[key.ID]++
	return s, ""
}

// sent notes that the stream was handed a revision: written and flushed without an error.
func (s *stream) sent(revision int64, at time.Time) { s.note(send{revision: revision, at: at}) }

// passed notes that a revision has nothing for the stream.
func (s *stream) passed(revision int64) { s.note(send{revision: revision, nothing: true}) }

func (s *stream) note(what send) {
	s.plane.streams.mu.Lock()
	defer s.plane.streams.mu.Unlock()
	if len(s.peer.sends) == keptSends {
		s.peer.sends = append(s.peer.sends[:0], s.peer.sends[1:]...)
	}
	s.peer.sends = append(s.peer.sends, what)
}

// beatEvery is how often a stream that has something to say for it says that it is there.
const beatEvery = 20 * time.Second

// follow sends each revision that changes something of the view, until the stream ends, and gives the reason. Of those that come
// while it writes it sends the newest only. send gets the one that was sent before, nil at first. beat may be nil.
func (s *stream) follow(ctx context.Context, view live.View, send func(rev, before *revision) error, beat func() error) End {
	e := s.plane.environment(s.peer.environment)
	var ticks <-chan time.Time
	if beat != nil {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		ticks = tick.C
	}
	var last *revision
	for {
		rev, err := e.current(), error(nil)
		switch {
		case rev == nil:
			return EndUnserved
		case rev == last:
		case last != nil && rev.since(last, view).None():
			s.passed(rev.served.Revision)
		default:
			if err = send(rev, last); err == nil {
				s.sent(rev.served.Revision, s.plane.Now())
			}
		}
		last = rev
		if err == nil {
			select {
			case <-rev.served.Replaced():
			case <-ticks:
				err = beat()
			case <-s.ended:
				return s.why()
			case <-ctx.Done():
				return EndClient
			}
		}
		switch {
		case errors.Is(err, errSlow):
			return EndSlow
		case err != nil:
			return EndClient
		}
	}
}

// why gives the reason for which ended was closed.
func (s *stream) why() End {
	s.plane.streams.mu.Lock()
	defer s.plane.streams.mu.Unlock()
	return s.peer.end
}

// close takes the stream out and counts why it ended: for the reason that it was told, else for this one. Only the first call
// counts.
func (s *stream) close(why End) {
	now := s.plane.Now()
	all := &s.plane.streams
	all.mu.Lock()
	defer all.mu.Unlock()
	if _, open := all.open[s]; !open {
		return
	}
	delete(all.open, s)
	if all.counted[s.peer.keyID]--; all.counted[s.peer.keyID] == 0 {
		delete(all.counted, s.peer.keyID)
	}
	s.tell(why)
	s.peer.left = now
	all.count(&s.peer, s.peer.end)
	stale := 0
	for stale < len(all.gone) && (now.Sub(all.gone[stale].left) > goneFor || len(all.gone)-stale >= keptGone) {
		stale++
	}
	all.gone = append(all.gone[stale:], s.peer)
}

// tell has the stream end. The lock is held.
func (s *stream) tell(why End) {
	if s.peer.end == "" {
		s.peer.end = why
		close(s.ended)
	}
}

// count notes that a stream ended. The lock is held.
func (all *streams) count(p *peer, why End) {
	if all.ended == nil {
		all.ended = map[StreamCount]int64{}
	}
	all.ended[StreamCount{Kind: p.kind, Environment: p.environment, Reason: why}]++
}

// Streams counts the streams, for metrics, in no order.
func (p *Plane) Streams() []StreamCount {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	counts := maps.Clone(p.streams.ended)
	if counts == nil {
		counts = map[StreamCount]int64{}
	}
	for s := range p.streams.open {
		counts[StreamCount{Kind: s.peer.kind, Environment: s.peer.environment}]++
	}
	all := make([]StreamCount, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		all = append(all, c)
	}
	return all
}

// Run ends the streams of keys that were revoked or have expired, and notes when revisions come, until ctx ends.
func (p *Plane) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		// Taken before looking, so that what changes meanwhile is looked at next.
		keys, flags := p.Keys.Replaced(), p.Live.Replaced()
		p.expel()
		for _, e := range p.environments.Range {
			e.(*environment).current() //nolint:forcetypeassert // nothing else is stored
		}
		select {
		case <-ctx.Done():
			return
		case <-keys:
		case <-flags:
		case <-tick.C:
		}
	}
}

// expel ends the streams whose key may no longer be used.
func (p *Plane) expel() {
	now := p.Now()
	verdicts := map[string]sdkkey.Lasting{"": sdkkey.Lasts}
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	for s := range p.streams.open {
		verdict, known := verdicts[s.peer.keyID]
		if !known {
			verdict = p.Keys.Lasts(s.peer.keyID, now)
			verdicts[s.peer.keyID] = verdict
		}
		switch verdict {
		case sdkkey.Lasts:
		case sdkkey.Revoked:
			s.tell(EndRevoked)
			s.hurry()
		case sdkkey.Expired:
			s.tell(EndExpired)
			s.hurry()
		}
	}
}

func (p *Plane) draining() bool {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	return p.streams.draining
}

// Drain begins no more streams and ends those that are open: one after another, so that their clients do not all come back
// at the same moment. It returns when all were told to end.
func (p *Plane) Drain() {
	p.streams.mu.Lock()
	first := !p.streams.draining
	p.streams.draining = true
	n := len(p.streams.open)
	p.streams.mu.Unlock()
	if !first {
		return
	}
	ticks := max(1, int(min(time.Duration(n)*drainOne, drainSpread)/drainTick))
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for left := ticks; left > 0; left-- {
		if p.endSome(left) == 0 {
			return
		}
		<-tick.C
	}
}

// endSome tells one part in so many of the open streams to end, and gives how many are left.
func (p *Plane) endSome(parts int) (left int) {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	for s := range p.streams.open {
		if s.peer.end == "" {
			left++
		}
	}
	some := (left + parts - 1) / parts
	for s := range p.streams.open { // in no order
		if some == 0 {
			break
		}
		if s.peer.end == "" {
			s.tell(EndDrain)
			some--
			left--
		}
	}
	return left
}
