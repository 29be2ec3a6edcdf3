package flightsql

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// fake answers by the first word of the statement. Package query is tested with its own engine; here the answers must be
// ones that an engine gives only on bad days.
type fake struct {
	mu       sync.Mutex
	requests []query.Request
	bound    []string // the parameters of requests as JSON; "" without any
	pulls    atomic.Int64
	started  chan struct{} // receives when a query that waits has begun to wait
	ended    chan error    // receives the cause when such a query's context has ended
	released atomic.Int64
	opened   atomic.Int64
}

func newFake() *fake {
	return &fake{started: make(chan struct{}, 16), ended: make(chan error, 16)}
}

func (f *fake) last() query.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[len(f.requests)-1]
}

func (f *fake) lastBound() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bound[len(f.bound)-1]
}

var utc = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}

// logSchema is like that of a log view: not nullable columns, dictionaries, also nested.
func logSchema(dictionaries bool) *arrow.Schema {
	text := arrow.DataType(arrow.BinaryTypes.String)
	blob := arrow.DataType(arrow.BinaryTypes.Binary)
	if dictionaries {
		text = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: text}
		blob = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: blob}
	}
	return arrow.NewSchema([]arrow.Field{
		{Name: "time", Type: utc},
		{Name: "level", Type: arrow.PrimitiveTypes.Int32},
		{Name: "target", Type: text},
		{Name: "properties", Type: blob, Nullable: true},
	}, nil)
}

func oneSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{{Name: "count(*)", Type: arrow.PrimitiveTypes.Int64}}, nil)
}

func textSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
}

func word(sql string) string {
	w, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return w
}

func (f *fake) Prepare(_ context.Context, sql string, parameters arrow.RecordBatch) (*query.Description, error) {
	d := &query.Description{Parameters: arrow.NewSchema(nil, nil)}
	if strings.Contains(sql, "?") && parameters == nil {
		d.Parameters = oneSchema()
	}
	var err error
	d.Columns, err = f.describe(sql)
	return d, err
}

func (f *fake) describe(sql string) (*arrow.Schema, error) {
	switch word(sql) {
	case "logs", "nologs":
		return logSchema(true), nil
	case "text", "wide", "stream", "wait":
		return textSchema(), nil
	case "one", "late", "explode", "Select", "select", "SELECT":
		return oneSchema(), nil
	case "panic":
		panic("describe")
	}
	return nil, f.fault(sql)
}

func (f *fake) fault(sql string) error {
	if _, kind, ok := strings.Cut(sql, "fault "); ok {
		for k := fault.Internal; k <= fault.Canceled; k++ {
			if kind == kindNames[k] {
				return &fault.Error{Kind: k, Msg: "told: " + kind, Fix: "mend it", Err: errors.New("secret cause in /var/lib/x.go at 10.1.2.3")}
			}
		}
	}
	if word(sql) == "raw" {
		return errors.New("secret cause in /var/lib/x.go at 10.1.2.3: SELECT hidden")
	}
	return &fault.Error{Kind: fault.Invalid, Msg: "error creating physical plan: there is no table " + word(sql), Err: errors.New("secret")}
}

var kindNames = map[fault.Kind]string{
	fault.Internal: "internal", fault.Invalid: "invalid", fault.Unauthenticated: "unauthenticated",
	fault.PermissionDenied: "denied", fault.NotFound: "notfound", fault.TooLarge: "toolarge", fault.Exhausted: "exhausted",
	fault.Unavailable: "unavailable", fault.Unimplemented: "unimplemented", fault.Canceled: "canceled",
}

func (f *fake) Tables(context.Context) []query.TableInfo {
	return []query.TableInfo{{Name: "measures", Schema: oneSchema()}, {Name: "log_entries", Schema: logSchema(true)}}
}

