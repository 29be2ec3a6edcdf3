package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// parameter deals with the ?, $1 or $name that begins at token i, and returns its last token. A parameter whose type is
// known is cast to it, so that planning knows all types and the answer has the columns that were described.
//
// The engine counts those that are numbered from 1 on without a gap, also where others stand in constant places and do not
// reach it; p.parameters has the names that the caller knows.
func (r *rewriter) parameter(i int) int {
	last, name := r.parameterAt(i)
	if name == "" {
		return i
	}
	if _, err := strconv.Atoi(name); err == nil {
		n := slices.Index(r.numbered, name)
		if n < 0 {
			n = len(r.numbered)
			r.numbered = append(r.numbered, name)
		}
		r.replace(i, last, "$"+strconv.Itoa(n+1))
	}
	if to := r.casts[name]; to != "" {
		r.before(i, "CAST(")
		r.after(last, " AS "+to+")")
	}
	return last
}

// parameterAt returns the last token and the name of the parameter that begins at token i; no name when there is none.
func (r *rewriter) parameterAt(i int) (last int, name string) {
	follows := i+1 < len(r.tokens) && r.tokens[i+1].pos == r.tokens[i].end
	switch {
	case r.is(i, "?") && follows && r.tokens[i+1].kind == tokenNumber,
		r.is(i, "$") && follows && (r.tokens[i+1].kind == tokenNumber || r.tokens[i+1].kind == tokenWord):
		return i + 1, lower(r.text(i + 1))
	case r.is(i, "?"):
		r.unnamed++
		return i, strconv.Itoa(r.unnamed)
	}
	return i, ""
}

// constantParameter returns the value of the parameter that tokens begin to before end are, which stands where a constant must.
// Without a value it is an unbound.
func (r *rewriter) constantParameter(begin, end int) (value any, ok bool, err error) {
	if begin >= end || !r.is(begin, "?") && !r.is(begin, "$") {
		return nil, false, nil
	}
	last, name := r.parameterAt(begin)
	if name == "" || last != end-1 {
		return nil, false, nil
	}
	if !slices.Contains(r.constantNames, name) {
		r.constantNames = append(r.constantNames, name)
	}
	value, err = r.bound.constant(name)
	if err != nil {
		err = &SQLError{Fault: fault.Of(err), Pos: r.tokens[begin].pos}
	}
	return value, true, err
}

// unbound stands for the value of a parameter that is not known yet.
type unbound struct{}

// boundValues are what is bound to the parameters of a statement; nil when nothing is.
type boundValues struct{ batch arrow.RecordBatch }

// constant returns the value of a parameter that must be the same in all rows.
func (v boundValues) constant(name string) (any, error) {
	if v.batch == nil || v.batch.NumRows() == 0 {
		return unbound{}, nil
	}
	columns, err := match([]Parameter{{Name: name}}, v.batch, false)
	if err != nil {
		return nil, err
	}
	first, err := constantOf(columns[0], 0)
	if err != nil {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("parameter $%s: %s", name, err))
	}
	for i := 1; i < columns[0].Len(); i++ {
		if other, err := constantOf(columns[0], i); err != nil || other != first {
			return nil, &fault.Error{
				Kind: fault.Invalid, Msg: fmt.Sprintf("parameter $%s stands where a constant must, and has several values", name),
				Fix: "run the statement once for each value",
			}
		}
	}
	return first, nil
}

// constantOf returns the i-th value of a as arguments have it.
func constantOf(a arrow.Array, i int) (any, error) {
	if d, ok := a.(*array.Dictionary); ok && d.IsValid(i) {
		return constantOf(d.Dictionary(), d.GetValueIndex(i))
	}
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL {
		return nil, nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i), nil
	case array.StringLike:
		return strings.Clone(a.Value(i)), nil
	case *array.Float32:
		return float64(a.Value(i)), nil
	case *array.Float64:
		return a.Value(i), nil
	case *array.Uint64:
		if a.Value(i) <= math.MaxInt64 {
			return int64(a.Value(i)), nil
		}
	case *array.Timestamp:
		unit := int64(a.DataType().(*arrow.TimestampType).Unit.Multiplier())
		if t := int64(a.Value(i)); t <= math.MaxInt64/unit && t >= math.MinInt64/unit {
			return telemetry.Time(t * unit), nil
		}
		return nil, errors.New("the time is outside of the years 1677 to 2262")
	default:
		if get, err := integers(a); err == nil {
			return get(i), nil
		}
	}
	return nil, fmt.Errorf("a value of type %s cannot stand where a constant must", a.DataType())
}

