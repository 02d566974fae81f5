package serve_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/soukhq/souk/internal/audit"
)

// probe lets the database itself note each row that is written, with the transaction that wrote it: on PostgreSQL, whose
// transactions have a number.
type probe struct {
	s  *site
	db *sql.DB
}

func (s *site) probe() *probe {
	s.Helper()
	if s.cfg.DatabaseURL == "" {
		return nil
	}
	db, err := sql.Open("pgx", s.cfg.DatabaseURL)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		`CREATE SCHEMA probe;
		CREATE TABLE probe.write (tx BIGINT, tab TEXT, op TEXT, before TEXT, after TEXT);
		CREATE FUNCTION probe.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO probe.write VALUES (txid_current(), TG_TABLE_NAME, TG_OP,
				CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD)::text END, CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW)::text END);
			RETURN NULL;
		END $$`,
		// One table in a transaction, since the loops of the server are at work: who locks a second one may wait for them in a circle.
		`DO $$ DECLARE t TEXT; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' LOOP
				EXECUTE format('CREATE TRIGGER probe AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION probe.note()', t);
				COMMIT;
			END LOOP;
		END $$`,
	} {
		if _, err := db.ExecContext(s.Context(), statement); err != nil {
			s.Fatal(err)
		}
	}
	return &probe{s: s, db: db}
}

// tells fails the test for each write that came without an event in its transaction and is not on the list of such writes.
func (p *probe) tells() {
	if p == nil {
		return
	}
	p.s.Helper()
	rows, err := p.db.QueryContext(p.s.Context(), `SELECT tab, op, before, after FROM probe.write
		WHERE tx NOT IN (SELECT tx FROM probe.write WHERE tab = 'audit_event')`)
	if err != nil {
		p.s.Fatal(err)
	}
	defer rows.Close()
	untold, silent := map[string]bool{}, 0
	for rows.Next() {
		var table, op, before, after string
		if err := rows.Scan(&table, &op, &before, &after); err != nil {
			p.s.Fatal(err)
		}
		was, is := map[string]any{}, map[string]any{}
		if json.Unmarshal([]byte(before), &was) != nil || json.Unmarshal([]byte(after), &is) != nil {
			p.s.Fatalf("%s, %s", before, after)
		}
		all := maps.Clone(was)
		maps.Copy(all, is)
		var changed []string
		for column := range all {
			if !reflect.DeepEqual(was[column], is[column]) {
				changed = append(changed, column)
			}
		}
		slices.Sort(changed)
		covered := func(s audit.Silent) bool {
			return s.Covers(table, changed, fmt.Sprint(was["state"]), fmt.Sprint(is["state"]))
		}
		if slices.ContainsFunc(audit.Unlogged, covered) {
			silent++
			continue
		}
		untold[fmt.Sprintf("%s of %s: %v", op, table, changed)] = true
	}
	if err := rows.Err(); err != nil || silent == 0 {
		p.s.Errorf("%d silent writes, %v", silent, err)
	}
	for _, write := range slices.Sorted(maps.Keys(untold)) {
		p.s.Errorf("a write without an event that audit.Unlogged does not have: %s", write)
	}
}
