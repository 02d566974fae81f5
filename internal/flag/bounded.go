package flag

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// syncedLimit bounds the document for in-process SDKs. Clients of gRPC refuse a message above 4 MiB unless they are told otherwise
// (MaxCallRecvMsgSize and its like), and keep the flags from before, so that no kill arrives any more.
const syncedLimit = 4<<20 - 64<<10

// bound works out which flags are left out so that the document stays within the limit: the largest, as few as can be, and never one that
// is killed. A document for some of the flags is smaller.
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
	var candidates []*compiled
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
		if !bytes.Contains(f.synced.definition, []byte(`"killed":true`)) {
			candidates = append(candidates, f)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *compiled) int { return cmp.Compare(len(b.synced.definition), len(a.synced.definition)) })
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

// room is what a member takes in the document.
func room(name string, value []byte) int {
	if value == nil {
		return 0
	}
	return len(name) + len(value) + 8
}
