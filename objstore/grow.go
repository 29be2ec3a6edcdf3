package objstore

import "context"

// Grower is a bucket that can add to a blob, durably, for less than a blob of its own would cost. Buckets in which a blob
// is written at once are not.
type Grower interface {
	// Grow creates an empty blob to which the caller alone adds. If the key is taken the error is ErrExists.
	Grow(ctx context.Context, key string) (Growing, error)
}

// Growing is a blob that is being added to. What was added never changes: readers see it at its place from then on.
type Growing interface {
	// Append adds parts, one after the other, and returns the offset of the first; they are durable when it returns. After
	// an error nothing can be added any more: what was added before stays, and bytes of no meaning may follow it.
	Append(parts ...[]byte) (offset int64, err error)

	// Close ends the growing. It may be called twice.
	Close() error
}
