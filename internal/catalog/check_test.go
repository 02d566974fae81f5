package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
)

func where2eat() catalog.App {
	return catalog.App{
		Slug: "where2eat", Name: "Where2Eat", Description: "Votes on where the team has lunch", Category: "dashboard",
		Owner: "team-lunch", Contact: "alice@hyfin.example", Kind: catalog.External, URL: "https://where2eat.hyfin.example",
	}
}

// told gives field and code of each finding, and the value that a patch would set.
func told(found []fault.Finding) []string {
	var all []string
	for _, f := range found {
		line := f.Field + " " + f.Code
		if len(f.Patch) > 0 {
			line = fmt.Sprintf("%s → %s", line, f.Patch[0].Value)
		}
		all = append(all, line)
	}
	return all
}

func TestACompleteAppHasNoFindings(t *testing.T) {
	t.Parallel()
	app := where2eat()
	if found := append(catalog.Check(app), catalog.CheckURL(app.URL)...); len(found) > 0 {
		t.Errorf("findings: %v", found)
	}
	app.Contact = "https://chat.hyfin.example/lunch"
	app.Name = "Wo essen wir? 👩‍🍳 איפה אוכלים"
	app.Description = "Two lines,\n\tone of them indented"
	if found := catalog.Check(app); len(found) > 0 {
		t.Errorf("findings: %v", found)
	}
}

