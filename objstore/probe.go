package objstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// ProbePrefix begins the keys of the blobs of Check. One that stays, because its process died, is of no use to anybody.
const ProbePrefix = "check/"

// Probe is what implementations do for Check: it creates a blob, reads it, tries to overwrite it and deletes it.
func Probe(ctx context.Context, b Bucket) (err error) {
	key := ProbePrefix + rand.Text()
	data := []byte(rand.Text())
	if err := b.Put(ctx, key, data); err != nil {
		return fmt.Errorf("check the object store: %w", err)
	}
	defer func() { // even when ctx has ended meanwhile
		if derr := b.Delete(context.WithoutCancel(ctx), key); derr != nil {
			err = errors.Join(err, fmt.Errorf("check the object store: %w", derr))
		}
	}()
	switch got, err := b.Get(ctx, key); {
	case err != nil:
		return fmt.Errorf("check the object store: %w", err)
	case !bytes.Equal(got, data):
		return fmt.Errorf("check the object store: %s was read back with other contents", key)
	}
	switch err := b.Put(ctx, key, []byte("overwritten")); {
	case err == nil:
		return errors.New("check the object store: it overwrites objects; it must honour If-None-Match: *")
	case !errors.Is(err, ErrExists):
		return fmt.Errorf("check the object store: %w", err)
	}
	return nil
}
