package serve

import "github.com/soukhq/souk/internal/access"

// Governing is the table of verbs that govern.
func (a *App) Governing() []access.Governing { return a.Governors.Verbs }
