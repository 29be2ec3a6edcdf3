package lake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/objstore/dir"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// counting counts the bytes of payloads that are read.
type counting struct {
	*dir.Bucket
	read atomic.Int64
}

func (c *counting) GetRange(ctx context.Context, key string, offset, size int64) ([]byte, error) {
	c.read.Add(size)
	return c.Bucket.GetRange(ctx, key, offset, size)
}

func openCounting(t *testing.T) (rig, *counting) {
	t.Helper()
	folder := t.TempDir()
	db, err := catalog.Open(t.Context(), catalog.Options{DSN: filepath.Join(folder, "catalog.db")})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := dir.Open(filepath.Join(folder, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Bucket: objects}
	l, err := lake.Open(t.Context(), lake.Options{Catalog: db, Objects: c, CacheDir: filepath.Join(folder, "cache")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return rig{Lake: l, catalog: db, objects: objects}, c
}

// rows counts the rows of a view.
func (r rig) rows(t *testing.T, view, instance string, during telemetry.Range) int {
	t.Helper()
	s, err := r.Snapshot(t.Context(), []lake.Scan{{View: view, Instance: instance, Range: during}})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer s.Close()
	n := 0
	for b, err := range s.Tables[0].Read(t.Context()) {
		if err != nil {
			t.Error(err)
			return 0
		}
		n += int(b.NumRows())
	}
	return n
}

// TestGrowing asks for the spans of a stream after each block that it gets: most of what is there is not decoded again.
func TestGrowing(t *testing.T) {
	r, objects := openCounting(t)
	s := newThread(t, r)
	rnd := rand.New(rand.NewPCG(1, 1))
	const blocks, spans = 120, 400
	for i := range telemetry.Ticks(blocks) {
		s.send(t, r, 1000*i, 1000*(i+1), func(b *wire.SpanBuilder) {
			for k := range telemetry.Ticks(spans) {
				var noise [16]byte // so that the block does not shrink
				for n := range noise {
					noise[n] = byte('a' + rnd.IntN(26))
				}
				d := wire.SpanDesc{Name: string(noise[:])}
				b.Begin(1000*i+2*k, &d)
				b.End(1000*i+2*k+1, &d)
			}
		})
		snapshot, err := r.Snapshot(t.Context(), []lake.Scan{{View: "thread_spans", Instance: s.stream.ID.String()}})
		if err != nil {
			t.Fatal(err)
		}
		snapshot.Close()
	}
	if n := r.rows(t, "thread_spans", s.stream.ID.String(), telemetry.Range{}); n != blocks*spans+1 {
		t.Errorf("%d rows, want %d", n, blocks*spans+1)
	}
	stored := s.bytes
	whole := stored * (blocks + 1) / 2 // what decoding everything each time would have read
	if read := objects.read.Load(); read > whole/3 {
		t.Errorf("%d bytes of payload were read; all of it each time would have been %d", read, whole)
	}
	t.Logf("%d bytes of payload, read %d", stored, objects.read.Load())
}

// TestManyAskAtOnce reads a process from a hundred places while it sends blocks: nobody fails, and everybody sees at least
// what was there before.
func TestManyAskAtOnce(t *testing.T) {
	r, _ := openCounting(t)
	s := newThread(t, r)
	net := s.another(t, r, telemetry.TagNet, wire.NetLayouts)
	d := wire.SpanDesc{Name: "x"}
	const blocks = 30
	var sent atomic.Int64
	var all sync.WaitGroup
	all.Go(func() {
		for i := range telemetry.Ticks(blocks) {
			s.send(t, r, 100*i, 100*(i+1), func(b *wire.SpanBuilder) {
				b.Begin(100*i, &d)
				b.BeginAsync(100*i+1, &d, uint64(i), 0, 0)
				b.End(100*i+2, &d)
			})
			var b wire.NetBuilder
			b.BeginConnection(100*i, fmt.Sprint("connection ", i), true)
			b.EndConnection(100*i+1, 1)
			net.sendPayload(t, r, 100*i, 100*(i+1), &b)
			sent.Store(int64(i) + 1)
		}
	})
	for range 100 {
		all.Go(func() {
			for _, view := range []string{"thread_spans", "async_events", "net_spans"} {
				instance, more := s.process.ID.String(), 0
				if view == "thread_spans" {
					instance, more = s.stream.ID.String(), 1 // the root
				}
				before := int(sent.Load())
				if n := r.rows(t, view, instance, telemetry.Range{}); n < before+more && before > 0 {
					t.Errorf("%d rows of %s, of %d that were sent", n, view, before)
				}
			}
		})
	}
	all.Wait()
	if n := r.rows(t, "thread_spans", s.stream.ID.String(), telemetry.Range{}); n != blocks+1 {
		t.Errorf("%d thread spans in the end, want %d", n, blocks+1)
	}
	if n := r.rows(t, "net_spans", s.process.ID.String(), telemetry.Range{}); n != blocks {
		t.Errorf("%d net spans in the end, want %d", n, blocks)
	}
}

// another is a further stream of the process.
func (s *thread) another(t *testing.T, r rig, tag string, layouts func() (wire.Layout, wire.Layout)) *thread {
	t.Helper()
	deps, objects := layouts()
	other := &thread{process: s.process, stream: telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: s.process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{tag}, Format: telemetry.FormatNative,
	}}
	if err := r.InsertStream(t.Context(), other.stream); err != nil {
		t.Fatal(err)
	}
	return other
}
