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

// write stores payloads and returns where the first one lies. They are durable when it returns.
func (s *segments) write(ctx context.Context, now time.Time, payloads [][]byte) (key string, offset int64, err error) {
	grower, ok := s.objects.(objstore.Grower)
	if !ok {
		key := newSegment(now)
		return key, 0, s.objects.Put(ctx, key, join(payloads))
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
	offset, err = s.open.Append(payloads...)
	if err != nil {
		return "", 0, errors.Join(err, s.close())
	}
	for _, p := range payloads {
		s.size += int64(len(p))
	}
	return s.key, offset, nil
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
