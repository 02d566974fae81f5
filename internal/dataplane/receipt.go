package dataplane

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/measure"
)

// comeBack is how long a client whose stream ended may take to come back: flagd's wait a fixed 5 s, browsers less.
const comeBack = 15 * time.Second

// Handed is this replica's part of the receipt for a revision of an environment, as of now. Where the revision was skipped,
// since a later one came at once, that one counts. It is the zero value while the revision is not here.
func (p *Plane) Handed(environment string, revision int64) measure.Handed {
	e := p.environment(environment)
	e.current()
	a := e.arrival(revision)
	if a == nil {
		return measure.Handed{}
	}
	p.confirm(environment, a.revision)
	var peers []peer
	p.streams.mu.Lock()
	for s := range p.streams.open {
		if s.peer.environment == environment {
			peers = append(peers, s.peer.clone())
		}
	}
	for i := range p.streams.gone {
		if p.streams.gone[i].environment == environment {
			peers = append(peers, p.streams.gone[i].clone())
		}
	}
	p.streams.mu.Unlock()
	return a.handed(peers)
}

// confirm asks the kernel which of the streams that were sent the revision have no byte left that the client's host did not
// acknowledge. That is asked after the revision was flushed, so none of its bytes is either.
func (p *Plane) confirm(environment string, revision int64) {
	type asked struct {
		*stream
		sent int64
	}
	var streams []asked
	p.streams.mu.Lock()
	for s := range p.streams.open {
		if n := len(s.peer.sends); s.peer.environment == environment && n > 0 && s.conn != nil && s.peer.confirmed < revision {
			streams = append(streams, asked{s, s.peer.sends[n-1].revision})
		}
	}
	p.streams.mu.Unlock()
	streams = slices.DeleteFunc(streams, func(s asked) bool { return !acknowledged(s.conn) })
	p.streams.mu.Lock()
	for _, s := range streams {
		s.peer.confirmed = max(s.peer.confirmed, s.sent)
	}
	p.streams.mu.Unlock()
}

// clone copies what changes.
func (p *peer) clone() peer {
	copied := *p
	copied.sends = slices.Clone(p.sends)
	return copied
}

// got tells what the stream was handed with the revision, or with a later one.
func (p *peer) got(revision int64) (first send, ok bool) {
	for _, s := range p.sends {
		if s.revision >= revision {
			return s, true
		}
	}
	return send{}, false
}

// client is what tells the streams of a client that comes back from those of others, as far as that can be told.
type client struct {
	kind  Kind
	keyID string
	host  string
}

// handed makes the receipt from the streams that are open and those that ended, of one environment.
func (a *arrival) handed(peers []peer) (h measure.Handed) {
	h.Refetched = a.refetched
	clients := map[client][]*peer{}
	for i := range peers {
		p := &peers[i]
		c := client{p.kind, p.keyID, p.host}
		clients[c] = append(clients[c], p)
	}
	for _, streams := range clients {
		a.count(&h, streams)
	}
	return h
}

// count counts the streams of one client, or of several that cannot be told apart. A stream that was lost is back with the first
// stream that was begun after it ended.
func (a *arrival) count(h *measure.Handed, streams []*peer) {
	var lost []*peer
	for _, p := range streams {
		if a.lost(p) {
			lost = append(lost, p)
		}
	}
	slices.SortFunc(lost, func(x, y *peer) int { return x.left.Compare(y.left) })
	slices.SortFunc(streams, func(x, y *peer) int { return x.opened.Compare(y.opened) })
	for _, p := range streams {
		back := len(lost) > 0 && !lost[0].left.After(p.opened)
		if back {
			lost = lost[1:]
		}
		if p.opened.After(a.at) && !back {
			continue // a new client: it began with the revision
		}
		first, ok := p.got(a.revision)
		if !ok && p.left.IsZero() {
			h.Waiting++
		}
		if !ok || first.nothing {
			continue
		}
		h.Sent++
		if p.kind == KindSync {
			h.InProcess++
		}
		h.LastMS = max(h.LastMS, first.at.Sub(a.at).Milliseconds())
		if p.confirmed >= a.revision {
			h.ConfirmedByHost++
		}
	}
	for _, p := range lost {
		if p.left.Before(a.at) || p.end.ours() {
			h.Reconnecting++
		} else {
			h.Unreachable++
		}
	}
}

// lost tells whether a stream ended without the revision, at a time when it mattered. Whose key ended is nobody's loss.
func (a *arrival) lost(p *peer) bool {
	if p.left.IsZero() || p.end == EndRevoked || p.end == EndExpired || p.left.Before(a.at.Add(-comeBack)) {
		return false
	}
	_, ok := p.got(a.revision)
	return !ok
}

type connKey struct{}

// WithConn lets streams know the connection of their requests: it is to be a server's ConnContext.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

func connOf(ctx context.Context) net.Conn {
	conn, _ := ctx.Value(connKey{}).(net.Conn)
	return conn
}
