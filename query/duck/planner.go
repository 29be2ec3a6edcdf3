package duck

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// planner is a database in which statements are planned: it has all functions of ours, reads no file, and is closed to every
// change of its settings. Each statement has a connection of its own.
//
// An error that may have spoiled the database, such as a bug of the engine's after which it answers nothing more, retires it:
// those who come next get a new one.
type planner struct {
	mu      sync.Mutex
	open    func() (*instance, error)
	current *shared // nil: to be opened
}

// shared is a database and how many use it.
type shared struct {
	of       *planner
	instance *instance
	users    int // guarded by of.mu; one of them is the planner, until it retires
}

func newPlanner(e *Engine) *planner {
	return &planner{open: func() (*instance, error) {
		i, err := e.newInstance()
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		err = i.everything(ctx)
		for _, setting := range closed("[]") {
			err = errors.Join(err, i.exec(ctx, setting))
		}
		if err != nil {
			i.close()
			return nil, err
		}
		return i, nil
	}}
}

// connect returns a connection. It is closed like an instance of its own.
func (p *planner) connect(limit int64) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		i, err := p.open()
		if err != nil {
			return nil, err
		}
		p.current = &shared{of: p, instance: i, users: 1}
	}
	s := p.current
	c := newBare(limit)
	c.db, c.of, c.defined = s.instance.db, s, s.instance.defined
	failed := false
	c.account.within(func() { failed = bindings.Connect(c.db, &c.conn) == bindings.StateError })
	if failed {
		c.account.close()
		p.retireLocked(s)
		return nil, errors.New("duckdb: connect")
	}
	s.users++
	return c, nil
}

// leave is what a connection does at its end.
func (s *shared) leave(spoiled bool) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if spoiled {
		s.of.retireLocked(s)
	}
	s.unuseLocked()
}

func (p *planner) retireLocked(s *shared) {
	if p.current == s {
		p.current = nil
		s.unuseLocked()
	}
}

func (s *shared) unuseLocked() {
	if s.users--; s.users == 0 {
		s.instance.close()
	}
}

// close retires the database. No connection may be made any more.
func (p *planner) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.retireLocked(p.current)
	}
}

// doubt notes an error after which the planner that i is a connection to is not to be trusted.
func (i *instance) doubt(err error) error {
	if k := fault.KindOf(err); err != nil && (k == fault.Internal || k == fault.Exhausted) {
		i.spoiled = true
	}
	return err
}

// closed are the settings that close an instance to everything but the files at paths, a list.
func closed(paths string) []string {
	return []string{
		"SET GLOBAL allowed_paths = " + paths,
		"SET GLOBAL enable_external_access = false",
		"SET GLOBAL lock_configuration = true",
	}
}

// Planner waits for a slot and connects to the planner. What a statement needs is temporary there: it ends with the
// connection, and no other sees it.
func (e *Engine) Planner(ctx context.Context, caller string) (query.Session, error) {
	return e.session(ctx, caller, func() (*instance, error) { return e.planner.connect(e.o.statementLimit()) })
}

// attachEmpty makes the relations without their rows.
func (s *session) attachEmpty(ctx context.Context, relations []query.Relation) error {
	for _, r := range relations {
		sql, err := relationSQL(query.Relation{Name: r.Name, Schema: r.Schema, Definition: r.Definition, Filter: r.Filter}, "CREATE TEMP")
		if err != nil {
			return fault.Wrap(fault.Internal, "a table of the lake could not be described", err)
		}
		if err := s.instance.exec(ctx, sql); err != nil {
			return internal(ctx, err, "a table of the lake could not be described")
		}
	}
	return nil
}

// leavePlanner goes on in an instance of the session's own: functions of the service belong to one statement.
func (s *session) leavePlanner() error {
	i, err := s.engine.take()
	if err != nil {
		return fmt.Errorf("leave the planner: %w", err)
	}
	planned := s.instance
	s.engine.guard.moved(s, i)
	planned.close()
	return nil
}
