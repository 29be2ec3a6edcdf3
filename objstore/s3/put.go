package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/minio/minio-go/v7"

	"github.com/micromegas-go/micromegas/objstore"
)

// writerKey is the metadata that holds a random text of each Put. The client repeats a request whose answer is lost; if
// the first had come through, the second is refused, and this tells our own blob from another's.
const writerKey = "Micromegas-Put"

// Put implements objstore.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, data []byte) error {
	return b.put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// PutFile implements objstore.Bucket.
func (b *Bucket) PutFile(ctx context.Context, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("write object %s: %s is not a regular file", key, path)
	}
	return b.put(ctx, key, f, info.Size())
}

func (b *Bucket) put(ctx context.Context, key string, data io.ReadSeeker, size int64) error {
	if err := objstore.CheckKey(key); err != nil {
		return err
	}
	writer := rand.Text()
	o := minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true, UserMetadata: map[string]string{writerKey: writer},
	}
	o.DisableContentSha256 = size == 0 // otherwise, over plain http, nothing is sent in chunks, without a Content-Length
	o.SetMatchETagExcept("*")
	for attempt := 1; ; attempt++ {
		_, err := b.core.Client.PutObject(ctx, b.bucket, b.prefix+key, data, size, o)
		if err == nil {
			return nil
		}
		switch answer, _ := errors.AsType[minio.ErrorResponse](err); {
		case answer.StatusCode == http.StatusPreconditionFailed || answer.Code == minio.PreconditionFailed:
			return b.refused(ctx, key, writer)
		case answer.StatusCode == http.StatusConflict && attempt < 4: // another put of the key was under way; AWS says retry
			if _, err := data.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("write object %s: %w", key, err)
			}
		default:
			return fmt.Errorf("write object %s: %w", key, err)
		}
	}
}

// refused returns nil when the blob that is in the way is the writer's own, else ErrExists.
func (b *Bucket) refused(ctx context.Context, key, writer string) error {
	info, err := b.core.StatObject(ctx, b.bucket, b.prefix+key, minio.StatObjectOptions{})
	if err != nil && !errors.Is(wrap("describe", key, err), objstore.ErrNotFound) {
		return wrap("describe", key, err)
	}
	if err == nil && info.UserMetadata[writerKey] == writer {
		return nil
	}
	return fmt.Errorf("write object %s: %w", key, objstore.ErrExists)
}
