package fault

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest gives the words, at most three and the nearest first, that somebody who wrote word may have meant: those a few
// typing errors away, and those that begin with it. It is for remediations, never for decisions.
func Nearest(word string, among []string) []string {
	word = strings.ToLower(strings.TrimSpace(word))
	if word == "" || len(word) > 256 {
		return nil
	}
	type near struct {
		word string
		off  int
	}
	var found []near
	for _, other := range among {
		folded := strings.ToLower(other)
		limit := max(1, min(len(word), len(folded))/3)
		off := distance([]rune(word), []rune(folded), limit)
		switch {
		case off <= limit:
			found = append(found, near{other, off})
		case len(word) >= 2 && strings.HasPrefix(folded, word):
			found = append(found, near{other, limit + 1})
		}
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.word, b.word)) })
	words := make([]string, 0, 3)
	for _, n := range found[:min(3, len(found))] {
		words = append(words, n.word)
	}
	return words
}

// distance is the optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours that
// turn a into b. Above limit it is only some number above limit.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Meant is the remediation that names the nearest words, or otherwise says what to do instead.
func Meant(word string, among []string, otherwise string) string {
	if near := Nearest(word, among); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return otherwise
}
