package catalog

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
)

// Limits of what an app says of itself, in characters. A slug is a label of a host name and the first half of flag keys.
const (
	slugMin        = 2
	slugMax        = 40
	nameMax        = 80
	descriptionMax = 2000
	contactMax     = 254
	urlMax         = 2000
)

// Categories are the kinds of use that apps are sorted by.
var Categories = []string{"dashboard", "notification", "automation", "integration", "other"}

// reserved are slugs that would be taken for a part of Souk or of the network.
var reserved = []string{
	"about", "account", "admin", "api", "app", "apps", "assets", "audit", "auth", "categories", "console", "demo", "dev", "docs", "flags",
	"ftp", "healthz", "help", "home", "id", "inbox", "internal", "localhost", "login", "logout", "mail", "mcp", "metrics",
	"new", "null", "ofrep", "otlp", "preview", "production", "readyz", "requests", "root", "sandbox", "scim", "self",
	"session", "settings", "souk", "staging", "static", "status", "support", "system", "template", "templates", "test",
	"undefined", "webhooks", "www",
}

var (
	slugShape = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// idShape is what ids look like: a UUID, or so many hexadecimal digits that it might be one.
	idShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{24,}$`)
)

// Check tells all that is wrong with what an app says of itself, at the fields app.slug, app.name and so on. Whether the
// slug is free, the owner exists and the URL is safe is asked elsewhere: Vacant, access, CheckURL.
func Check(a App) []fault.Finding {
	var found []fault.Finding
	found = append(found, checkSlug(a)...)
	found = append(found, checkText("name", "the name", a.Name, nameMax, false)...)
	found = append(found, checkText("description", "the description", a.Description, descriptionMax, true)...)
	found = append(found, checkCategory(a.Category)...)
	found = append(found, checkText("owner", "the owner", a.Owner, nameMax, false)...)
	if wrong := checkText("contact", "the contact", a.Contact, contactMax, false); len(wrong) > 0 {
		found = append(found, wrong...)
	} else if !reachable(a.Contact) {
		found = append(found, finding("contact", "contact_shape", "the contact is neither an e-mail address nor a web address",
			"give an e-mail address, or a chat or help page that begins with https://"))
	}
	switch {
	case a.Kind == "":
		found = append(found, mend(finding("kind", "required", "the kind of app is missing",
			"choose external: an app that runs on its own web address"), string(External)))
	case a.Kind != External:
		found = append(found, mend(finding("kind", "unknown_kind", fmt.Sprintf("%q is not a kind of app", short(string(a.Kind))),
			"choose external: an app that runs on its own web address"), string(External)))
	}
	found = append(found, checkText("url", "the web address", a.URL, urlMax, false)...)
	return append(found, checkData(a.Data)...)
}

func checkSlug(a App) []fault.Finding {
	wrong := func(code, message, remediation string) []fault.Finding {
		f := finding("slug", code, message, remediation)
		if proposal := Propose(a); proposal != "" && proposal != a.Slug {
			f.Remediation += fmt.Sprintf(", for example %s", proposal)
			f = mend(f, proposal)
		}
		return []fault.Finding{f}
	}
	switch {
	case a.Slug == "":
		return wrong("required", "the short name is missing", "choose a short name for addresses and flag keys")
	case !slugShape.MatchString(a.Slug):
		return wrong("slug_shape", "the short name may hold only the letters a to z, digits and hyphens, and begins with a letter",
			"choose another short name")
	case len(a.Slug) < slugMin || len(a.Slug) > slugMax:
		return wrong("slug_length", fmt.Sprintf("the short name must have %d to %d characters, it has %d", slugMin, slugMax, len(a.Slug)),
			"choose another short name")
	case strings.Contains(a.Slug, "--") || strings.HasSuffix(a.Slug, "-"):
		return wrong("slug_shape", "the short name has two hyphens in a row, or ends in one", "choose another short name")
	case idShape.MatchString(a.Slug):
		return wrong("slug_like_id", "the short name looks like an id", "choose words that people know")
	case slices.Contains(reserved, a.Slug):
		return wrong("slug_reserved", fmt.Sprintf("%q is kept for Souk itself", a.Slug), "choose another short name")
	}
	return nil
}

// Propose gives a slug made from the app's slug or else its name; empty if neither yields one.
func Propose(a App) string {
	for _, text := range []string{a.Slug, a.Name} {
		slug := strings.TrimLeft(registry.Slug(text), "0123456789-")
		slug = strings.TrimRight(slug[:min(len(slug), slugMax)], "-")
		if slices.Contains(reserved, slug) {
			slug += "-app"
		}
		if len(slug) >= slugMin && !idShape.MatchString(slug) {
			return slug
		}
	}
	return ""
}

func checkCategory(category string) []fault.Finding {
	const choose = "choose dashboard, notification, automation, integration or other"
	switch {
	case category == "":
		return []fault.Finding{finding("category", "required", "the category is missing", choose)}
	case slices.Contains(Categories, category):
		return nil
	}
	f := finding("category", "unknown_category", fmt.Sprintf("%q is not a category", short(category)), choose)
	if folded := strings.ToLower(strings.TrimSpace(category)); slices.Contains(Categories, folded) {
		f = mend(f, folded)
	}
	return []fault.Finding{f}
}

// checkText holds for every text that people read: it is there, short enough, and shows all that it holds.
func checkText(field, title, text string, limit int, lines bool) []fault.Finding {
	clean := strings.Map(func(r rune) rune {
		if fault.Deceptive(r) || !lines && fault.Break(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	switch {
	case strings.TrimSpace(text) == "":
		return []fault.Finding{finding(field, "required", title+" is missing", "fill it in")}
	case clean != text:
		f := finding(field, "unseen_characters", title+" contains characters that cannot be seen or that reverse the direction of text", "type it again without them")
		if strings.TrimSpace(clean) != "" {
			f = mend(f, clean)
		}
		return []fault.Finding{f}
	case utf8.RuneCountInString(text) > limit:
		return []fault.Finding{finding(field, "too_long",
			fmt.Sprintf("%s must have at most %d characters, it has %d", title, limit, utf8.RuneCountInString(text)), "shorten it")}
	}
	return nil
}

// reachable tells whether a contact is an e-mail address or a safe web address.
func reachable(contact string) bool {
	if strings.HasPrefix(contact, "https://") {
		return len(CheckURL(contact)) == 0
	}
	address, err := mail.ParseAddress(contact)
	if err != nil || address.Address != contact {
		return false
	}
	_, domain, _ := strings.Cut(contact, "@")
	return strings.Contains(strings.Trim(domain, "."), ".")
}

func finding(field, code, message, remediation string) fault.Finding {
	return fault.Finding{
		Severity: fault.SeverityError, Field: "app." + field, Code: code, Message: message, Remediation: remediation,
	}
}

// mend adds the patch that gives the field another value. RFC 6902's add also replaces what is there.
func mend(f fault.Finding, value string) fault.Finding {
	path := "/" + strings.ReplaceAll(f.Field, ".", "/")
	f.Patch = []fault.Patch{{Op: "add", Path: path, Value: value}}
	return f
}

// short keeps what is quoted back from filling the screen.
func short(text string) string {
	const limit = 40
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit]) + "…"
}
