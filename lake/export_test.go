package lake

import "context"

// RemoveOrphans is the part of maintenance that Tidy leaves to its hour.
func (l *Lake) RemoveOrphans(ctx context.Context) error { return l.removeOrphans(ctx) }
