//go:build unix

package host

import (
	"syscall"
	"time"
)

// readUsed is the processor time that this process has used.
func readUsed() (time.Duration, bool) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