// parameters returns those of the prepared statement under the names of the caller, in the order of the engine, and all of the
// statement: also those that stand where a constant must, and do not reach the engine.
func (p *plan) parameters(session Session) (engine, all []Parameter) {
	engine = slices.Clone(session.Parameters())
	for i, w := range engine {
		if n, err := strconv.Atoi(w.Name); err == nil && n >= 1 && n <= len(p.numbered) {
			engine[i].Name = p.numbered[n-1]
		}
	}
	all = slices.Clone(engine)
	for _, name := range p.constants {
		if !slices.ContainsFunc(all, func(w Parameter) bool { return w.Name == name }) {
			all = append(all, Parameter{Name: name, Type: arrow.BinaryTypes.String})
		}
	}
	slices.SortStableFunc(all, func(a, b Parameter) int {
		n, err1 := strconv.Atoi(a.Name)
		m, err2 := strconv.Atoi(b.Name)
		if err1 != nil || err2 != nil {
			return 0
		}
		return n - m
	})
	return engine, all
}

// countParameters counts the parameters of the statement as far as the rewriter has seen them.
func (p *plan) countParameters() int {
	names := setOf(append(slices.Clone(p.numbered), p.constants...)...)
	return len(names)
}

// castType is the engine's name of the type that values of t are bound in; "" when there is none.
func castType(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		return castType(t.ValueType)
	case *arrow.TimestampType:
		return "TIMESTAMP_NS"
	case *arrow.DurationType, *arrow.MonthIntervalType, *arrow.DayTimeIntervalType, *arrow.MonthDayNanoIntervalType:
		return "INTERVAL"
	case *arrow.Decimal32Type, *arrow.Decimal64Type, *arrow.Decimal128Type:
		d := t.(arrow.DecimalType)
		return fmt.Sprintf("DECIMAL(%d, %d)", d.GetPrecision(), d.GetScale())
	case *arrow.MapType:
		return ""
	case arrow.ListLikeType:
		if inner := castType(t.Elem()); inner != "" {
			return inner + "[]"
		}
		return ""
	}
	return castTypes[t.ID()]
}

var castTypes = map[arrow.Type]string{
	arrow.BOOL: "BOOLEAN", arrow.INT8: "TINYINT", arrow.INT16: "SMALLINT", arrow.INT32: "INTEGER", arrow.INT64: "BIGINT",
	arrow.UINT8: "UTINYINT", arrow.UINT16: "USMALLINT", arrow.UINT32: "UINTEGER", arrow.UINT64: "UBIGINT",
	arrow.FLOAT16: "FLOAT", arrow.FLOAT32: "FLOAT", arrow.FLOAT64: "DOUBLE",
	arrow.STRING: "VARCHAR", arrow.LARGE_STRING: "VARCHAR", arrow.STRING_VIEW: "VARCHAR",
	arrow.BINARY: "BLOB", arrow.LARGE_BINARY: "BLOB", arrow.BINARY_VIEW: "BLOB", arrow.FIXED_SIZE_BINARY: "BLOB",
	arrow.DATE32: "DATE", arrow.DATE64: "DATE", arrow.TIME32: "TIME", arrow.TIME64: "TIME",
}

// guesses are the types that are tried, in this order, for parameters of which neither the statement nor a value tells one.
var guesses = []string{"VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP_NS", "INTERVAL", "VARCHAR[]"}

// prepare plans p's statement in the session, which has its relations, and returns the columns in the engine's types. When
// it has parameters, they are the values' columns in the order of the engine, and the plan is another one: the first
// planning finds out which parameters there are and what the statement expects of them, the second has all their types.
// bind tells whether values must be there.
func (s *Service) prepare(ctx context.Context, session Session, p *plan, r Request, bind bool) (*plan, *arrow.Schema, []arrow.Array, error) {
	columns, err := session.Prepare(ctx, p.sql(r.Limit))
	if err != nil {
		return nil, nil, nil, p.located(err)
	}
	wanted, all := p.parameters(session)
	if len(all) == 0 {
		return p, columns, nil, noneWanted(r.Parameters)
	}
	if !bind {
		p, columns, err = s.guess(ctx, session, p, columns)
		return p, columns, nil, err
	}
	if _, err := match(all, r.Parameters, true); err != nil {
		return nil, nil, nil, err
	}
	values, err := match(wanted, r.Parameters, false)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(wanted) == 0 {
		return p, columns, values, nil
	}
	casts := map[string]string{}
	for i, w := range wanted {
		t := values[i].DataType()
		if d, ok := t.(*arrow.DictionaryType); ok {
			t = d.ValueType
		}
		switch {
		case castType(t) == "VARCHAR" || t.ID() == arrow.NULL:
			t = arrow.BinaryTypes.String
			if w.Type != nil {
				t = w.Type // a text becomes what the statement expects, as a literal would
			}
		case castType(t) == "":
			return nil, nil, nil, fault.New(fault.Invalid, fmt.Sprintf("parameter $%s: values of type %s cannot be bound", w.Name, t))
		}
		casts[lower(w.Name)] = castType(t)
	}
	if p, err = s.plan(ctx, session, p.stmt, casts); err != nil {
		return nil, nil, nil, err
	}
	if columns, err = session.Prepare(ctx, p.sql(r.Limit)); err != nil {
		return nil, nil, nil, p.located(err)
	}
	if columns == nil {
		return nil, nil, nil, errConstant
	}
	return p, columns, values, nil
}

