package lake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// localObjects is an object store whose objects are files of this machine.
type localObjects interface {
	// Path returns where the object lies.
	Path(key string) (string, error)
}

// Options of a lake; the zero value of each optional one works.
type Options struct {
	Catalog *catalog.DB     // required; stays the caller's to close
	Objects objstore.Bucket // required; stays the caller's
	// CacheDir is a folder for files that this process can make again: decoded blocks, fetched partitions. Several
	// processes may share it.
	CacheDir string // required
	// CacheBytes bounds what the cache keeps between queries; 0 means 8 GiB.
	CacheBytes int64

	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // nil discards

	Maintenance Maintenance
}

// Lake keeps blocks and answers scans. Its methods may be called at the same time.
type Lake struct {
	catalog  *catalog.DB
	objects  objstore.Bucket
	now      func() time.Time
	log      *slog.Logger
	owner    catalog.Owner
	maintain Maintenance

	committer *committer
	decoders  *decoders
	cache     *cache
	pending   map[catalog.View]*pendingFiles
	segment   atomic.Int64 // numbers chunks of thread spans; see threadRows

	sound nameSet // files of partitions that were seen to begin and end well
	// uncounted are companions that could not be read; see [Lake.companion].
	uncounted nameSet

	// oneFile is held while maintenance writes a file, so that its memory is that of one.
	oneFile sync.Mutex

	gate   sync.RWMutex // held shared while a block is being appended; see Close
	closed bool
}

// Open returns a lake on a catalog and an object store.
func Open(_ context.Context, o Options) (*Lake, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 30
	}
	files, err := openCache(o.CacheDir, o.CacheBytes)
	if err != nil {
		return nil, err
	}
	l := &Lake{
		catalog: o.Catalog, objects: o.Objects, now: o.Now, log: o.Log.With("component", "lake"), owner: uuid.New(),
		maintain: o.Maintenance.withDefaults(), decoders: newDecoders(), cache: files,
		pending: map[catalog.View]*pendingFiles{},
	}
	for _, v := range catalog.Views() {
		l.pending[v] = newPendingFiles(materialised(v))
	}
	l.committer = newCommitter(o.Catalog, o.Objects, o.Now, l.log)
	return l, nil
}

// Close waits until all blocks that were appended are durable, and removes the cache. It may be called twice.
func (l *Lake) Close() error {
	l.gate.Lock()
	done := l.closed
	l.closed = true
	l.gate.Unlock()
	if done {
		return nil
	}
	l.committer.close()
	return l.cache.close()
}

// InsertProcess records a process; the first record of an id stays.
func (l *Lake) InsertProcess(ctx context.Context, p telemetry.Process) error {
	p.InsertTime = telemetry.TimeOf(l.now())
	_, err := l.catalog.InsertProcess(ctx, p)
	return catalogRefusal(err)
}

// InsertStream records a stream; the first record of an id stays.
func (l *Lake) InsertStream(ctx context.Context, s telemetry.Stream) error {
	s.InsertTime = telemetry.TimeOf(l.now())
	_, err := l.catalog.InsertStream(ctx, s)
	return catalogRefusal(err)
}

func catalogRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Canceled, "the request ended before it was recorded", err)
	default:
		return refusal("the catalog does not take the record now", err)
	}
}

// Append stores a block. It returns nil once the block is durable; a block whose id is there already is not stored
// again. It is a fault of kind Unavailable when the stores do not take it now.
func (l *Lake) Append(ctx context.Context, b telemetry.Block, p wire.Payload) error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.closed {
		return refusal("the server is shutting down", nil)
	}
	return l.committer.append(ctx, b, p.Encode())
}

// Ready reports whether catalog and object store can be written.
func (l *Lake) Ready(ctx context.Context) error {
	if err := l.catalog.Ping(ctx); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if err := l.objects.Check(ctx); err != nil {
		return fmt.Errorf("object store: %w", err)
	}
	return nil
}
