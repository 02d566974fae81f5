package store

import (
	"strconv"
	"strings"
)

// Rows are the rows of a VALUES list with its values, for statements that write many rows at once.
type Rows struct {
	text strings.Builder
	args []any
}

// NewRows begins a list whose rows share values: $1, $2 and so on.
func NewRows(shared ...any) *Rows { return &Rows{args: shared} }

// Add adds a row: its text, such as "(?, $1, TRUE)", in which each question mark stands for the next of the row's own values.
func (r *Rows) Add(row string, own ...any) {
	if r.text.Len() > 0 {
		r.text.WriteString(", ")
	}
	parts := strings.Split(row, "?")
	for i, part := range parts {
		r.text.WriteString(part)
		if i < len(parts)-1 {
			r.args = append(r.args, own[i])
			r.text.WriteString("$" + strconv.Itoa(len(r.args)))
		}
	}
}

// String is the list.
func (r *Rows) String() string { return r.text.String() }

// Args are the values of the statement.
func (r *Rows) Args() []any { return r.args }
