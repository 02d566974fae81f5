package store

// MigrateTo is migrate, for tests of what a newer program finds.
var MigrateTo = (*DB).migrate
