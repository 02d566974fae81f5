package dataplane

import (
	"net/http"
	"strconv"
)

// cacheStatus is the header (RFC 9211) with which an answer says that it was made from flags that may be old.
const cacheStatus = "Cache-Status"

// markStale says in an answer that the database cannot be read, so that changes may be missing: a cache that is past its time by
// the seconds since it could, where that is known. While all is well there is no header, and it costs nothing.
func (p *Plane) markStale(h http.Header) {
	if !p.Live.Stale() {
		return
	}
	value := "souk; hit"
	if age, ok := p.Live.StaleFor(); ok {
		value += "; ttl=-" + strconv.FormatInt(max(1, int64(age.Seconds())), 10)
	}
	h[cacheStatus] = []string{value + `; detail="database away"`}
}
