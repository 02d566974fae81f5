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
	apps  []App
	words map[string][]posting // by word: where it stands
	lexis []lexeme             // every word once, in order
}

type posting struct {
	app    int32
	weight uint8
}

type lexeme struct {
	text  []rune
	grams []uint32 // its pairs of letters, sorted
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
	x := &Index{apps: apps, words: map[string][]posting{}}
	for i, a := range apps {
		for _, part := range []struct {
			text   string
			weight uint8
		}{{a.Slug, inSlug}, {a.Name, inName}, {a.Category, inCategory}, {a.Owner, inCategory}, {a.Description, inDescription}} {
			for _, word := range wordsOf(part.text) {
				x.add(int32(i), word, part.weight) //nolint:gosec // there are never two billion apps
			}
		}
	}
	words := make([]string, 0, len(x.words))
	for word := range x.words {
		words = append(words, word)
	}
	slices.Sort(words)
	x.lexis = make([]lexeme, len(words))
	for i, word := range words {
		x.lexis[i] = lexeme{text: []rune(word), grams: gramsOf([]rune(word))}
	}
	return x
}

func (x *Index) add(app int32, word string, weight uint8) {
	list := x.words[word]
	if n := len(list); n > 0 && list[n-1].app == app {
		list[n-1].weight = max(list[n-1].weight, weight)
		return
	}
	x.words[word] = append(list, posting{app, weight})
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
// Every word of it must fit somehow; where no app fits all of them, those that fit most.
func (x *Index) Find(query string, let func(App) bool) []int {
	words := wordsOf(query)
	words = words[:min(len(words), maxQueryWords)]
	type score struct{ fitted, points int }
	scores, best := map[int32]score{}, 0
	for _, word := range words {
		for app, points := range x.fit(clip(word)) {
			s, known := scores[app]
			if !known && !let(x.apps[app]) {
				continue
			}
			s.fitted, s.points = s.fitted+1, s.points+points
			scores[app], best = s, max(best, s.fitted)
		}
	}
	phrase := strings.Join(words, " ")
	type hit struct{ app, points int }
	hits := make([]hit, 0, len(scores))
	for app, s := range scores {
		if s.fitted < best {
			continue
		}
		if a := x.apps[app]; strings.Join(wordsOf(a.Name), " ") == phrase || a.Slug == query {
			s.points += int(inName) * exactly // what is called just that comes first
		}
		hits = append(hits, hit{int(app), s.points})
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

// fit gives the apps that one word of a query fits, with points.
func (x *Index) fit(word string) map[int32]int {
	found := map[int32]int{}
	take := func(lexeme string, quality int) {
		for _, p := range x.words[lexeme] {
			found[p.app] = max(found[p.app], quality*int(p.weight))
		}
	}
	query := []rune(word)
	allowed := typingErrors(len(query))
	grams := gramsOf(query)
	row := newRow(len(query))
	for _, l := range x.lexis {
		text := string(l.text)
		switch at := strings.Index(text, word); {
		case text == word:
			take(text, exactly)
		case at == 0:
			take(text, beginning)
		case at > 0 && len(query) > 2:
			take(text, within)
		case allowed == 0 || !mayBeNear(grams, l.grams, allowed):
		default:
			// A word that is still being typed is held against the beginning of a longer one.
			other := l.text
			if len(other) > len(query)+allowed {
				other = other[:len(query)]
			}
			if off := row.distance(query, other, allowed); off <= allowed {
				take(text, similar-5*off)
			}
		}
	}
	return found
}

// typingErrors is how many slips a word of that length may hold and still be understood.
func typingErrors(length int) int {
	switch {
	case length < 3:
		return 0
	case length < 6:
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

func newRow(size int) *rows {
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
