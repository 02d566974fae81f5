package dataplane

import "time"

// SetPatience has clients be given up that take longer to read. It is for tests of those that do.
func (p *Plane) SetPatience(d time.Duration) { p.patience = d }
