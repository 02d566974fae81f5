package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/catalog"
)

func everybody(catalog.App) bool { return true }

// market is a handful of apps that a bank might have.
var market = []catalog.App{
	{Slug: "where2eat", Name: "Where2Eat", Category: "dashboard", Owner: "team-lunch", Description: "Picks a restaurant for lunch."},
	{Slug: "branch-queue", Name: "Branch Queue", Category: "dashboard", Owner: "team-branch", Description: "Shows how long people wait in each branch."},
	{Slug: "fraud-alerts", Name: "Fraud alerts", Category: "notification", Owner: "team-risk", Description: "Tells the desk of payments that look like fraud."},
	{Slug: "expense-sorter", Name: "Spesensortierer für Müller", Category: "automation", Owner: "team-travel", Description: "Sorts expenses, lunch receipts included."},
	{Slug: "lunch-menu", Name: "Lunch menu", Category: "notification", Owner: "team-lunch", Description: "The canteen's menu of the day."},
	{Slug: "payments", Name: "Payments", Category: "integration", Owner: "team-pay", Description: "All payments of the day."},
}

func search(query string) []string {
	found := []string{}
	for _, place := range catalog.NewIndex(market).Find(query, everybody) {
		found = append(found, market[place].Slug)
	}
	return found
}

func TestSearchForgivesTypingErrorsAndRanksWhatIsMeant(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][]string{
		"where2eat":         {"where2eat"},
		"Where 2 Eat":       {"where2eat"},
		"wher2eat":          {"where2eat"}, // a letter is missing
		"whree2eat":         {"where2eat"}, // two are swapped
		"where3eat":         {"where2eat"}, // another one
		"wheere2eatt":       {"where2eat"}, // two too many
		"whe":               {"where2eat"},
		"lunch":             {"lunch-menu", "where2eat", "expense-sorter"}, // in the name, then elsewhere
		"lunhc":             {"lunch-menu", "where2eat", "expense-sorter"},
		"LUNCH MENU":        {"lunch-menu"},
		"lunch mneu":        {"lunch-menu"},
		"menu lunch":        {"lunch-menu"},
		"muller":            {"expense-sorter"}, // without the accent
		"müller":            {"expense-sorter"},
		"spesen":            {"expense-sorter"},
		"sortierer":         {"expense-sorter"}, // a part of a word
		"fraud":             {"fraud-alerts"},
		"frod":              {},
		"fruad alert":       {"fraud-alerts"},
		"payment":           {"payments", "fraud-alerts"},
		"paymnets":          {"payments", "fraud-alerts"},
		"team-lunch":        {"lunch-menu", "where2eat", "expense-sorter"},
		"notification":      {"fraud-alerts", "lunch-menu"},
		"notifcation":       {"fraud-alerts", "lunch-menu"},
		"lunch zzzzzzz":     {"lunch-menu", "where2eat", "expense-sorter"}, // what fits most
		"zzzzzzz":           {},
		"%":                 {},
		"":                  {},
		"' OR 1=1 --":       {},
		"<script>lunch":     {"lunch-menu", "where2eat", "expense-sorter"},
		"\u202elunch\u202c": {"lunch-menu", "where2eat", "expense-sorter"},
	} {
		got := search(query)
		if query == "' OR 1=1 --" {
			continue // whatever fits or and 1; it must not fail
		}
		if len(want) > 0 && want[0] == "lunch-menu" && len(want) == 3 {
			slices.Sort(got[min(1, len(got)):]) // the order of those that only mention it is by points
			sorted := slices.Clone(want)
			slices.Sort(sorted[1:])
			want = sorted
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
}

func TestSearchIsOverWhatOneMaySee(t *testing.T) {
	t.Parallel()
	hidden := func(a catalog.App) bool { return a.Slug != "lunch-menu" }
	var found []string
	for _, place := range catalog.NewIndex(market).Find("lunch menu", hidden) {
		found = append(found, market[place].Slug)
	}
	// The hidden app would fit both words; it must not keep away those that fit one.
	if slices.Sort(found); !slices.Equal(found, []string{"expense-sorter", "where2eat"}) {
		t.Errorf("found %v", found)
	}
}

// many makes so many apps of words that occur in companies.
func many(n int) []catalog.App {
	words := strings.Fields(`lunch branch queue fraud alert payment menu room desk travel expense report customer ticket shift order
		invoice contract training badge parking printer meeting holiday salary forecast budget risk audit market bond trade loan
		credit mortgage teller vault cash card limit score model survey feedback idea news event calendar task board chart map`)
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible, nothing secret
	pick := func(k int) string {
		parts := make([]string, k)
		for i := range parts {
			parts[i] = words[r.IntN(len(words))]
			if r.IntN(3) == 0 {
				parts[i] += fmt.Sprint(r.IntN(2000))
			}
		}
		return strings.Join(parts, " ")
	}
	apps := make([]catalog.App, n)
	for i := range apps {
		apps[i] = catalog.App{
			Slug: fmt.Sprintf("app-%05d", i), Name: pick(3), Category: catalog.Categories[i%5], Owner: fmt.Sprintf("team-%d", i%300),
			Description: pick(20), Listed: true,
		}
	}
	return apps
}

// BenchmarkSearch finds among 10,000 apps.
func BenchmarkSearch(b *testing.B) {
	x := catalog.NewIndex(many(10_000))
	for name, query := range map[string]string{"word": "mortgage", "slip": "mortgaeg", "phrase": "fraud alert payment", "letter": "m", "nothing": "qqqqqqqqqq"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x.Find(query, everybody)
			}
		})
	}
}

// BenchmarkIndex makes the index of 10,000 apps, once for each state of the table.
func BenchmarkIndex(b *testing.B) {
	apps := many(10_000)
	for b.Loop() {
		catalog.NewIndex(apps)
	}
}

func FuzzSearch(f *testing.F) {
	for _, query := range []string{"lunch", "", "wher2eat", "\u202e", "ß ſ İ ﬁ", strings.Repeat("a", 300), "\xff\xfe", "日本 料理"} {
		f.Add(query)
	}
	x := catalog.NewIndex(market)
	f.Fuzz(func(t *testing.T, query string) {
		found := x.Find(query, everybody)
		if len(found) > len(market) {
			t.Errorf("%d of %d apps", len(found), len(market))
		}
		slices.Sort(found)
		if len(slices.Compact(slices.Clone(found))) != len(found) {
			t.Errorf("an app is found twice: %v", found)
		}
	})
}
