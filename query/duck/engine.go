package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// Engine is DuckDB in this process.
type Engine struct {
	o       Options
	ownTemp bool // TempDir was made by Open

	queue   *queue
	guard   *guard
	planner *planner       // of statements that do not run
	ready   chan *instance // warm instances
	wanted  chan struct{}  // a token per instance that the pool should make
	work    sync.WaitGroup // the pool's goroutine and instances being closed
	stop    context.CancelFunc

	mu     sync.Mutex
	closed bool
}

var _ query.Engine = (*Engine)(nil)

// Open makes the folder for spilling and starts to warm instances.
func Open(o Options) (*Engine, error) {
	o = o.withDefaults()
	e := &Engine{o: o}
	if o.TempDir == "" {
		dir, err := os.MkdirTemp("", "micromegas-query-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for spilling: %w", err)
		}
		e.o.TempDir, e.ownTemp = dir, true
	} else if err := os.MkdirAll(o.TempDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for spilling: %w", err)
	}
	first, err := e.newInstance()
	if err != nil {
		return nil, errors.Join(err, e.removeTemp())
	}
	e.planner = newPlanner(e)
	e.queue = newQueue(o)
	e.guard = newGuard(o)
	e.ready = make(chan *instance, o.Warm)
	e.wanted = make(chan struct{}, o.Warm)
	e.ready <- first
	for range o.Warm - 1 {
		e.wanted <- struct{}{}
	}
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.work.Go(func() { e.warm(ctx) })
	e.work.Go(func() { e.guard.run(ctx) })
	return e, nil
}

// warm makes an instance for every token in wanted.
func (e *Engine) warm(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wanted:
		}
		i, err := e.newInstance()
		if err != nil {
			e.o.Log.ErrorContext(ctx, "an engine instance could not be made", "err", err)
			continue // the query that misses it makes its own
		}
		select {
		case e.ready <- i:
		default:
			i.close()
		}
	}
}

// Close waits for the queries' instances and frees the warm ones. Sessions must be closed before; it may be called twice.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.work.Wait()
	for {
		select {
		case i := <-e.ready:
			i.close()
			continue
		default:
		}
		break
	}
	e.planner.close()
	return e.removeTemp()
}

func (e *Engine) removeTemp() error {
	if !e.ownTemp {
		return nil
	}
	return os.RemoveAll(e.o.TempDir)
}

// Session waits for a slot and takes a warm instance, or makes one.
func (e *Engine) Session(ctx context.Context, caller string) (query.Session, error) {
	return e.session(ctx, caller, e.take)
}

func (e *Engine) session(ctx context.Context, caller string, take func() (*instance, error)) (query.Session, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, fault.New(fault.Unavailable, "the query engine is shutting down")
	}
	e.work.Add(1)
	e.mu.Unlock()
	if err := e.queue.enter(ctx, caller); err != nil {
		e.work.Done()
		return nil, err
	}
	i, err := take()
	if err != nil {
		e.queue.leave(caller)
		e.work.Done()
		return nil, fault.Wrap(fault.Internal, "the query engine could not be started", err)
	}
	s := &session{engine: e, instance: i, caller: caller}
	e.guard.enter(s)
	return s, nil
}

// Functions returns all functions that the engine has, each once, in the form "kind name" with kind one of scalar,
// aggregate, macro, table, table_macro and pragma. Package query lists which of them statements may call.
func (e *Engine) Functions(ctx context.Context) ([]string, error) {
	i, err := e.newInstance()
	if err != nil {
		return nil, err
	}
	defer i.close()
	if err := i.everything(ctx); err != nil {
		return nil, err
	}
	text, err := i.text(ctx, "SELECT string_agg(DISTINCT function_type || ' ' || function_name, chr(10)) || CAST(? AS VARCHAR) FROM duckdb_functions()", "")
	return strings.Split(text, "\n"), err
}

// take returns a warm instance and asks for the next one; without a warm one it makes one.
func (e *Engine) take() (*instance, error) {
	select {
	case i := <-e.ready:
		select {
		case e.wanted <- struct{}{}:
		default:
		}
		return i, nil
	default:
		return e.newInstance()
	}
}

// free closes an instance in the background, because that takes milliseconds, and then gives its slot back: memory that
// is not yet freed counts.
func (e *Engine) free(i *instance, caller string) {
	go func() {
		defer e.work.Done()
		defer e.queue.leave(caller)
		peak := i.account.peak()
		i.close()
		e.guard.trim(peak)
	}()
}
