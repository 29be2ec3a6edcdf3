package lake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/objstore"
)

const (
	// growBytes and growTime are from when on a growing segment gets no more groups.
	growBytes = 64 << 20
	growTime  = 10 * time.Minute
)

// segments writes groups of payloads into objects. A segment is payloads one after the other: a CBOR sequence (RFC 8742).
// Where the store lets an object grow, groups share one, which costs one sync for a group; elsewhere each group is an
// object of its own. A segment belongs to the process that began it, and is never added to after an error.
type segments struct {
	objects objstore.Bucket

	open  objstore.Growing // nil when there is none
	key   string
	began time.Time
	size  int64
}

// grows reports whether the store lets an object grow.
func (s *segments) grows() bool {
	_, ok := s.objects.(objstore.Grower)
	return ok
}

// place returns where the next group will lie.
func (s *segments) place(ctx context.Context, now time.Time) (key string, offset int64, err error) {
	grower, ok := s.objects.(objstore.Grower)
	if !ok {
		return newSegment(now), 0, nil
	}
	if s.open != nil && (s.size >= growBytes || now.Sub(s.began) >= growTime) {
		if err := s.close(); err != nil {
			return "", 0, err
		}
	}
	if s.open == nil {
		key := newSegment(now)
		open, err := grower.Grow(ctx, key)
		if err != nil {
			return "", 0, err
		}
		s.open, s.key, s.began, s.size = open, key, now, 0
	}
	return s.key, s.size, nil
}

// write stores payloads at the place that was returned last. They are durable when it returns.
func (s *segments) write(ctx context.Context, key string, payloads [][]byte) error {
	if s.open == nil {
		return s.objects.Put(ctx, key, join(payloads))
	}
	offset, err := s.open.Append(payloads...)
	if err == nil && offset != s.size {
		err = fmt.Errorf("segment %s: a group lies at %d, not at %d", key, offset, s.size)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	for _, p := range payloads {
		s.size += int64(len(p))
	}
	return nil
}

func (s *segments) close() error {
	if s.open == nil {
		return nil
	}
	open := s.open
	s.open = nil
	return open.Close()
}

func newSegment(now time.Time) string {
	return fmt.Sprintf("%s%s/%s.cborseq", segmentPrefix, now.UTC().Format("2006-01-02/15"), uuid.Must(uuid.NewV7()))
}

func join(parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	all := make([]byte, 0, size)
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
