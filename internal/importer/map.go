package importer

import (
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/foreign"
)

// MapColumns are those that a map may have, besides key.
var MapColumns = []string{"app", "owner", "contact", "ttl_days", "tags", "off_variant"}

// maxMap bounds the text of a map, in bytes.
const maxMap = 1 << 20

func badMap(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "bad_map", format, args...).At("map").
		Fix("give CSV whose first line is key and any of %s", strings.Join(MapColumns, ", "))
}

// ReadMap reads who is to answer for flags, as CSV: a header of key and any of MapColumns, then a line for each flag. An empty field says
// nothing. Tags are separated by spaces, commas or semicolons. Whatever cannot be read is a fault at map, since a person wrote it.
func ReadMap(text string) (map[string]Ownership, error) {
	if len(text) > maxMap {
		return nil, fault.New(fault.TooLarge, "map_too_large", "the map has over %d MB", maxMap>>20).At("map").Fix("split it, and the document with it")
	}
	rows, err := foreign.Table("map", text, append([]string{"key"}, MapColumns...), MaxFlags)
	if err != nil {
		return nil, err
	}
	all := make(map[string]Ownership, len(rows))
	for _, row := range rows {
		key := row.Of["key"]
		if _, twice := all[key]; twice || key == "" {
			return nil, badMap("line %d has the key %q, which is empty or there already", row.Line, fault.Clip(key, 80))
		}
		one := Ownership{
			App: row.Of["app"], Owner: row.Of["owner"], Contact: row.Of["contact"], Tags: wordsOf(row.Of["tags"]), OffVariant: row.Of["off_variant"],
		}
		if ttl := row.Of["ttl_days"]; ttl != "" {
			days, ok := daysOf(ttl)
			if !ok {
				return nil, badMap("line %d has the TTL %q", row.Line, fault.Clip(ttl, 40)).
					Fix("write ttl_days as a whole number from 1 to %d", maxTTLDays)
			}
			one.TTLDays = days
		}
		all[key] = one
	}
	return all, nil
}

// WriteMap writes a map, as ReadMap reads it.
func WriteMap(flags map[string]Ownership) (string, error) {
	rows := [][]string{append([]string{"key"}, MapColumns...)}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		o := flags[key]
		ttl := ""
		if o.TTLDays != 0 {
			ttl = strconv.Itoa(o.TTLDays)
		}
		rows = append(rows, []string{key, o.App, o.Owner, o.Contact, ttl, strings.Join(o.Tags, " "), o.OffVariant})
	}
	var text strings.Builder
	if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
		return "", fmt.Errorf("write map: %w", err)
	}
	return text.String(), nil
}
