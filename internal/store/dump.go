package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// A dump is lines of JSON. The first is a dumpStart; then, for each table, a dumpTable and a line for each of its rows, an
// array of values in the order of the columns; the last is a dumpEnd, without which a dump is cut off. Bytes are base64.
type (
	dumpStart struct {
		Schema int64 `json:"schema"` // the newest migration
	}
	dumpTable struct {
		Table   string   `json:"table"`
		Columns []string `json:"columns"`
	}
	dumpEnd struct {
		End  bool  `json:"end"`
		Rows int64 `json:"rows"`
	}
)

// Dump writes every row of every table as one state of the database, while it is in use. The form is the same for both
// engines: what one wrote, the other can be filled with. Tables in without are left out. It holds a connection all the while, so w is
// nobody who may stop reading.
func (db *DB) Dump(ctx context.Context, w io.Writer, without ...string) error {
	out := bufio.NewWriterSize(w, 1<<16)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return db.Read(ctx, func(ctx context.Context, tx *Tx) error {
		schema, err := tx.schema(ctx)
		if err != nil {
			return err
		}
		tables, err := tx.tables(ctx)
		if err != nil {
			return err
		}
		if err := encoder.Encode(dumpStart{Schema: schema}); err != nil {
			return fmt.Errorf("write dump: %w", err)
		}
		var rows int64
		for _, t := range tables {
			if slices.Contains(without, t.name) {
				continue
			}
			n, err := tx.dumpTable(ctx, t, encoder)
			if err != nil {
				return fmt.Errorf("dump %s: %w", t.name, err)
			}
			rows += n
		}
		if err := encoder.Encode(dumpEnd{End: true, Rows: rows}); err != nil {
			return fmt.Errorf("write dump: %w", err)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write dump: %w", err)
		}
		return nil
	})
}

func (tx *Tx) dumpTable(ctx context.Context, t table, encoder *json.Encoder) (n int64, err error) {
	names := t.columnNames()
	if err := encoder.Encode(dumpTable{Table: t.name, Columns: names}); err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, `SELECT `+strings.Join(names, ", ")+` FROM `+t.name)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		if err := encoder.Encode(values); err != nil { // bytes become base64
			return 0, err
		}
	}
	return n, rows.Err()
}

