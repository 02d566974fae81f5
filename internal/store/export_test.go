package store

// MigrateTo is migrate, for tests of what a newer program finds.
var MigrateTo = (*DB).migrate

// Readers is how many read at a time on each engine, besides those in the first lane.
var Readers = map[Engine]int{SQLite: sqliteReaders, PostgreSQL: postgresPool}

// Queued returns how many transactions wait for the writer.
func Queued(db *DB) (n int) {
	g := db.writer.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, queue := range g.waiting {
		n += len(queue)
	}
	return n
}
