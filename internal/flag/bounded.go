package flag

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// syncedLimit bounds the document for in-process SDKs. Clients of gRPC refuse a message above 4 MiB unless they are told otherwise
// (MaxCallRecvMsgSize and its like), and keep the flags from before, so that no kill arrives any more.
const syncedLimit = 4<<20 - 64<<10

// withoutValue is a killed flag whose off value has no room: programs get their own default, as of a flag that is disabled.
var withoutValue = json.RawMessage(`{"state":"DISABLED","variants":{"off":false},"metadata":{"killed":true}}`)

// bound works out which flags are left out so that the document stays within the limit: the largest, as few as can be, and none that is
// killed. Where the killed ones alone are too large, the largest of them are said without their off values. A document for some of the
// flags is smaller.
func (s *Snapshot) bound(limit int) {
	size := len(s.head) + 64
	for name, rule := range s.rules {
		size += room(name, rule.text)
	}
	for _, f := range s.order {
		size += room(f.key, f.synced.definition)
	}
	if size <= limit {
		return
	}
	size = len(s.head) + 64
	used := map[string]int{} // by evaluator: how many flags bring it into the document
	var candidates, killed []*compiled
	for _, f := range s.order {
		if f.synced.definition == nil {
			continue
		}
		size += room(f.key, f.synced.definition)
		for _, name := range s.outerFirst(f.synced.names) {
			if used[name]++; used[name] == 1 {
				size += room(name, s.rules[name].text)
			}
		}
		if f.synced.killed {
			killed = append(killed, f)
		} else {
			candidates = append(candidates, f)
		}
	}
	// What has to be emptied whatever else is left out goes first, so that one owner's killed flags leave nobody else's out.
	s.empty(killed, limit/2)
	for f := range s.emptied {
		size -= room(f, s.flags[f].synced.definition) - room(f, withoutValue)
	}
	slices.SortStableFunc(candidates, largestFirst)
	for _, f := range candidates {
		if size <= limit {
			return
		}
		size -= room(f.key, f.synced.definition)
		for _, name := range s.outerFirst(f.synced.names) {
			if used[name]--; used[name] == 0 {
				size -= room(name, s.rules[name].text)
			}
		}
		if s.beyond == nil {
			s.beyond = map[string]Problem{}
		}
		s.beyond[f.key] = *leftOut(f.key, fmt.Sprintf("it has %d bytes, and all flags together would have more than their clients take at once (4 MB)", len(f.synced.definition)),
			"make it smaller, or give apps SDK keys of their own, which get their own flags alone").problem
	}
}

// empty leaves the off values out of the largest killed flags until all of them take no more than a size.
func (s *Snapshot) empty(killed []*compiled, size int) {
	for _, f := range killed {
		size -= room(f.key, f.synced.definition)
	}
	slices.SortStableFunc(killed, largestFirst)
	for _, f := range killed {
		if size >= 0 || len(f.synced.definition) <= len(withoutValue) {
			return
		}
		size += room(f.key, f.synced.definition) - room(f.key, withoutValue)
		if s.emptied == nil {
			s.emptied = map[string]bool{}
		}
		s.emptied[f.key] = true
	}
}

func largestFirst(a, b *compiled) int {
	return cmp.Compare(len(b.synced.definition), len(a.synced.definition))
}

// room is what a member takes in the document.
func room(name string, value []byte) int {
	if value == nil {
		return 0
	}
	return len(name) + len(value) + 8
}