func (f *fake) Execute(ctx context.Context, r query.Request) (query.Result, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	values := ""
	if r.Parameters != nil {
		text, err := r.Parameters.MarshalJSON()
		values = string(text)
		if err != nil {
			panic(err)
		}
	}
	f.bound = append(f.bound, values)
	f.mu.Unlock()
	res := &result{fake: f, refs: 1}
	switch word(r.SQL) {
	case "one", "Select", "select", "SELECT":
		res.schema, res.batches = oneSchema(), []arrow.RecordBatch{ints(1)}
	case "nologs":
		res.schema = logSchema(r.PreserveDictionary)
	case "logs": // two batches, each with a dictionary of its own, of the same length
		res.schema = logSchema(r.PreserveDictionary)
		res.batches = []arrow.RecordBatch{
			logs(r.PreserveDictionary, "a", "b", "a"), logs(r.PreserveDictionary, "c", "d", "d"), logs(r.PreserveDictionary, "c", "d", "c", "e"),
		}
	case "text":
		res.schema, res.batches = textSchema(), []arrow.RecordBatch{texts("x", "y")}
	case "wide": // 12 MiB in one batch, one row larger than a message
		rows := make([]string, 1024)
		for i := range rows {
			rows[i] = strings.Repeat("w", 9<<10)
		}
		rows[500] = strings.Repeat("W", 3<<20)
		res.schema, res.batches = textSchema(), []arrow.RecordBatch{texts(rows...)}
	case "stream": // far more than any buffer between here and the client
		res.schema = textSchema()
		chunk := texts(strings.Repeat("s", 1<<20))
		res.next = func(n int) (arrow.RecordBatch, error) {
			if n == 200 {
				chunk.Release()
				return nil, nil
			}
			chunk.Retain()
			return chunk, ctx.Err()
		}
		res.free = chunk.Release
	case "wait":
		res.schema = textSchema()
		res.next = func(n int) (arrow.RecordBatch, error) {
			if n == 0 {
				return texts("first"), nil
			}
			f.started <- struct{}{}
			<-ctx.Done()
			f.ended <- context.Cause(ctx)
			return nil, fault.Wrap(fault.Canceled, "the query was canceled", ctx.Err())
		}
	case "late":
		res.schema = oneSchema()
		res.next = func(n int) (arrow.RecordBatch, error) {
			if n == 0 {
				return ints(7), nil
			}
			return nil, fault.New(fault.Invalid, "error executing plan: division by zero")
		}
	case "explode":
		res.schema = oneSchema()
		res.next = func(int) (arrow.RecordBatch, error) { panic("secret in /var/lib/x.go") }
	case "panic":
		panic("secret in /var/lib/x.go")
	default:
		return nil, f.fault(r.SQL)
	}
	f.opened.Add(1)
	return res, nil
}

// result hands out batches, or what next makes; (nil, nil) ends it.
type result struct {
	fake    *fake
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	next    func(n int) (arrow.RecordBatch, error)
	free    func()
	n       int
	current arrow.RecordBatch
	err     error
	refs    int
}

func (r *result) Schema() *arrow.Schema          { return r.schema }
func (r *result) RecordBatch() arrow.RecordBatch { return r.current }
func (r *result) Record() arrow.RecordBatch      { return r.current }
func (r *result) Err() error                     { return r.err }
func (r *result) Retain()                        { r.refs++ }

func (r *result) Cost() query.Cost {
	return query.Cost{Files: 3, FileBytes: 1000, RowsScanned: 50, CPU: 1500 * time.Microsecond, PeakMemory: 4096, SpilledBytes: 7, LeftOut: 2}
}

func (r *result) Next() bool {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
	r.fake.pulls.Add(1)
	if r.next != nil {
		r.current, r.err = r.next(r.n)
	} else if r.n < len(r.batches) {
		r.current = r.batches[r.n]
	}
	r.n++
	return r.err == nil && r.current != nil
}

func (r *result) Release() {
	if r.refs--; r.refs == 0 {
		if r.current != nil {
			r.current.Release()
		}
		if r.free != nil {
			r.free()
		}
		r.fake.released.Add(1)
	}
}

func ints(values ...int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, oneSchema())
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecordBatch()
}

func texts(values ...string) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, textSchema())
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(values, nil)
	return b.NewRecordBatch()
}

func logs(dictionaries bool, targets ...string) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, logSchema(dictionaries))
	defer b.Release()
	for i, t := range targets {
		b.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000_001 + i))
		b.Field(1).(*array.Int32Builder).Append(int32(i))
		var err error
		if dictionaries {
			err = errors.Join(b.Field(2).(*array.BinaryDictionaryBuilder).AppendString(t),
				b.Field(3).(*array.BinaryDictionaryBuilder).Append([]byte("p"+t)))
		} else {
			b.Field(2).(*array.StringBuilder).Append(t)
			b.Field(3).(*array.BinaryBuilder).Append([]byte("p" + t))
		}
		if err != nil {
			panic(err)
		}
	}
	return b.NewRecordBatch()
}
