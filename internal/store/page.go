package store

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// Page says which part of a list is wanted.
type Page struct {
	Cursor string // what the page before gave as Next; empty is the start
	Limit  int    // 0 is 100; at most 1,000
}

// Listing is a part of a list and the cursor of the next part, empty at the end.
type Listing[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Size is the number of items that the page may hold.
func (p Page) Size() int {
	switch {
	case p.Limit <= 0:
		return 100
	case p.Limit > 1000:
		return 1000
	}
	return p.Limit
}

// After gives the keys that the page begins after, as the page before left them; nil at the start.
func (p Page) After() ([]string, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	var keys []string
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err == nil {
		err = json.Unmarshal(raw, &keys)
	}
	if err != nil || len(keys) == 0 || slices.ContainsFunc(keys, func(key string) bool { return strings.ContainsRune(key, 0) }) {
		return nil, fault.New(fault.Invalid, "bad_cursor", "the cursor is not one that this list gave").At("cursor").
			Fix("leave the cursor out to begin at the start")
	}
	return keys, nil
}

// Before is the id that the page ends before, of a list that shows the newest first by a key that is one id; "~", which is after
// every id, at the start.
func (p Page) Before() (string, error) {
	keys, err := p.After()
	if err != nil || len(keys) == 0 {
		return "~", err
	}
	return keys[0], nil
}

// Cut makes a listing of items that were queried with a limit of Size()+1: one more than fits tells that a next page
// exists, which begins after the keys of the last item that fits.
func Cut[T any](p Page, items []T, keys func(T) []string) Listing[T] {
	if len(items) <= p.Size() {
		if items == nil {
			items = []T{}
		}
		return Listing[T]{Items: items}
	}
	items = items[:p.Size()]
	return Listing[T]{Items: items, Next: Cursor(keys(items[len(items)-1])...)}
}

// Cursor is the cursor of the page that begins after the keys.
func Cursor(keys ...string) string {
	raw, err := json.Marshal(keys)
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
