package dataplane

import (
	"net/http"

	"github.com/soukhq/souk/internal/sdkkey"
)

var (
	exposed       = []string{"ETag, Retry-After"}
	varyOrigin    = []string{"Origin"}
	varyEncoding  = []string{"Accept-Encoding"}
	varyBoth      = []string{"Origin, Accept-Encoding"}
	varyPreflight = []string{"Origin, Access-Control-Request-Headers"}
	preflightAge  = []string{"600"}
)

// preflight answers what a browser asks before it sends a key. It cannot know which key that will be, so it allows the
// question only, with whatever headers the page sends, such as those of its tracing; the answer to the request itself is shown to
// declared origins alone.
func preflight(w http.ResponseWriter, r *http.Request, method string) {
	h := w.Header()
	h["Vary"] = varyPreflight
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", method)
		if asked := r.Header["Access-Control-Request-Headers"]; len(asked) > 0 {
			h["Access-Control-Allow-Headers"] = asked
		}
		h["Access-Control-Max-Age"] = preflightAge
	}
	w.WriteHeader(http.StatusNoContent)
}

// cross lets web pages of declared origins read the answer, and tells whether the request may go on. A key of a server is
// for no web page: its answer goes out without the header that would let one read it.
func cross(w http.ResponseWriter, r *http.Request, key *sdkkey.Key) bool {
	if !key.ClientSide {
		return true
	}
	h := w.Header()
	h["Vary"] = varyOrigin
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if !key.AllowsOrigin(origin) {
		return false
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	h["Access-Control-Expose-Headers"] = exposed
	return true
}

// crossStream is cross for a stream, which a page holds open even where it may not read it: so a page that may not read it, or that
// does not say which it is though its browser says that it is another's, opens none.
func crossStream(w http.ResponseWriter, r *http.Request, key *sdkkey.Key) bool {
	if r.Header.Get("Origin") == "" {
		site := r.Header.Get("Sec-Fetch-Site")
		if site == "cross-site" || site == "same-site" {
			return false
		}
	} else if !key.ClientSide {
		return false
	}
	return cross(w, r, key)
}
