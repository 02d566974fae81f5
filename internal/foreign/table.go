package foreign

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// Line is one line of a CSV file by the names of its columns.
type Line struct {
	Line int
	Of   map[string]string
}

// Table reads CSV whose first line names some of the columns, the first of which is key and has to be there, and at most so many further lines.
// What cannot be read is a fault at the field.
func Table(field, text string, columns []string, limit int) (rows []Line, err error) {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "bad_"+field, format, args...).At(field).
			Fix("give CSV whose first line is key and any of %s", strings.Join(columns[1:], ", "))
	}
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	header, err := reader.Read()
	if err != nil {
		return nil, bad("there is no first line that names the columns")
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, header[i]) {
			return nil, fault.New(fault.Invalid, "bad_"+field, "there is no column %q", fault.Clip(name, 80)).At(field).
				Fix("%s", fault.Meant(header[i], columns, "use "+strings.Join(columns, ", ")))
		}
		if slices.Contains(header[:i], header[i]) {
			return nil, bad("the column %s is there twice", header[i])
		}
	}
	if !slices.Contains(header, "key") {
		return nil, bad("the column key is missing")
	}
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			if e, ok := errors.AsType[*csv.ParseError](err); ok {
				return nil, bad("line %d cannot be read: %v", e.Line, e.Err)
			}
			return nil, fmt.Errorf("read table: %w", err)
		}
		if len(rows) == limit {
			return nil, fault.New(fault.TooLarge, "too_many_flags", "there are over %d lines", limit).At(field).Fix("split it into several")
		}
		at, _ := reader.FieldPos(0)
		row := Line{Line: at, Of: map[string]string{}}
		for i, value := range fields {
			row.Of[header[i]] = strings.TrimSpace(value)
		}
		rows = append(rows, row)
	}
}
