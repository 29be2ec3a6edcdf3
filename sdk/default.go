package sdk

import "sync/atomic"

// The recorder that package functions use, twice: for what costs next to nothing when nothing is sent, and for log
// entries, which may go to the console alone. Both are nil until [Start], and after its end.
var (
	recording atomic.Pointer[Recorder]
	logging   atomic.Pointer[Recorder]
)

// SetDefault makes r the recorder of the package's functions; nil means none. [Start] does it by itself.
func SetDefault(r *Recorder) {
	logging.Store(r)
	if r != nil && r.off() {
		r = nil
	}
	recording.Store(r)
}

// retire leaves no default recorder, if r is it.
func (r *Recorder) retire() {
	logging.CompareAndSwap(r, nil)
	recording.CompareAndSwap(r, nil)
}

// Default returns the recorder of the package's functions, or nil.
func Default() *Recorder { return logging.Load() }
