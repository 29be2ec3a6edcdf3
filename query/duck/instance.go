package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/query"
)

// instance is a database in memory with one connection. It is used by one query and then closed: nothing that a
// statement could leave behind is met by the next one.
type instance struct {
	db   bindings.Database
	conn bindings.Connection
	temp string // its own folder for spilling; DuckDB allows statements to read it

	of      *shared // the planner's database that it is a connection to, or nil
	spoiled bool    // something has failed that may have spoiled that

	defined []bool // which of definitions it has

	bound []uint64 // handles of the service's functions

	histograms unsafe.Pointer // an int64 in C's memory: bytes that bins of histograms may still take

	account *account // of all that it allocates

	mu     sync.Mutex              // of the connection between statements: what is read of the last one, or frees it
	doomed context.Context         //nolint:containedctx // ends when the guard ends the query
	doom   context.CancelCauseFunc // says why
}

// newInstance opens a database with settings. It takes about ten milliseconds, which is why some are kept.
func (e *Engine) newInstance() (*instance, error) {
	temp, err := os.MkdirTemp(e.o.TempDir, "spill-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for spilling: %w", err)
	}
	i := newBare(e.o.statementLimit())
	i.temp = temp
	i.account.within(func() { err = i.open(e.o) })
	if err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// newBare returns an instance without a database, whose statements may allocate limit bytes.
func newBare(limit int64) *instance {
	i := &instance{account: newAccount(limit)}
	i.doomed, i.doom = context.WithCancelCause(context.Background())
	return i
}

func (i *instance) open(o Options) error {
	var config bindings.Config
	if bindings.CreateConfig(&config) == bindings.StateError {
		return errors.New("duckdb: the configuration could not be made")
	}
	defer bindings.DestroyConfig(&config)
	for _, setting := range slices.Concat(o.threadSettings(), [][2]string{
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_community_extensions", "false"},
	}) {
		if bindings.SetConfig(config, setting[0], setting[1]) == bindings.StateError {
			return fmt.Errorf("duckdb: setting %s=%s was refused", setting[0], setting[1])
		}
	}
	var msg string
	if bindings.OpenExt(":memory:", &i.db, config, &msg) == bindings.StateError {
		return fmt.Errorf("duckdb: open: %s", msg)
	}
	if bindings.Connect(i.db, &i.conn) == bindings.StateError {
		return errors.New("duckdb: connect")
	}
	for _, setting := range []string{
		"SET GLOBAL errors_as_json = true",
		"SET GLOBAL TimeZone = 'UTC'",
		"SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
		"SET GLOBAL memory_limit = '" + bytesText(o.MemoryLimit/int64(o.MaxConcurrent)) + "'",
		"SET GLOBAL temp_directory = " + quoteText(i.temp),
		"SET GLOBAL max_temp_directory_size = '" + bytesText(o.SpillLimit) + "'",
		"SET GLOBAL enable_external_file_cache = false", // one query reads a file once
		"SET GLOBAL allow_persistent_secrets = false",
	} {
		if err := i.exec(context.Background(), setting); err != nil {
			return fmt.Errorf("duckdb: %s: %w", setting, err)
		}
	}
	i.histograms = callocC(unsafe.Sizeof(int64(0)))
	*(*int64)(i.histograms) = histogramBudget
	if err := registerAggregates(i.conn, i.histograms); err != nil {
		return err
	}
	return i.defineAlways(context.Background())
}

// close frees the database. Nothing may use it any more.
func (i *instance) close() {
	i.account.rest()
	i.account.within(func() {
		if i.conn.Ptr != nil {
			bindings.Disconnect(&i.conn)
		}
		if i.db.Ptr != nil && i.of == nil {
			bindings.Close(&i.db)
		}
	})
	i.account.close()
	i.doom(nil)
	if i.of != nil {
		i.of.leave(i.spoiled)
		return
	}
	freeC(i.histograms)
	i.histograms = nil
	i.unbind()
	_ = os.RemoveAll(i.temp) // DuckDB has removed its files; an empty folder more does no harm
}

// interruptEvery is how often a running call is interrupted again after its context ended: DuckDB clears the flag when
// a statement starts, so that a single interrupt can be lost.
const interruptEvery = 20 * time.Millisecond

// during runs f, a call into DuckDB, and interrupts it when ctx ends or the guard ends the query. It returns when f has.
func (i *instance) during(ctx context.Context, f func()) error {
	switch {
	case ctx.Err() != nil:
		return canceled(ctx)
	case i.doomed.Err() != nil:
		return canceled(i.doomed)
	}
	left, ended := i.interruptAt(ctx), i.interruptAt(i.doomed)
	i.account.within(f)
	left()
	ended()
	if i.doomed.Err() != nil {
		return canceled(i.doomed)
	}
	return nil
}

