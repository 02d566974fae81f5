package foreign

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// csvColumns are those of a list of flags.
var csvColumns = []string{"key", "value", "type", "description", "app", "owner", "contact", "ttl_days", "tags"}

// maxLines bounds a list: importer takes no more flags at once.
const maxLines = 5_000

// csv reads a list of flags that serve one value each: a header of key, value and any of type, description, app, owner, contact, ttl_days and
// tags, then a line for each. type is boolean, string, number or object; without it the value says what it is.
func (b *builder) csv(ctx context.Context, text string) error {
	rows, err := Table("document", text, csvColumns, maxLines)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		key, of := row.Of["key"], row.Of
		value, ok := csvValue(of["value"], of["type"])
		if !ok {
			b.refuse(key, "bad_value", "write true or false, a number, a text or JSON, as its type says", "the value %s is no %s", fault.Clip(of["value"], 80), of["type"])
			continue
		}
		d := definition{Metadata: metadata("description", of["description"], "app", of["app"], "owner", of["owner"], "contact", of["contact"],
			"ttl_days", of["ttl_days"], "tags", of["tags"])}
		if on, ok := value.(bool); ok {
			d.Variants = map[string]any{"on": true, "off": false}
			b.add(key, d, onOff(on))
			continue
		}
		d.Variants = map[string]any{"value": value}
		b.add(key, d, "value")
	}
	return nil
}

// csvValue reads a value of a type; of none if the type is empty.
func csvValue(text, kind string) (value any, ok bool) {
	switch kind {
	case "boolean":
		lower := strings.ToLower(text)
		return lower == "true", lower == "true" || lower == "false"
	case "string":
		return text, true
	case "number":
		return json.Number(text), number.MatchString(text)
	case "object":
		var members map[string]any
		return json.RawMessage(text), json.Unmarshal([]byte(text), &members) == nil && members != nil
	case "":
		for _, kind := range []string{"boolean", "number", "object"} {
			if value, ok := csvValue(text, kind); ok {
				return value, true
			}
		}
		return text, true
	}
	return nil, false
}
