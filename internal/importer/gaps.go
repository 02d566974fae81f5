package importer

import (
	"encoding/json"
	"slices"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
)

// gaps tells what a flag of the document would lack once it is taken.
func (w *work) gaps(key string, problems []flag.Problem) []Gap {
	there, own := w.ground.Flags[key], w.owns[key]
	lacks := lacks{
		owner:   there.OwnerGroup == "" && there.Owner == "" && own.owned.Owner == "",
		contact: there.Contact == "" && own.owned.Contact == "",
		ttl:     w.ends[key] == "" && own.owned.TTLDays == 0,
	}
	var d struct {
		Variants map[string]json.RawMessage `json:"variants"`
	}
	_ = json.Unmarshal(w.doc.Flags[key], &d) // it was read already
	lacks.off = own.off == "" && registry.OffAmong(d.Variants) == ""
	return slices.Concat(lacks.gaps(key), own.gaps, broken(key, problems))
}

// lacks is what governance misses of a flag.
type lacks struct{ owner, contact, ttl, off bool }

func (l lacks) gaps(key string) []Gap {
	var gaps []Gap
	for _, g := range []struct {
		lacks               bool
		code, words, remedy string
	}{
		{
			l.owner, "no_owner", "nobody owns it; operators and administrators act for it",
			"import it again with an app, or with a map that names its owner",
		},
		{l.contact, "no_contact", "nobody is named whom to ask about it", "import it again with an app, or with a map that names a contact"},
		{l.ttl, "no_ttl", "it has no TTL, so that nobody is reminded to remove it", "import it again with a map that says its ttl_days"},
		{
			l.off, "no_off_value", "no off value is chosen: turning it off for everybody serves its default variant without targeting",
			"import it again with a map whose off_variant names one of its variants",
		},
	} {
		if g.lacks {
			gaps = append(gaps, Gap{Key: key, Code: g.code, Message: g.words, Remediation: g.remedy})
		}
	}
	return gaps
}

// broken tells what does not work of a flag, as its evaluation found.
func broken(key string, problems []flag.Problem) []Gap {
	var gaps []Gap
	for _, p := range problems {
		g := Gap{Key: key, Code: "left_out", Message: p.Message, Remediation: "fix it in the document, and import it again"}
		if p.LeftOut {
			g.Code, g.Remediation = "not_synced", p.Remediation+" in the document, and import it again"
		}
		switch p.Code {
		case flag.ParseError:
			g.Code, g.Message = "does_not_work", "it answers an error, so that programs get their own default: "+p.Message
		case flag.General:
			g.Code, g.Message = "unknown_variant", "it may come to a variant that it does not have: "+p.Message
		case flag.InvalidContext, flag.FlagNotFound, "":
		}
		gaps = append(gaps, g)
	}
	return gaps
}

// GapsOf tells what an imported flag lacks, and what does not work of it in any environment. expires is whether its life has an
// end, or will have one; evaluators are by environment. A flag that was made here lacks nothing.
func GapsOf(f registry.Flag, expires bool, evaluators map[string]map[string]json.RawMessage) []Gap {
	if f.Imported == "" {
		return nil
	}
	l := lacks{owner: f.OwnerGroup == "" && f.Owner == "", contact: f.Contact == "", ttl: !expires}
	var found []Gap
	seen := map[Gap]bool{}
	for _, e := range f.Environments {
		if e.Serving.Imported == nil || !e.Live {
			continue
		}
		if _, chosen := f.KillServes(e.Environment); !chosen {
			l.off = true
		}
		for _, g := range broken(f.Key, e.Serving.Imported.Problems(f.Key, evaluators[e.Environment])) {
			if !seen[g] {
				seen[g] = true
				found = append(found, g)
			}
		}
	}
	return append(l.gaps(f.Key), found...)
}