// interruptAt interrupts what runs when ctx ends, until stop is called.
func (i *instance) interruptAt(ctx context.Context) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ended)
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			bindings.Interrupt(i.conn)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		if !cancel() {
			close(done)
			<-ended
		}
	}
}

// exec runs a statement of ours to its end.
func (i *instance) exec(ctx context.Context, sql string) (err error) {
	if e := i.during(ctx, func() {
		var res bindings.Result
		if bindings.Query(i.conn, sql, &res) == bindings.StateError {
			err = classify(ctx, bindings.ResultError(&res))
		}
		bindings.DestroyResult(&res)
	}); e != nil {
		return e
	}
	return i.doubt(err)
}

// prepare plans the only statement of sql.
func (i *instance) prepare(ctx context.Context, sql string) (*prepared, error) {
	p := &prepared{instance: i}
	var err error
	if e := i.during(ctx, func() { err = p.prepare(ctx, sql) }); e != nil {
		return nil, e
	}
	if err != nil {
		p.close()
		return nil, i.doubt(err)
	}
	return p, nil
}

// prepared is a planned statement.
type prepared struct {
	instance *instance
	stmt     bindings.PreparedStatement

	parameters []query.Parameter
	schema     *arrow.Schema // nil when it depends on the type of a parameter that is not known
}

func (p *prepared) prepare(ctx context.Context, sql string) error {
	var list bindings.ExtractedStatements
	n := bindings.ExtractStatements(p.instance.conn, sql, &list)
	defer bindings.DestroyExtracted(&list)
	if n == 0 {
		return classify(ctx, bindings.ExtractStatementsError(list))
	}
	if n != 1 {
		return fmt.Errorf("duckdb sees %d statements", n)
	}
	if bindings.PrepareExtractedStatement(p.instance.conn, list, 0, &p.stmt) == bindings.StateError {
		return classify(ctx, bindings.PrepareError(p.stmt))
	}
	var err error
	if p.parameters, err = p.wanted(); err != nil {
		return err
	}
	if p.unresolved() {
		return nil
	}
	p.schema, err = p.columns()
	return err
}

// columns returns names and types of the result. Nothing runs.
func (p *prepared) columns() (*arrow.Schema, error) {
	var options bindings.ArrowOptions
	bindings.ConnectionGetArrowOptions(p.instance.conn, &options)
	defer bindings.DestroyArrowOptions(&options)
	n := bindings.PreparedStatementColumnCount(p.stmt)
	names, types := make([]string, n), make([]bindings.LogicalType, n)
	for c := range n {
		names[c] = bindings.PreparedStatementColumnName(p.stmt, c)
		types[c] = bindings.PreparedStatementColumnLogicalType(p.stmt, c)
	}
	return arrowSchema(options, names, types)
}

// arrowSchema consumes types.
func arrowSchema(options bindings.ArrowOptions, names []string, types []bindings.LogicalType) (*arrow.Schema, error) {
	defer func() {
		for c := range types {
			bindings.DestroyLogicalType(&types[c])
		}
	}()
	schema, problem := bindings.NewArrowSchema(options, types, names)
	return schema, dataError(problem)
}

// dataError consumes problem.
func dataError(problem bindings.ErrorData) error {
	defer bindings.DestroyErrorData(&problem)
	if !bindings.ErrorDataHasError(problem) {
		return nil
	}
	return engineError(bindings.ErrorDataMessage(problem))
}

func (p *prepared) close() {
	if p.stmt.Ptr != nil {
		bindings.DestroyPrepare(&p.stmt)
	}
}

// text runs a statement of ours with one text parameter and returns the only value of its answer.
func (i *instance) text(ctx context.Context, sql, parameter string) (string, error) {
	p, err := i.prepare(ctx, sql)
	if err != nil {
		return "", err
	}
	defer p.close()
	if bindings.BindVarcharLength(p.stmt, 1, parameter, bindings.IdxT(len(parameter))) == bindings.StateError {
		return "", engineError("bind")
	}
	r, err := p.run(ctx)
	if err != nil {
		return "", err
	}
	defer r.Release()
	if !r.Next() {
		if r.Err() != nil {
			return "", r.Err()
		}
		return "", engineError("no row")
	}
	column, ok := r.RecordBatch().Column(0).(*array.String)
	if !ok || column.Len() == 0 {
		return "", engineError("no text")
	}
	return strings.Clone(column.Value(0)), nil
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// bytesText writes a size in a unit that DuckDB reads exactly.
func bytesText(n int64) string { return fmt.Sprintf("%dKiB", max(n/1024, 1)) }
