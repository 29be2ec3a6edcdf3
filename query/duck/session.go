package duck

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// session is an instance in the hands of one query.
type session struct {
	engine   *Engine
	instance *instance
	caller   string
	stmt     *prepared
	rows     *reader

	once   sync.Once
	closed atomic.Bool
	cost   query.Cost // of the runs that have ended
}

var _ query.Session = (*session)(nil)

// Parse asks DuckDB's own parser. Nothing of sql runs.
func (s *session) Parse(ctx context.Context, sql string) ([]byte, error) {
	tree, err := s.instance.text(ctx, "SELECT json_serialize_sql(CAST(? AS VARCHAR))", sql)
	if err != nil {
		return nil, s.instance.doubt(err)
	}
	return []byte(tree), nil
}

// Attach makes the relations and closes the instance; see the package comment.
func (s *session) Attach(ctx context.Context, a query.Attachment) error {
	if s.instance.of != nil {
		if len(a.Scalars) == 0 {
			return s.attachEmpty(ctx, a.Relations)
		}
		if err := s.leavePlanner(); err != nil {
			return fault.Wrap(fault.Internal, "the query engine could not be started", err)
		}
	}
	var files []string
	for _, r := range a.Relations {
		files = append(files, r.Files...)
		for _, of := range r.Sources {
			files = append(files, of...)
		}
	}
	paths, err := pathList(files)
	if err != nil {
		return fault.Wrap(fault.Internal, "a file of the lake has an unusable name", err)
	}
	for _, r := range a.Relations {
		if len(r.Batches) > 0 {
			if err := s.instance.load(ctx, r); err != nil {
				return err
			}
		}
	}
	account := profileStatement
	if a.Operators {
		account = nil // EXPLAIN ANALYZE has settings of its own
	}
	for _, setting := range slices.Concat(account, closed(paths)) {
		if err := s.instance.exec(ctx, setting); err != nil {
			return internal(ctx, err, "the query engine could not be closed off")
		}
	}
	s.instance.account.work(s.instance.db.Ptr, s.engine.o.Threads-1)
	// Behind a statement of ours: what Parse has read last leaves a transaction open, and with it goes what is registered.
	for _, f := range a.Scalars {
		if err := s.instance.bind(ctx, f); err != nil {
			return fault.Wrap(fault.Internal, "a function of the service could not be made known", err)
		}
	}
	for _, r := range a.Relations {
		sql, err := relationSQL(r, "CREATE")
		if err != nil {
			return fault.Wrap(fault.Internal, "a table of the lake could not be opened", err)
		}
		if err := s.instance.need(ctx, sql); err != nil {
			return internal(ctx, err, "a function could not be made known")
		}
		if err := s.instance.exec(ctx, sql); err != nil {
			return internal(ctx, err, "a table of the lake could not be opened")
		}
	}
	return nil
}

// internal makes our own fault of an error in a statement of ours, unless the caller left or memory ran out.
func internal(ctx context.Context, err error, msg string) error {
	if ctx.Err() != nil || fault.KindOf(err) == fault.Exhausted {
		return err
	}
	return fault.Wrap(fault.Internal, msg, err)
}

// Prepare plans.
func (s *session) Prepare(ctx context.Context, sql string) (*arrow.Schema, error) {
	if s.stmt != nil {
		s.stmt.close()
		s.stmt = nil
	}
	if err := s.instance.need(ctx, sql); err != nil {
		return nil, internal(ctx, err, "a function could not be made known")
	}
	p, err := s.instance.prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	s.stmt = p
	return p.schema, nil
}

// Parameters are those of the prepared statement.
func (s *session) Parameters() []query.Parameter {
	if s.stmt == nil {
		return nil
	}
	return s.stmt.parameters
}

// Bind gives the parameters the values in a row.
func (s *session) Bind(ctx context.Context, values []arrow.Array, row int) error {
	if s.stmt == nil {
		return fault.New(fault.Internal, "a session binds to a prepared statement")
	}
	s.ended()
	return s.stmt.bind(ctx, values, row)
}

// ended lets go of the rows of the run before.
func (s *session) ended() {
	if s.rows != nil {
		s.rows.Release()
		s.rows = nil
		s.cost = sum(s.cost, s.instance.cost())
	}
}

// Run starts the prepared statement.
func (s *session) Run(ctx context.Context) (array.RecordReader, error) {
	if s.stmt == nil {
		return nil, fault.New(fault.Internal, "a session runs a prepared statement")
	}
	if s.instance.of != nil {
		return nil, fault.New(fault.Internal, "a planner runs nothing")
	}
	s.ended()
	r, err := s.stmt.run(ctx)
	if err != nil {
		return nil, err
	}
	r.Retain() // for Close
	s.rows = r
	return r, nil
}

// evict ends whatever runs, and lets go of rows that wait to be read. It reports whether it is the first to do so.
func (s *session) evict(why error) bool {
	if s.instance.doomed.Err() != nil {
		return false
	}
	s.instance.doom(why)
	return true
}

// Close gives the instance back. The reader, if any, ends first.
func (s *session) Close() {
	s.once.Do(func() {
		s.ended()
		s.closed.Store(true)
		if s.stmt != nil {
			s.stmt.close()
		}
		s.engine.guard.leave(s)
		s.engine.free(s.instance, s.caller)
	})
}
