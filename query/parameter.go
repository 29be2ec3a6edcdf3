package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// parameter deals with the ?, $1 or $name that begins at token i, and returns its last token. A parameter whose type is
// known is cast to it, so that planning knows all types and the answer has the columns that were described.
func (r *rewriter) parameter(i int) int {
	last, name := i, ""
	follows := i+1 < len(r.tokens) && r.tokens[i+1].pos == r.tokens[i].end
	switch {
	case r.is(i, "?") && follows && r.tokens[i+1].kind == tokenNumber,
		r.is(i, "$") && follows && (r.tokens[i+1].kind == tokenNumber || r.tokens[i+1].kind == tokenWord):
		last, name = i+1, lower(r.text(i+1))
	case r.is(i, "?"):
		r.unnamed++
		name = strconv.Itoa(r.unnamed)
	default:
		return i
	}
	if to := r.casts[name]; to != "" {
		r.before(i, "CAST(")
		r.after(last, " AS "+to+")")
	}
	return last
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
	wanted := session.Parameters()
	if len(wanted) == 0 {
		return p, columns, nil, noneWanted(r.Parameters)
	}
	if !bind {
		p, columns, err = s.guess(ctx, session, p, columns)
		return p, columns, nil, err
	}
	values, err := match(wanted, r.Parameters)
	if err != nil {
		return nil, nil, nil, err
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
	for _, w := range session.Parameters() {
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
	Kind: fault.Invalid, Msg: "a parameter stands where a constant must be, such as an argument of a table function",
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

// match finds the column of each parameter: the one with its number, or with its name.
func match(wanted []Parameter, bound arrow.RecordBatch) ([]arrow.Array, error) {
	if bound == nil || bound.NumCols() == 0 {
		return nil, unbound(len(wanted))
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
	if numbered > 0 && int(bound.NumCols()) > numbered {
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
	return unbound(d.Parameters.NumFields())
}

func unbound(parameters int) error {
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
