package dir

import (
	"os"

	"golang.org/x/sys/unix"
)

// removed reports whether an open file has no name any more.
func removed(f *os.File) bool {
	var stat unix.Stat_t
	return unix.Fstat(int(f.Fd()), &stat) == nil && stat.Nlink == 0
}
