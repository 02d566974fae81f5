package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// versions is the table in which goose keeps what was migrated.
const versions = "goose_db_version"

// column is a column of a table, as both engines know it.
type column struct {
	name string
	kind columnKind
}

// columnKind is what a column holds, whichever engine's name that has.
type columnKind string

const (
	textColumn    columnKind = "text"
	integerColumn columnKind = "integer" // on SQLite booleans, too
	booleanColumn columnKind = "boolean"
	realColumn    columnKind = "real"
	bytesColumn   columnKind = "bytes"
)

// table is a table with its columns in their order, and the tables that its rows refer to.
type table struct {
	name    string
	columns []column
	needs   []string
	counter string // identity column that PostgreSQL counts by itself; empty if there is none
}

// tables lists the tables of the schema, each after those that it refers to.
func (tx *Tx) tables(ctx context.Context) ([]table, error) {
	names, columns, needs := sqliteTables, sqliteColumns, sqliteNeeds
	if tx.engine == PostgreSQL {
		names, columns, needs = postgresTables, postgresColumns, postgresNeeds
	}
	found, err := List(ctx, tx, ScanString, names)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var all []table
	for _, name := range found {
		if name == versions {
			continue
		}
		t := table{name: name}
		t.columns, err = List(ctx, tx, func(row Row) (c column, err error) {
			var declared string
			var counter bool
			err = row.Scan(&c.name, &declared, &counter)
			if counter {
				t.counter = c.name
			}
			c.kind = kindOf(declared)
			return c, err
		}, columns, name)
		if err != nil {
			return nil, fmt.Errorf("list columns of %s: %w", name, err)
		}
		if t.needs, err = List(ctx, tx, ScanString, needs, name); err != nil {
			return nil, fmt.Errorf("list references of %s: %w", name, err)
		}
		all = append(all, t)
	}
	return inOrder(all), nil
}

const (
	sqliteTables  = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	sqliteColumns = `SELECT name, type, FALSE FROM pragma_table_info($1) ORDER BY cid`
	sqliteNeeds   = `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1) ORDER BY 1`

	postgresTables = `SELECT table_name FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`
	postgresColumns = `SELECT column_name, data_type, is_identity = 'YES' FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	postgresNeeds = `SELECT DISTINCT target.relname::text FROM pg_constraint c
		JOIN pg_class source ON source.oid = c.conrelid JOIN pg_class target ON target.oid = c.confrelid
		WHERE c.contype = 'f' AND source.relname = $1 AND source.relnamespace = current_schema()::regnamespace ORDER BY 1`
)

// kindOf reads a declared type; the migrations use no others than these.
func kindOf(declared string) columnKind {
	switch strings.ToLower(declared) {
	case "integer", "bigint":
		return integerColumn
	case "boolean":
		return booleanColumn
	case "real", "double precision":
		return realColumn
	case "blob", "bytea":
		return bytesColumn
	}
	return textColumn
}

// inOrder puts every table after those that it refers to, else by name.
func inOrder(all []table) []table {
	var ordered []table
	placed := func(name string) bool {
		return slices.ContainsFunc(ordered, func(t table) bool { return t.name == name })
	}
	var place func(t table)
	place = func(t table) {
		if placed(t.name) {
			return
		}
		for _, need := range t.needs {
			if i := slices.IndexFunc(all, func(t table) bool { return t.name == need }); i >= 0 && need != t.name {
				place(all[i])
			}
		}
		ordered = append(ordered, t)
	}
	for _, t := range all {
		place(t)
	}
	return ordered
}

func (t table) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}
