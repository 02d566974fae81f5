package live

import "context"

// LoadQueries are those that a snapshot is kept current by.
var LoadQueries = map[string]string{"changed": loadChanged, "sum": loadSum}

// Refresh loads what changed, as Run does, and leaves the copies on disk as they are.
func (l *Live) Refresh(ctx context.Context) error { return l.refresh(ctx) }
