package query

import "time"

// Cost is what answering a statement took. What is not known is zero.
type Cost struct {
	Files        int           // Parquet files that were open to it
	FileBytes    int64         // their sizes; the engine reads less where it leaves out columns and row groups
	RowsScanned  int64         // rows that the engine read from its relations
	CPU          time.Duration // of the engine's threads
	PeakMemory   int64         // bytes that the engine had allocated
	SpilledBytes int64         // bytes on disk at the peak

	LeftOut int // blocks that the answer lacks because they cannot be read
}

// Costed is a result that knows what it has cost. The cost is complete once Next has returned false or the result has
// been released.
type Costed interface {
	Cost() Cost
}

// Cost implements Costed.
func (r *result) Cost() Cost {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.costLocked()
}

func (r *result) costLocked() Cost {
	cost := r.session.Cost()
	if r.input.snapshot != nil {
		cost.LeftOut = r.input.snapshot.LeftOut
	}
	for _, o := range r.input.opened {
		cost.Files += o.files
		cost.FileBytes += o.bytes
	}
	return cost
}
