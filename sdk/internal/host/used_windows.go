package host

import (
	"syscall"
	"time"
)

// readUsed is the processor time that this process has used.
func readUsed() (time.Duration, bool) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0, false
	}
	var created, exited, kernel, user syscall.Filetime
	if syscall.GetProcessTimes(self, &created, &exited, &kernel, &user) != nil {
		return 0, false
	}
	const unit = 100 * time.Nanosecond
	return time.Duration(units(kernel)+units(user)) * unit, true
}
