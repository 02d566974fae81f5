package storetest

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
)

// Outage takes a database of PostgreSQL away and brings it back, as often as a test wants. It is over when the test ends.
type Outage struct {
	t    testing.TB
	sql  *sql.DB
	name string
}

// NewOutage makes the outage of a database that Config gave, without beginning it.
func NewOutage(t testing.TB, database string) *Outage {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", os.Getenv(PostgresEnv))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o := &Outage{t: t, sql: db, name: strings.TrimPrefix(u.Path, "/")}
	t.Cleanup(o.End)
	return o
}

// Begin ends all connections to the database and lets in no more.
func (o *Outage) Begin() {
	o.t.Helper()
	o.exec(`ALTER DATABASE ` + o.name + ` ALLOW_CONNECTIONS false`)
	o.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + o.name + `'`)
}

// End lets connections in again.
func (o *Outage) End() {
	o.t.Helper()
	o.exec(`ALTER DATABASE ` + o.name + ` ALLOW_CONNECTIONS true`)
}

func (o *Outage) exec(statement string) {
	o.t.Helper()
	if _, err := o.sql.ExecContext(context.WithoutCancel(o.t.Context()), statement); err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
}
