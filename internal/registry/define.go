package registry

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/soukhq/souk/internal/fault"
)

// slugLimit keeps slugs usable as DNS labels.
const slugLimit = 63

// Slug turns a name into the part of a key: lower-case letters a–z, digits and single hyphens, at most 63 of them. Accents
// are dropped; a name without any such letter or digit gives "".
func Slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ReplaceAll(name, "ß", "ss")) {
		r = unicode.ToLower(r)
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r) || r == '\'' || r == '’':
		default:
			gap = true
		}
		if b.Len() >= slugLimit {
			break
		}
	}
	slug := b.String()
	return strings.TrimRight(slug[:min(len(slug), slugLimit)], "-")
}

// Key is the key of an app's flag of a name; empty if the name has no slug.
func Key(app, name string) string {
	slug := Slug(name)
	if app == "" || slug == "" {
		return ""
	}
	return app + "." + slug
}

// Check tells what is wrong with a serving by itself, as a fault at the field.
func (s Serving) Check() error {
	switch s.Mode {
	case ServeOff, ServeOn, ServeCustom:
		return nil
	case ServeAudience:
		if s.Audience == "" {
			return fault.New(fault.Invalid, "no_audience", "the audience is not named").At("audience").Fix("name a segment")
		}
		if s.Percent < 0 || s.Percent > 100 {
			return fault.New(fault.Invalid, "percent_range", "a percentage lies between 0 and 100, not at %d", s.Percent).
				At("percent").Fix("choose a percentage between 0 and 100")
		}
		return nil
	}
	return fault.New(fault.Invalid, "unknown_mode", "a flag cannot serve %q", s.Mode).At("mode").
		Fix("choose off, on, audience or custom")
}

// Words tells the serving as people say it, such as "25 % of pilot".
func (s Serving) Words() string {
	switch s.Mode {
	case ServeOff:
		return "off"
	case ServeOn:
		return "on for everybody"
	case ServeAudience:
		if s.Percent == 100 {
			return "on for " + s.Audience
		}
		return fmt.Sprintf("on for %d %% of %s", s.Percent, s.Audience)
	case ServeCustom:
		switch {
		case s.Imported != nil:
			return s.Imported.Words()
		case s.Title != "":
			return s.Title
		case len(s.Targeting) == 0:
			return "the variant " + s.DefaultVariant + " for everybody"
		}
		return "by a rule of its own"
	}
	return string(s.Mode)
}

// definition is a flag of a flagd document (https://flagd.dev/reference/flag-definitions/).
type definition struct {
	State          string         `json:"state"`
	Variants       map[string]any `json:"variants"`
	DefaultVariant string         `json:"defaultVariant"`
	Targeting      any            `json:"targeting,omitempty"`
	Metadata       map[string]any `json:"metadata,omitempty"`
}

// define gives the flagd definition of a flag that serves s. A killed flag is a real value, the off variant without
// targeting, never an error that would let a default in the caller's code win.
//
// The on variant is the first bucket of the split, so that growing the percentage only ever adds people.
func define(f Flag, s Serving, everybody, killed bool) json.RawMessage {
	if s.Imported != nil {
		return s.Imported.define(f, killed)
	}
	d := definition{
		State: "ENABLED", Variants: f.served(s), DefaultVariant: f.Off,
		Metadata: map[string]any{"app": f.App, "flag_id": f.FlagID},
	}
	switch {
	case killed:
		d.Metadata["killed"] = true
	case s.Mode == ServeOn, s.Mode == ServeAudience && everybody && s.Percent == 100:
		d.DefaultVariant = f.On
	case s.Mode == ServeAudience:
		d.DefaultVariant = f.Outside
		var served any = f.On
		if s.Percent < 100 {
			served = map[string]any{"fractional": []any{[]any{f.On, s.Percent}, []any{f.Outside, 100 - s.Percent}}}
		}
		if !everybody {
			served = map[string]any{"if": []any{map[string]any{"$ref": s.Audience}, served}}
		}
		d.Targeting = served
	case s.Mode == ServeCustom:
		d.DefaultVariant = f.fallback(s)
		if len(s.Targeting) > 0 {
			d.Targeting = s.Targeting
		}
	}
	return encode(d)
}

// encode gives the JSON of a value that always has one.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return raw
}

// SetMetadata gives the metadata of all that an environment serves, as each answer carries it.
func SetMetadata(environment string) json.RawMessage {
	return encode(map[string]any{"flagSetId": environment})
}
