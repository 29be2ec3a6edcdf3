//go:build !unix && !windows

package host

import "time"

func readUsed() (time.Duration, bool) { return 0, false }
