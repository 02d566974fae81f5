package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Search forgives: it finds apps by whole words, by their beginnings and parts, and by words a few typing errors away, in
// this order. It is a pure function over an index of all apps, which is made once for each state of the table.

// Index is what a search looks in. It never changes, and is safe for concurrent use.
type Index struct {
	apps   []App
	lexis  []lexeme       // every word once, in order
	orders map[Sort][]int // the places of the apps in each order
}

type posting struct {
	app    int32
	weight uint8
}

type lexeme struct {
	word  string
	runes []rune
	grams []uint32 // its pairs of letters, sorted
	where []posting
}

// The places of a word, by what finding it there is worth.
const (
	inDescription uint8 = 1
	inCategory    uint8 = 2
	inName        uint8 = 5
	inSlug        uint8 = 5
)

// wordsOf gives the words of a text, folded: lower case, without accents.
func wordsOf(text string) []string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	}
	folded := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(strings.ReplaceAll(text, "ß", "ss")))
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// NewIndex makes the index of apps.
func NewIndex(apps []App) *Index {
	words := map[string][]posting{}
	for i, a := range apps {
		for _, part := range []struct {
			text   string
			weight uint8
		}{{a.Slug, inSlug}, {a.Name, inName}, {a.Category, inCategory}, {a.Owner, inCategory}, {a.Description, inDescription}} {
			for _, word := range wordsOf(part.text) {
				words[word] = post(words[word], int32(i), part.weight) //nolint:gosec // there are never two billion apps
			}
		}
	}
	x := &Index{apps: apps, lexis: make([]lexeme, 0, len(words))}
	for word, where := range words {
		x.lexis = append(x.lexis, lexeme{word: word, runes: []rune(word), grams: gramsOf([]rune(word)), where: where})
	}
	slices.SortFunc(x.lexis, func(a, b lexeme) int { return cmp.Compare(a.word, b.word) })
	x.orders = map[Sort][]int{}
	for _, order := range []Sort{ByName, ByCreated, ByUpdated} {
		places := make([]int, len(apps))
		for i := range places {
			places[i] = i
		}
		slices.SortFunc(places, func(a, b int) int { return compare(order, false, apps[a], apps[b]) })
		x.orders[order] = places
	}
	return x
}

func post(list []posting, app int32, weight uint8) []posting {
	if n := len(list); n > 0 && list[n-1].app == app {
		list[n-1].weight = max(list[n-1].weight, weight)
		return list
	}
	return append(list, posting{app, weight})
}

// maxQuery bounds the words of a query that are looked at, and their length.
const (
	maxQueryWords = 8
	maxQueryWord  = 40
)

// How well a word of the query fits a word of an app.
const (
	exactly   = 100
	beginning = 70
	within    = 40
	similar   = 30 // less the typing errors
)

// Find gives, of the apps that are let through, those that fit a query, the best first, as their places in the index.
// Every word of it must fit somehow; where no app fits all of them, those that fit most, if that is half of them.
func (x *Index) Find(query string, let func(App) bool) []int {
	words := wordsOf(query)
	words = words[:min(len(words), maxQueryWords)]
	fitted, points := make([]int, len(x.apps)), make([]int, len(x.apps))
	this := make([]int, len(x.apps))
	best := 0
	for _, word := range words {
		clear(this)
		x.fit(clip(word), this)
		for app, gained := range this {
			if gained > 0 && (fitted[app] > 0 || let(x.apps[app])) {
				fitted[app]++
				points[app] += gained
				best = max(best, fitted[app])
			}
		}
	}
	phrase := strings.Join(words, " ")
	type hit struct{ app, points int }
	var hits []hit
	for app, n := range fitted {
		if n == 0 || n < best || 2*n < len(words) {
			continue
		}
		if a := x.apps[app]; strings.EqualFold(a.Name, phrase) || a.Slug == query {
			points[app] += int(inName) * exactly // what is called just that comes first
		}
		hits = append(hits, hit{app, points[app]})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.points, a.points), cmp.Compare(x.apps[a.app].Name, x.apps[b.app].Name), cmp.Compare(a.app, b.app))
	})
	found := make([]int, len(hits))
	for i, h := range hits {
		found[i] = h.app
	}
	return found
}

func clip(word string) string {
	if runes := []rune(word); len(runes) > maxQueryWord {
		return string(runes[:maxQueryWord])
	}
	return word
}

// fit adds to points, by app, how well one word of a query fits.
func (x *Index) fit(word string, points []int) {
	take := func(l *lexeme, quality int) {
		for _, p := range l.where {
			points[p.app] = max(points[p.app], quality*int(p.weight))
		}
	}
	query := []rune(word)
	// Words are in order, so that those that begin with it stand together, the word itself first.
	first, known := slices.BinarySearchFunc(x.lexis, word, func(l lexeme, word string) int { return cmp.Compare(l.word, word) })
	last := first
	for ; last < len(x.lexis) && strings.HasPrefix(x.lexis[last].word, word); last++ {
		take(&x.lexis[last], beginning)
	}
	allowed := typingErrors(len(query))
	if known {
		take(&x.lexis[first], exactly)
		allowed = 0 // a word that is there is no slip
	}
	if len(query) < 3 {
		return
	}
	grams, rows := gramsOf(query), newRows(len(query))
	for i := range x.lexis {
		l := &x.lexis[i]
		switch {
		case i >= first && i < last:
		case len(l.word) > len(word) && strings.Contains(l.word, word):
			take(l, within)
		case allowed == 0 || len(l.runes) < len(query)-allowed || !mayBeNear(grams, l.grams, allowed):
		default:
			// A word that is still being typed is held against the beginning of a longer one.
			other := l.runes
			if len(other) > len(query)+allowed {
				other = other[:len(query)]
			}
			if off := rows.distance(query, other, allowed); off <= allowed {
				take(l, similar-5*off)
			}
		}
	}
}

// typingErrors is how many slips a word of that length may hold and still be understood.
func typingErrors(length int) int {
	switch {
	case length < 4:
		return 0
	case length < 7:
		return 1
	}
	return 2
}

// gramsOf gives the pairs of neighbouring letters, each as a number, sorted.
func gramsOf(word []rune) []uint32 {
	grams := make([]uint32, 0, len(word)+1)
	before := rune(0)
	for _, r := range append(slices.Clone(word), 0) {
		grams = append(grams, uint32(before)<<16^uint32(r)) //nolint:gosec // only compared; a clash costs a comparison
		before = r
	}
	slices.Sort(grams)
	return grams
}

// mayBeNear tells whether two words share enough pairs of letters to be so few slips apart: a slip spoils at most three.
func mayBeNear(query, word []uint32, allowed int) bool {
	shared := 0
	for i, k := 0, 0; i < len(query) && k < len(word); {
		switch {
		case query[i] == word[k]:
			shared, i, k = shared+1, i+1, k+1
		case query[i] < word[k]:
			i++
		default:
			k++
		}
	}
	return shared >= len(query)-3*allowed-1
}

// rows are the three rows of the table of distances, kept between words.
type rows struct{ before, last, row []int }

func newRows(size int) *rows {
	const longest = maxQueryWord + 8
	return &rows{make([]int, max(size, longest)+1), make([]int, max(size, longest)+1), make([]int, max(size, longest)+1)}
}

// distance is the optimal string alignment distance (insertions, deletions, substitutions, swaps of neighbours); above
// limit it is only some number above limit.
func (t *rows) distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(b) >= len(t.row) {
		return limit + 1
	}
	before, last, row := t.before, t.last, t.row
	for j := 0; j <= len(b); j++ {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
