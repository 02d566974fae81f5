package store

import (
	"context"
	"fmt"
)

// Vitals is how a database is, for those who look after it.
type Vitals struct {
	Engine     Engine
	Server     string // its version
	Schema     int64  // the newest migration that was carried out
	Newest     int64  // the newest that this program has
	CanRewrite bool   // PostgreSQL: the role that serves may change rows of the audit log, were it not for triggers
	Bytes      int64  // size of the data
}

// Vitals looks at the database.
func (db *DB) Vitals(ctx context.Context) (v Vitals, err error) {
	v.Engine = db.engine
	if v.Newest, err = newestMigration(db.engine); err != nil {
		return v, err
	}
	version, size := `SELECT 'SQLite ' || sqlite_version()`, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	if db.engine == PostgreSQL {
		version, size = `SELECT 'PostgreSQL ' || current_setting('server_version')`, `SELECT pg_database_size(current_database())`
	}
	err = db.Read(ctx, func(ctx context.Context, tx *Tx) (err error) {
		if v.Schema, err = tx.schema(ctx); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, version).Scan(&v.Server); err != nil {
			return fmt.Errorf("read version of the database: %w", err)
		}
		if err := tx.QueryRow(ctx, size).Scan(&v.Bytes); err != nil {
			return fmt.Errorf("read size of the database: %w", err)
		}
		if db.engine == PostgreSQL {
			if err := tx.QueryRow(ctx, `SELECT has_table_privilege('audit_event', 'UPDATE')`).Scan(&v.CanRewrite); err != nil {
				return fmt.Errorf("read rights on the audit log: %w", err)
			}
		}
		return nil
	})
	return v, err
}
