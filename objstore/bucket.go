// Package objstore keeps blobs under keys: segments of raw blocks and the Parquet files of partitions. A blob is written
// once, whole, and never changes. Package dir keeps them in a local directory, package s3 in an S3 bucket, package uri
// chooses; objstoretest is the contract as tests.
package objstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Bucket is a set of blobs. All methods may be called from many goroutines and processes.
//
// ErrNotFound and ErrOutside are said only by a store that works: one that is out of reach, or whose folder or bucket as a
// whole is missing, fails with other errors.
//
// A key is a relative path with slashes that CheckKey accepts; the other methods fail for any other.
type Bucket interface {
	// Put creates a blob. It is atomic: no reader sees a part. It is durable when Put returns. If the key is taken, what is
	// there stays and the error is ErrExists, and then that blob is durable.
	Put(ctx context.Context, key string, data []byte) error

	// PutFile is Put with the contents of a local file, for blobs that are big. The file is the caller's to remove
	// afterwards, and must not be written to anymore: its storage may have become the blob's.
	PutFile(ctx context.Context, key, path string) error

	// Get returns a whole blob, or ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)

	// GetRange returns n bytes from offset, or ErrNotFound, or ErrOutside when the range is not wholly inside the blob.
	GetRange(ctx context.Context, key string, offset, n int64) ([]byte, error)

	// Reader streams a whole blob, or fails with ErrNotFound, at the latest at the first read. The caller closes it.
	Reader(ctx context.Context, key string) (io.ReadCloser, error)

	// Stat describes a blob, or fails with ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the blobs whose keys begin with prefix, in no promised order. A prefix is any beginning of a key; it need
	// not end at a slash. Blobs created or deleted meanwhile may be there or not. After an error it ends.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes a blob; a missing one is not an error.
	Delete(ctx context.Context, key string) error

	// Check writes, reads and deletes a small blob, and sees that Put does not overwrite: for start-up and /ready.
	Check(ctx context.Context) error
}

// Info describes a blob.
type Info struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // when it was created, by the store's clock
}

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("the object exists already")
	ErrOutside  = errors.New("the object does not have these bytes")
)
