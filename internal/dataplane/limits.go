package dataplane

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/sdkkey"
)

// share is what this replica keeps of an SDK key: how much it asked of late, and what its answers say of it.
type share struct {
	bucket       bucket
	token        string // names the key in the URL of its stream; empty without a Secret
	eventStreams []byte // the member of a bulk answer, with its comma before it; empty without a Secret
}

// share gives what is kept of a key. There are no more of them than keys were ever made.
func (p *Plane) share(key *sdkkey.Key) *share {
	if c, ok := p.shares.Load(key.ID); ok {
		return c.(*share) //nolint:forcetypeassert // nothing else is stored
	}
	fresh := &share{}
	if len(p.Secret) > 0 {
		fresh.token = p.streamToken(key.ID, key.Environment)
		fresh.eventStreams = []byte(`,"eventStreams":[{"type":"sse","endpoint":{"requestUri":"` + streamPath + fresh.token +
			`"},"inactivityDelaySec":` + strconv.Itoa(inactivityDelay) + `}]`)
	}
	c, _ := p.shares.LoadOrStore(key.ID, fresh)
	return c.(*share) //nolint:forcetypeassert // nothing else is stored
}

// streamToken names a key where a browser can send no header: its id, and what shows that this installation gave it out. It
// opens the stream of changes and evaluates nothing, is good as long as the key is, and is verified without a database.
func (p *Plane) streamToken(id, environment string) string {
	mac := hmac.New(sha256.New, p.Secret)
	mac.Write([]byte("ofrep stream\n" + id + "\n" + environment))
	return id + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// keyOf gives the key of a stream's token if it may be used now.
func (p *Plane) keyOf(token string, now time.Time) (key sdkkey.Key, ok bool) {
	id, _, cut := strings.Cut(token, ".")
	if !cut || len(p.Secret) == 0 {
		return key, false
	}
	key, ok = p.Held(id, now)
	if !ok || !hmac.Equal([]byte(token), []byte(p.share(&key).token)) {
		return sdkkey.Key{}, false
	}
	return key, true
}

// burst is how much of a second's requests may come at once.
const burst = int64(time.Second)

// bucket lets so many requests through a second, by the generic cell rate algorithm (ITU-T I.371): it holds the time at which all
// that was let through would be paid off. One word, so that many can take from it without a lock.
type bucket struct{ due atomic.Int64 }

// take takes one request at a time in nanoseconds, and gives 0, or how long there is none.
func (b *bucket) take(now int64, perSecond int) time.Duration {
	interval := int64(time.Second) / int64(perSecond)
	for {
		due := b.due.Load()
		start := due
		if due < now || due > now+burst { // paid off; or the clock was set back since
			start = now
		}
		next := start + interval
		if next > now+burst {
			return time.Duration(next - now - burst)
		}
		if b.due.CompareAndSwap(due, next) {
			return 0
		}
	}
}

// admit takes one request of the key, and answers 429 if the key has had its share.
func (s *share) admit(w http.ResponseWriter, key *sdkkey.Key, now time.Time) bool {
	wait := s.take(key, now)
	if wait == 0 {
		return true
	}
	tooMany(w, wait, overLimit(key))
	return false
}

// take takes one request of the key, and gives 0, or how long there is none.
func (s *share) take(key *sdkkey.Key, now time.Time) time.Duration {
	return s.bucket.take(now.UnixNano(), key.Effective().RequestsPerSecond)
}

func overLimit(key *sdkkey.Key) string {
	return "this SDK key may ask " + strconv.Itoa(key.Effective().RequestsPerSecond) + " times a second"
}

// tooMany answers 429.
func tooMany(w http.ResponseWriter, wait time.Duration, details string) {
	w.Header()["Retry-After"] = []string{strconv.Itoa(int((wait + time.Second - 1) / time.Second))}
	answer(w, http.StatusTooManyRequests, failure{Details: details})
}