// schema gives the number of the newest migration that was carried out.
func (tx *Tx) schema(ctx context.Context) (version int64, err error) {
	if err := tx.QueryRow(ctx, `SELECT max(version_id) FROM `+versions).Scan(&version); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// maxDumpLine bounds a row of a dump, in bytes.
const maxDumpLine = 256 << 20

// Fill makes an empty database what Dump wrote, all of it or nothing, and brings it to the newest schema. A database that
// holds a person or an event is not empty: that is a fault of kind Conflict. A dump that was changed, cut off or made by a
// newer program is one of kind Invalid.
func (db *DB) Fill(ctx context.Context, r io.Reader) error {
	in := &dumpReader{lines: bufio.NewReaderSize(r, 1<<16)}
	var start dumpStart
	if err := in.next(&start); err != nil || start.Schema == 0 {
		return badDump("it does not begin as a backup does").Because(err)
	}
	newest, err := newestMigration(db.engine)
	if err != nil {
		return err
	}
	if start.Schema > newest {
		return badDump("it was made by a newer version of this program").Fix("use that version, or one that is newer still")
	}
	if err := db.migrate(ctx, start.Schema); err != nil {
		return err
	}
	if err := db.writeLong(ctx, func(ctx context.Context, tx *Tx) error { return tx.fill(ctx, in) }); err != nil {
		return err
	}
	return db.Migrate(ctx)
}

// writeLong is Write for what may take longer than others would wait, while there are no others.
func (db *DB) writeLong(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	if err := db.writer.enter(ctx, 0); err != nil {
		return err
	}
	defer db.writer.gate.leave()
	return classify(db.write(ctx, db.writer, false, fn))
}

func (tx *Tx) fill(ctx context.Context, in *dumpReader) error {
	tables, err := tx.tables(ctx)
	if err != nil {
		return err
	}
	if err := tx.clear(ctx, tables); err != nil {
		return err
	}
	var rows int64
	for {
		var head struct {
			dumpTable
			dumpEnd
		}
		if err := in.next(&head); err != nil {
			return badDump("it is cut off or damaged").Because(err)
		}
		if head.End {
			if head.Rows != rows {
				return badDump(fmt.Sprintf("it says that it has %d rows and has %d", head.Rows, rows))
			}
			return nil
		}
		i := slices.IndexFunc(tables, func(t table) bool { return t.name == head.Table })
		if i < 0 || !slices.Equal(tables[i].columnNames(), head.Columns) {
			return badDump(fmt.Sprintf("the table %q is not one of this program", head.Table))
		}
		n, err := tx.fillTable(ctx, tables[i], in)
		if err != nil {
			return err
		}
		rows += n
	}
}

// clear refuses a database in use, and removes what every new one holds.
func (tx *Tx) clear(ctx context.Context, tables []table) error {
	for _, name := range []string{"audit_event", "person"} {
		var used bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+name+`)`).Scan(&used); err != nil {
			return fmt.Errorf("look for rows of %s: %w", name, err)
		}
		if used {
			return fault.New(fault.Conflict, "not_empty", "there is an installation here already").
				Fix("restore into a new data directory with --data, or an empty database with --database")
		}
	}
	for _, t := range slices.Backward(tables) {
		var n int64
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+t.name).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", t.name, err)
		}
		if n == 0 { // append-only tables refuse a DELETE, even of nothing
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM `+t.name); err != nil {
			return fmt.Errorf("clear %s: %w", t.name, err)
		}
	}
	return nil
}

// batch is how many values one INSERT carries; SQLite takes at most 32,766.
const batch = 2_000

func (tx *Tx) fillTable(ctx context.Context, t table, in *dumpReader) (n int64, err error) {
	width := len(t.columns)
	rows := max(batch/width, 1)
	args := make([]any, 0, rows*width)
	insert := func() error {
		if len(args) == 0 {
			return nil
		}
		var values []string
		for at := 0; at < len(args); at += width {
			values = append(values, `(`+In(at+1, width)+`)`)
		}
		_, err := tx.Exec(ctx, `INSERT INTO `+t.name+` (`+strings.Join(t.columnNames(), ", ")+`) VALUES `+strings.Join(values, ", "), args...)
		args = args[:0]
		if err != nil {
			return fmt.Errorf("fill %s: %w", t.name, err)
		}
		return nil
	}
	for in.row() {
		var row []any
		if err := in.next(&row); err != nil || len(row) != width {
			return 0, badDump("a row of " + t.name + " is damaged").Because(err)
		}
		for i, c := range t.columns {
			value, err := c.value(row[i])
			if err != nil {
				return 0, badDump("a row of " + t.name + " is damaged at " + c.name).Because(err)
			}
			args = append(args, value)
		}
		n++
		if len(args) == rows*width {
			if err := insert(); err != nil {
				return 0, err
			}
		}
	}
	if err := insert(); err != nil {
		return 0, err
	}
	if t.counter != "" { // what is counted from now on comes after what was filled in
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%s', '%s'),
			(SELECT coalesce(max(%s), 0) + 1 FROM %s), FALSE)`, t.name, t.counter, t.counter, t.name)); err != nil {
			return 0, fmt.Errorf("set the counter of %s: %w", t.name, err)
		}
	}
	return n, nil
}

// value turns a value of a dump into one of the column: SQLite has no booleans, JSON no bytes.
func (c column) value(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.kind {
	case textColumn:
		if text, ok := v.(string); ok {
			return text, nil
		}
	case integerColumn:
		switch v := v.(type) {
		case json.Number:
			return v.Int64()
		case bool:
			if v {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case booleanColumn:
		switch v := v.(type) {
		case bool:
			return v, nil
		case json.Number:
			return v.String() != "0", nil
		}
	case realColumn:
		if number, ok := v.(json.Number); ok {
			return number.Float64()
		}
	case bytesColumn:
		if text, ok := v.(string); ok {
			return base64.StdEncoding.DecodeString(text)
		}
	}
	return nil, fmt.Errorf("%T is no %s", v, c.kind)
}

func badDump(what string) *fault.Error {
	return fault.New(fault.Invalid, "bad_backup", "this is no backup that can be restored: %s", what).
		Fix("use another backup; nothing was changed")
}

// dumpReader reads a dump line by line.
type dumpReader struct{ lines *bufio.Reader }

// row tells whether the next line is a row.
func (in *dumpReader) row() bool {
	first, err := in.lines.Peek(1)
	return err == nil && first[0] == '['
}

func (in *dumpReader) next(v any) error {
	var line []byte
	for {
		part, err := in.lines.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxDumpLine {
			return errors.New("a line is too long")
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read line: %w", err)
		}
		break
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	return decoder.Decode(v)
}
