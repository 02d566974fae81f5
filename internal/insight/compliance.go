// Package insight says how an installation is doing: what its flags lack, and how that changes.
package insight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// Insight answers questions about the installation. It is safe for concurrent use.
type Insight struct {
	DB  *store.DB
	Now func() time.Time
}

// Lack is something that every flag has to have.
type Lack string

// What a flag may lack, in the order in which it is named.
const (
	NoOwner   Lack = "owner"
	NoContact Lack = "contact"
	NoTTL     Lack = "ttl"
	NoKill    Lack = "kill" // a value that a kill serves
)

// Lacks are all of them.
var Lacks = []Lack{NoOwner, NoContact, NoTTL, NoKill}

// Incomplete is a flag that lacks something.
type Incomplete struct {
	Key         string   `json:"key"`
	Name        string   `json:"name"`
	App         string   `json:"app,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Imported    string   `json:"imported,omitempty" doc:"Format that it came from; only such a flag can lack something, and be given it here"`
	Variants    []string `json:"variants" doc:"Their names: one of them may be what a kill serves"`
	Lacks       []Lack   `json:"lacks" enum:"owner,contact,ttl,kill"`
	Evaluations int64    `json:"evaluations" doc:"In the last seven days"`
}

// Day is how many flags lacked what on a day.
type Day struct {
	Day      string `json:"day" doc:"In UTC, such as 2026-01-31"`
	Flags    int    `json:"flags"`
	Complete int    `json:"complete"`
	Owner    int    `json:"no_owner"`
	Contact  int    `json:"no_contact"`
	TTL      int    `json:"no_ttl"`
	Kill     int    `json:"no_kill"`
}

// Compliance is which flags lack an owner, a contact, a TTL or a value for a kill.
type Compliance struct {
	Now   Day          `json:"now"`
	Days  []Day        `json:"days" doc:"The days before, as far as they are known, the oldest first; at most 400"`
	Items []Incomplete `json:"items" doc:"Those that are used most first"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

const (
	useCounted = 7 * 24 * time.Hour
	daysShown  = 400
	dayFormat  = time.DateOnly
)

// Compliance lists flags that lack something, or, unless lack is empty, that, those that are used most first.
func (i *Insight) Compliance(ctx context.Context, by access.Actor, lack Lack, page store.Page) (c Compliance, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return c, err
	}
	after, err := page.After()
	if err != nil {
		return c, err
	}
	err = i.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all, found, err := incomplete(ctx, tx)
		if err != nil {
			return err
		}
		keys := make([]string, len(found))
		for i, f := range found {
			keys[i] = f.Key
		}
		uses, err := measure.Evaluations(ctx, tx, i.Now().Add(-useCounted), keys)
		if err != nil {
			return err
		}
		c = Compliance{Now: count(i.Now(), all, found)}
		for i := range found {
			found[i].Evaluations = uses[found[i].Key]
		}
		c.Items, c.Next = part(found, lack, page, after)
		c.Days, err = days(ctx, tx, c.Now.Day)
		return err
	})
	return c, err
}

// part sorts flags by their use, and cuts the page out.
func part(found []Incomplete, lack Lack, page store.Page, after []string) (items []Incomplete, next string) {
	if lack != "" {
		found = slices.DeleteFunc(found, func(f Incomplete) bool { return !slices.Contains(f.Lacks, lack) })
	}
	slices.SortFunc(found, func(a, b Incomplete) int {
		return cmp.Or(cmp.Compare(b.Evaluations, a.Evaluations), cmp.Compare(a.Key, b.Key))
	})
	if len(after) == 2 {
		uses, _ := strconv.ParseInt(after[0], 10, 64)
		found = slices.DeleteFunc(found, func(f Incomplete) bool {
			return f.Evaluations > uses || f.Evaluations == uses && f.Key <= after[1]
		})
	}
	cut := store.Cut(page, found[:min(len(found), page.Size()+1)], func(f Incomplete) []string {
		return []string{strconv.FormatInt(f.Evaluations, 10), f.Key}
	})
	return cut.Items, cut.Next
}

// incomplete is a step: how many flags there are, and those that lack something.
func incomplete(ctx context.Context, tx *store.Tx) (all int, found []Incomplete, err error) {
	all, doubtful, err := registry.Doubtful(ctx, tx)
	if err != nil {
		return 0, nil, err
	}
	keys := make([]string, len(doubtful))
	for i, f := range doubtful {
		keys[i] = f.Key
	}
	lives, err := lifecycle.States(ctx, tx, keys)
	if err != nil {
		return 0, nil, err
	}
	for _, f := range doubtful {
		if lacks := lacking(f, lives[f.Key]); len(lacks) > 0 {
			one := Incomplete{Key: f.Key, Name: f.Name, App: f.App, Owner: f.Owner, Contact: f.Contact, Imported: f.Imported, Variants: []string{}, Lacks: lacks}
			for name := range f.Variants {
				one.Variants = append(one.Variants, name)
			}
			slices.Sort(one.Variants)
			found = append(found, one)
		}
	}
	return all, found, nil
}

// lacking decides what a flag lacks.
func lacking(f registry.Kept, life lifecycle.Status) (lacks []Lack) {
	for _, one := range []struct {
		lacks bool
		what  Lack
	}{
		{f.Owner == "", NoOwner}, {f.Contact == "", NoContact}, {life.TTLDays == 0 && life.ExpiresAt == nil, NoTTL}, {f.Off == "", NoKill},
	} {
		if one.lacks {
			lacks = append(lacks, one.what)
		}
	}
	return lacks
}

func count(now time.Time, all int, found []Incomplete) Day {
	d := Day{Day: now.UTC().Format(dayFormat), Flags: all, Complete: all - len(found)}
	for _, f := range found {
		for _, lack := range f.Lacks {
			switch lack {
			case NoOwner:
				d.Owner++
			case NoContact:
				d.Contact++
			case NoTTL:
				d.TTL++
			case NoKill:
				d.Kill++
			}
		}
	}
	return d
}

// days are those before one, the oldest first.
func days(ctx context.Context, tx *store.Tx, before string) ([]Day, error) {
	all, err := store.List(ctx, tx, func(row store.Row) (d Day, err error) {
		err = row.Scan(&d.Day, &d.Flags, &d.Complete, &d.Owner, &d.Contact, &d.TTL, &d.Kill)
		return d, err
	}, `SELECT day, flags, complete, no_owner, no_contact, no_ttl, no_kill FROM compliance_day WHERE day < $1 ORDER BY day DESC LIMIT $2`, before, daysShown)
	if err != nil {
		return nil, fmt.Errorf("list days of compliance: %w", err)
	}
	slices.Reverse(all)
	return all, nil
}

// Keep writes down how many flags lack what today. The leader does it again and again; nobody but it may.
func (i *Insight) Keep(ctx context.Context) error {
	var d Day
	if err := i.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		all, found, err := incomplete(ctx, tx)
		d = count(i.Now(), all, found)
		return err
	}); err != nil {
		return err
	}
	return i.DB.Write(store.Last(ctx), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO compliance_day (day, flags, complete, no_owner, no_contact, no_ttl, no_kill)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (day) DO UPDATE SET flags = excluded.flags, complete = excluded.complete,
				no_owner = excluded.no_owner, no_contact = excluded.no_contact, no_ttl = excluded.no_ttl, no_kill = excluded.no_kill`,
			d.Day, d.Flags, d.Complete, d.Owner, d.Contact, d.TTL, d.Kill); err != nil {
			return fmt.Errorf("keep compliance of %s: %w", d.Day, err)
		}
		return nil
	})
}
