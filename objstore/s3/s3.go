// Package s3 is an object store in a bucket of S3, or of a service that speaks its protocol.
//
// Put sends If-None-Match: *, so that the service refuses to overwrite
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html); Check finds a service that ignores it.
// A blob is sent in one request, which may have 5 GiB, since the condition does not cover uploads in parts everywhere.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/micromegas-go/micromegas/objstore"
)

// Bucket is a bucket, or the part of one below a prefix.
type Bucket struct {
	core   minio.Core
	bucket string
	prefix string // "" or with a slash at its end
}

var _ objstore.Bucket = (*Bucket)(nil)

// New returns the part of bucket whose keys begin with prefix and a slash. It sends nothing; Check does.
func New(bucket, prefix string, o Options) (*Bucket, error) {
	client, err := o.client()
	if err != nil {
		return nil, fmt.Errorf("open object store s3://%s: %w", bucket, err)
	}
	if bucket == "" {
		return nil, errors.New("open object store: s3:// without a bucket's name")
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		if err := objstore.CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("open object store s3://%s: prefix: %w", bucket, err)
		}
		prefix += "/"
	}
	return &Bucket{core: minio.Core{Client: client}, bucket: bucket, prefix: prefix}, nil
}

// Get implements objstore.Bucket.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	return b.read(ctx, key, minio.GetObjectOptions{})
}

func (b *Bucket) read(ctx context.Context, key string, o minio.GetObjectOptions) ([]byte, error) {
	r, info, err := b.get(ctx, key, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, wrap("read", key, err)
	}
	return data, nil
}

func (b *Bucket) get(ctx context.Context, key string, o minio.GetObjectOptions) (io.ReadCloser, minio.ObjectInfo, error) {
	if err := objstore.CheckKey(key); err != nil {
		return nil, minio.ObjectInfo{}, err
	}
	r, info, _, err := b.core.GetObject(ctx, b.bucket, b.prefix+key, o)
	return r, info, wrap("read", key, err)
}

// GetRange implements objstore.Bucket.
func (b *Bucket) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	outside := fmt.Errorf("read object %s: %d bytes at %d: %w", key, n, offset, objstore.ErrOutside)
	if offset < 0 || n < 0 || offset+n < offset {
		return nil, outside
	}
	if n == 0 { // no range header can say so
		info, err := b.Stat(ctx, key)
		if err == nil && offset > info.Size {
			err = outside
		}
		return nil, err
	}
	var o minio.GetObjectOptions
	if err := o.SetRange(offset, offset+n-1); err != nil {
		return nil, outside
	}
	data, err := b.read(ctx, key, o)
	if answer, _ := errors.AsType[minio.ErrorResponse](err); err == nil && int64(len(data)) != n ||
		answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return nil, outside
	}
	return data, err
}

// Reader implements objstore.Bucket.
func (b *Bucket) Reader(ctx context.Context, key string) (io.ReadCloser, error) {
	r, _, err := b.get(ctx, key, minio.GetObjectOptions{})
	return r, err
}

// Stat implements objstore.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := objstore.CheckKey(key); err != nil {
		return objstore.Info{}, err
	}
	info, err := b.core.StatObject(ctx, b.bucket, b.prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return objstore.Info{}, wrap("describe", key, err)
	}
	return objstore.Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// List implements objstore.Bucket. Objects that others put there under names that are no keys are left out.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(objstore.Info{}, wrap("list", prefix, err))
			return
		}
		o := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}
		for info := range b.core.ListObjectsIter(ctx, b.bucket, o) {
			if info.Err != nil {
				yield(objstore.Info{}, wrap("list", prefix, info.Err))
				return
			}
			key := strings.TrimPrefix(info.Key, b.prefix)
			if objstore.CheckKey(key) != nil {
				continue
			}
			if !yield(objstore.Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil) {
				return
			}
		}
	}
}

// Delete implements objstore.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := objstore.CheckKey(key); err != nil {
		return err
	}
	err := b.core.RemoveObject(ctx, b.bucket, b.prefix+key, minio.RemoveObjectOptions{})
	if err = wrap("delete", key, err); errors.Is(err, objstore.ErrNotFound) {
		return nil
	}
	return err
}

// Check implements objstore.Bucket.
func (b *Bucket) Check(ctx context.Context) error { return objstore.Probe(ctx, b) }

// wrap says what was done with which key, and turns a missing object into objstore.ErrNotFound. A missing bucket is not.
func wrap(what, key string, err error) error {
	if err == nil {
		return nil
	}
	answer, _ := errors.AsType[minio.ErrorResponse](err)
	if answer.Code == minio.NoSuchKey || answer.StatusCode == http.StatusNotFound && answer.Code != minio.NoSuchBucket {
		return fmt.Errorf("%s object %s: %w", what, key, objstore.ErrNotFound)
	}
	return fmt.Errorf("%s object %s: %w", what, key, err)
}
