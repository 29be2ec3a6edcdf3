package duck

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/telemetry"
)

// bound is a function of the service's within one session.
type bound struct {
	query.Scalar
	ctx    context.Context //nolint:containedctx // the function runs within the query, called by the engine
	secret string          // what the text of a failure must name, so that no statement can ask for the failures of others
	failed atomic.Pointer[fault.Error]
}

// bounds are the functions of all sessions by handle: C must not keep Go pointers.
var bounds struct {
	sync.Map // uint64 to *bound
	last     atomic.Uint64
}

// bind makes a function of the service's known to the instance, until the handle is forgotten.
func (i *instance) bind(ctx context.Context, s query.Scalar) error {
	handle := bounds.last.Add(1)
	bounds.Store(handle, &bound{Scalar: s, ctx: ctx, secret: rand.Text()})
	i.bound = append(i.bound, handle)

	f := bindings.CreateScalarFunction()
	defer bindings.DestroyScalarFunction(&f)
	bindings.ScalarFunctionSetName(f, s.Name)
	for _, t := range s.Args {
		kind, ok := scalarTypes[t.ID()]
		if !ok {
			return fmt.Errorf("function %s: an argument of type %s", s.Name, t)
		}
		l := kind.logical()
		bindings.ScalarFunctionAddParameter(f, l)
		bindings.DestroyLogicalType(&l)
	}
	l := scalarTypes[s.Result.ID()].logical()
	bindings.ScalarFunctionSetReturnType(f, l)
	bindings.DestroyLogicalType(&l)
	bindings.ScalarFunctionSetVolatile(f)        // else it would run while the statement is planned
	bindings.ScalarFunctionSetSpecialHandling(f) // NULLs are the function's affair
	registerCallback(f, handle, boundCallback())
	if bindings.RegisterScalarFunction(i.conn, f) == bindings.StateError {
		return engineError("function " + s.Name + " was refused")
	}
	return nil
}

// unbind forgets the functions; the engine must not run any more.
func (i *instance) unbind() {
	for _, handle := range i.bound {
		bounds.Delete(handle)
	}
	i.bound = nil
}

var scalarTypes = map[arrow.Type]sqlType{
	arrow.STRING: typeText, arrow.BINARY: typeBlob, arrow.INT64: typeInt64, arrow.FLOAT64: typeFloat64,
	arrow.BOOL: {id: bindings.TypeBoolean}, arrow.TIMESTAMP: typeTime,
}

// callBound runs a function of the service's on a chunk.
func callBound(handle uint64, call bindings.FunctionInfo, chunk bindings.DataChunk, result bindings.Vector) {
	v, ok := bounds.Load(handle)
	if !ok {
		bindings.ScalarFunctionSetError(call, "INTERNAL: the query has ended")
		return
	}
	b := v.(*bound)
	rows := int(bindings.DataChunkGetSize(chunk))
	args := make([][]any, len(b.Args))
	for a, t := range b.Args {
		args[a] = newColumn(bindings.DataChunkGetVector(chunk, bindings.IdxT(a))).values(t.ID(), rows)
	}
	values, err := b.Call(b.ctx, args, rows)
	if err == nil && len(values) != rows {
		err = fmt.Errorf("%d values for %d rows", len(values), rows)
	}
	if err != nil {
		f := fault.Of(err)
		if f == nil {
			f = fault.Wrap(fault.Internal, b.Name+" failed", err)
		}
		b.failed.CompareAndSwap(nil, f)
		bindings.ScalarFunctionSetError(call, boundFailure+strconv.FormatUint(handle, 10)+"-"+b.secret)
		return
	}
	out := newOutput(result, rows)
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			out.setNull(i)
		case string:
			out.setBytes(i, []byte(v))
		case []byte:
			out.setBytes(i, v)
		}
	}
}

// values copies a column out of the engine.
func (c column) values(t arrow.Type, rows int) []any {
	out := make([]any, rows)
	for i := range rows {
		if c.null(i) {
			continue
		}
		switch t {
		case arrow.STRING:
			out[i] = string(c.bytes(i))
		case arrow.BINARY:
			out[i] = append([]byte{}, c.bytes(i)...)
		case arrow.INT64:
			out[i] = c.int64(i)
		case arrow.FLOAT64:
			out[i] = *(*float64)(unsafe.Add(c.data, i*8))
		case arrow.BOOL:
			out[i] = *(*bool)(unsafe.Add(c.data, i))
		case arrow.TIMESTAMP:
			out[i] = telemetry.Time(c.int64(i))
		default:
		}
	}
	return out
}

// boundFailure is what the engine carries for us from a function that failed to the end of the statement.
const boundFailure = "micromegas function failed #"

var boundFailed = regexp.MustCompile(boundFailure + `(\d+)-(\w+)`)

// boundError returns what a function of the service's failed with, if that is what text tells.
func boundError(text string) error {
	m := boundFailed.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	handle, _ := strconv.ParseUint(m[1], 10, 64)
	if v, ok := bounds.Load(handle); ok {
		if f := v.(*bound).failed.Load(); f != nil && subtle.ConstantTimeCompare([]byte(m[2]), []byte(v.(*bound).secret)) == 1 {
			return f
		}
	}
	return nil
}