func TestCheckNamesFieldCodeAndRepair(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(*catalog.App)
		want  []string
	}{
		"nothing given": {func(a *catalog.App) { *a = catalog.App{} }, []string{
			"app.slug required", "app.name required", "app.description required", "app.category required", "app.owner required",
			"app.contact required", "app.kind required → external", "app.url required",
		}},
		"slug from name":     {func(a *catalog.App) { a.Slug = "" }, []string{"app.slug required → where2eat"}},
		"capitals":           {func(a *catalog.App) { a.Slug = "Where2Eat" }, []string{"app.slug slug_shape → where2eat"}},
		"digit first":        {func(a *catalog.App) { a.Slug = "2eat" }, []string{"app.slug slug_shape → eat"}},
		"homograph":          {func(a *catalog.App) { a.Slug = "whеre2eat" }, []string{"app.slug slug_shape → wh-re2eat"}},
		"two hyphens":        {func(a *catalog.App) { a.Slug = "where--eat" }, []string{"app.slug slug_shape → where-eat"}},
		"hyphen last":        {func(a *catalog.App) { a.Slug = "where-" }, []string{"app.slug slug_shape → where"}},
		"too short":          {func(a *catalog.App) { a.Slug = "w" }, []string{"app.slug slug_length → where2eat"}},
		"too long":           {func(a *catalog.App) { a.Slug = strings.Repeat("z", 41) }, []string{"app.slug slug_length → " + strings.Repeat("z", 40)}},
		"reserved":           {func(a *catalog.App) { a.Slug = "ofrep" }, []string{"app.slug slug_reserved → ofrep-app"}},
		"like an id":         {func(a *catalog.App) { a.Slug = "abcdef01-2345-7abc-8def-0123456789ab" }, []string{"app.slug slug_like_id → where2eat"}},
		"blank owner":        {func(a *catalog.App) { a.Owner = " \t" }, []string{"app.owner required"}},
		"bidi override":      {func(a *catalog.App) { a.Name = "Lunch\u202ekcehc" }, []string{"app.name unseen_characters → Lunchkcehc"}},
		"isolate":            {func(a *catalog.App) { a.Description = "a\u2066b\u2069" }, []string{"app.description unseen_characters → ab"}},
		"line in a name":     {func(a *catalog.App) { a.Name = "a\nb" }, []string{"app.name unseen_characters → ab"}},
		"NUL":                {func(a *catalog.App) { a.Description = "a\x00b" }, []string{"app.description unseen_characters → ab"}},
		"not UTF-8":          {func(a *catalog.App) { a.Name = "a\xffb" }, []string{"app.name unseen_characters → ab"}},
		"overlong name":      {func(a *catalog.App) { a.Name = strings.Repeat("ü", 81) }, []string{"app.name too_long"}},
		"category in caps":   {func(a *catalog.App) { a.Category = "Dashboard " }, []string{"app.category unknown_category → dashboard"}},
		"unknown category":   {func(a *catalog.App) { a.Category = "game" }, []string{"app.category unknown_category"}},
		"contact a name":     {func(a *catalog.App) { a.Contact = "Alice" }, []string{"app.contact contact_shape"}},
		"contact with words": {func(a *catalog.App) { a.Contact = "Alice <alice@hyfin.example>" }, []string{"app.contact contact_shape"}},
		"contact over http":  {func(a *catalog.App) { a.Contact = "http://chat.hyfin.example" }, []string{"app.contact contact_shape"}},
		"hosted":             {func(a *catalog.App) { a.Kind = "hosted" }, []string{"app.kind unknown_kind → external"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := where2eat()
			tt.spoil(&app)
			if diff := cmp.Diff(tt.want, told(catalog.Check(app))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnsafeAddressesAreRefusedByTheirText(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"http://where2eat.hyfin.example":                 "app.url url_not_https → https://where2eat.hyfin.example",
		"ftp://where2eat.hyfin.example":                  "app.url url_not_https",
		"https://alice@where2eat.hyfin.example":          "app.url url_userinfo",
		"https://alice:pw@where2eat.hyfin.example":       "app.url url_userinfo",
		"https://192.168.0.1/":                           "app.url url_ip_address",
		"https://[::1]/":                                 "app.url url_ip_address",
		"https://[fe80::1%25eth0]/":                      "app.url url_ip_address",
		"https://2130706433/":                            "app.url url_ip_address",
		"https://0x7f.1/":                                "app.url url_ip_address",
		"https://127.1":                                  "app.url url_ip_address",
		"https://0177.0.0.1.":                            "app.url url_ip_address",
		"https://localhost:8080":                         "app.url url_localhost",
		"https://LOCALHOST.":                             "app.url url_localhost",
		"https://where2eat.localhost":                    "app.url url_localhost",
		"https://intranet/where2eat":                     "app.url url_single_label",
		"https://whеre2eat.hyfin.example":                "app.url url_host",
		"https://a..example":                             "app.url url_host",
		"https://-a.example":                             "app.url url_host",
		"https://a.example:0/":                           "app.url url_port",
		"https://a.example:99999/":                       "app.url url_port",
		`https://good.example\@evil.example`:             "app.url url_shape",
		"https://a.example/a b":                          "app.url url_shape",
		"https://a.example/\n":                           "app.url url_shape",
		"javascript:alert(1)":                            "app.url url_shape",
		"//where2eat.hyfin.example":                      "app.url url_not_https",
		"where2eat.hyfin.example":                        "app.url url_shape",
		"https:///path":                                  "app.url url_shape",
		"https://a.example/" + strings.Repeat("a", 2000): "app.url url_too_long",
	}
	for raw, want := range tests {
		if diff := cmp.Diff([]string{want}, told(catalog.CheckURL(raw))); diff != "" {
			t.Errorf("%s: %s", raw, diff)
		}
	}
	for _, raw := range []string{"", "https://a.example", "https://a.example:8443/x?y=z#w", "https://A.Example.", "https://a.b.co/%2e%2e"} {
		if found := catalog.CheckURL(raw); len(found) > 0 {
			t.Errorf("%s: %v", raw, found)
		}
	}
}

func TestWhatIsProposedIsAccepted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		app := where2eat()
		app.Slug = rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9-]{0,50}`), rapid.StringMatching(`[0-9a-f]{20,40}`)).Draw(t, "slug")
		app.Name = rapid.String().Draw(t, "name")
		proposal := catalog.Propose(app)
		if proposal == "" {
			return
		}
		app.Name, app.Slug = "Where2Eat", proposal
		if found := catalog.Check(app); len(found) > 0 {
			t.Fatalf("%q: %v", proposal, found)
		}
	})
}