// guess plans with types for the parameters that have none.
func (s *Service) guess(ctx context.Context, session Session, p *plan, columns *arrow.Schema) (*plan, *arrow.Schema, error) {
	casts := map[string]string{}
	wanted, _ := p.parameters(session)
	for _, w := range wanted {
		if w.Type == nil {
			casts[lower(w.Name)] = ""
		}
	}
	if columns != nil && len(casts) == 0 {
		return p, columns, nil
	}
	var first error
	for _, g := range guesses {
		for name := range casts {
			casts[name] = g
		}
		q, err := s.plan(ctx, session, p.stmt, casts)
		if err == nil {
			columns, err = session.Prepare(ctx, q.sql(nil))
			err = q.located(err)
		}
		if err == nil && columns != nil {
			return q, columns, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errConstant
	}
	return nil, nil, first
}

var errConstant = &fault.Error{
	Kind: fault.Invalid, Msg: "a parameter stands where a constant must be",
	Fix: "write the value into the statement; instead of FROM unnest(?) say SELECT unnest(?)",
}

func noneWanted(bound arrow.RecordBatch) error {
	if bound == nil || bound.NumCols() == 0 {
		return nil
	}
	return &fault.Error{
		Kind: fault.Invalid, Msg: fmt.Sprintf("%s bound to a statement without parameters", count(int(bound.NumCols()), "value is", "values are")),
		Fix: "write ? or $1 where the value belongs",
	}
}

// match finds the column of each parameter: the one with its number, or with its name. wanted are all of the statement, so that
// there must be no more columns, or some of them.
func match(wanted []Parameter, bound arrow.RecordBatch, all bool) ([]arrow.Array, error) {
	if bound == nil || bound.NumCols() == 0 {
		return nil, unboundParameters(len(wanted))
	}
	numbered := 0
	values := make([]arrow.Array, len(wanted))
	for i, w := range wanted {
		n, err := strconv.Atoi(w.Name)
		if err == nil {
			numbered = max(numbered, n)
			if n < 1 || n > int(bound.NumCols()) {
				return nil, fault.New(fault.Invalid, fmt.Sprintf("the statement has a parameter $%d, but only %s bound",
					n, count(int(bound.NumCols()), "value is", "values are")))
			}
			values[i] = bound.Column(n - 1)
			continue
		}
		for c, f := range bound.Schema().Fields() {
			if strings.EqualFold(f.Name, w.Name) {
				values[i] = bound.Column(c)
				break
			}
		}
		if values[i] == nil {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("no value is bound to the parameter $%s", w.Name))
		}
	}
	if all && numbered > 0 && int(bound.NumCols()) > numbered {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("%s bound, but the statement has %s",
			count(int(bound.NumCols()), "value is", "values are"), count(numbered, "parameter", "parameters")))
	}
	return values, nil
}

// Unbound is the error of running a statement without values for its parameters; nil when it has none.
func (d *Description) Unbound() error {
	if d.Parameters.NumFields() == 0 {
		return nil
	}
	return unboundParameters(d.Parameters.NumFields())
}

func unboundParameters(parameters int) error {
	return &fault.Error{
		Kind: fault.Invalid,
		Msg:  fmt.Sprintf("the statement has %s, and no values are bound", count(parameters, "parameter", "parameters")),
		Fix:  "prepare the statement and bind its values; the client must go on with the handle that binding returns (Arrow 17 and newer do)",
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// parameterSchema describes parameters to clients.
func parameterSchema(parameters []Parameter) *arrow.Schema {
	fields := make([]arrow.Field, len(parameters))
	for i, p := range parameters {
		t := arrow.DataType(arrow.BinaryTypes.String)
		if p.Type != nil {
			t = clientType(p.Type)
		}
		fields[i] = arrow.Field{Name: p.Name, Type: t, Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}
