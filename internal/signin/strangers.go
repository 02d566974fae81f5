package signin

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// strangers slows down whoever tries tokens that are none. A token that was good a while ago passes, whatever else comes from
// its address. The zero value is ready.
type strangers struct {
	once sync.Once
	bad  *meter
	mu   sync.Mutex
	good map[access.SecretHash]time.Time // guarded by mu; when it was last good
}

// badTokens is how many wrong tokens a place may send: a misconfigured job keeps its colleagues out of nothing.
var badTokens = allowance{burst: 60, every: time.Second}

// How many good tokens are remembered, and for how long.
const (
	maxGood = 10_000
	goodFor = time.Hour
)

func (s *strangers) meter() *meter {
	s.once.Do(func() { s.bad, s.good = &meter{allowance: badTokens}, map[access.SecretHash]time.Time{} })
	return s.bad
}

func (s *strangers) knows(hash access.SecretHash, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.good[hash]
	return ok && now.Sub(last) < goodFor
}

func (s *strangers) remember(hash access.SecretHash, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.good[hash]; !ok && len(s.good) >= maxGood {
		for other := range s.good { // any: it only has to be looked up again
			delete(s.good, other)
			break
		}
	}
	s.good[hash] = now
}

// Recognize is Actor for a request: from a place that sent too many tokens that are none, tokens that this replica does not
// know are a fault of kind TooMany until a while has passed.
func (s *Tokens) Recognize(ctx context.Context, r *http.Request, secret string) (access.Actor, error) {
	place, now := placeOf(r.RemoteAddr), s.Now()
	bad := s.strangers.meter()
	hash, shaped := access.HashOf(tokenPrefix, secret)
	if !shaped || !s.strangers.knows(hash, now) {
		if wait := bad.wait(place, now); wait > 0 && place != "" {
			return access.Actor{}, tooMany429(wait, "too many API tokens from your network were wrong")
		}
	}
	by, err := s.Actor(ctx, secret)
	switch {
	case err == nil:
		s.strangers.remember(hash, now)
	case fault.Is(err, fault.Unauthenticated) && place != "":
		bad.take(place, now)
	}
	return by, err
}

// hostOf is the address of who sent a request, without the port; empty for the local socket.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil || net.ParseIP(host) == nil {
		return ""
	}
	return host
}
