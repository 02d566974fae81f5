package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/soukhq/souk/internal/fault"
)

// clean bounds a text that came out of a policy and takes out what would show it as something else.
func clean(text string, most int) string {
	text = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c):
			return ' '
		case fault.Deceptive(c) || c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, text))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// told gives a value as people write it.
func told(value any) string {
	switch value := value.(type) {
	case nil:
		return "empty"
	case string:
		if strings.TrimSpace(value) == "" {
			return "empty"
		}
		return fmt.Sprintf("%q", clean(value, 80))
	case json.Number:
		return value.String()
	case []any:
		parts := make([]string, 0, len(value))
		for _, one := range value[:min(len(value), 20)] {
			if text, ok := one.(string); ok {
				parts = append(parts, clean(text, 80))
				continue
			}
			parts = append(parts, told(one))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(value)
}
