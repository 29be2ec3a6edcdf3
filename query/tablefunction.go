package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TableFunction is a function of ours that stands where a table stands: FROM name('x', 3). Its arguments are constants,
// so that the statement can be planned without it; a call is replaced by a relation with the columns that Plan tells.
type TableFunction struct {
	Name  string // in lower case
	Admin bool   // for administrators alone; nothing of it runs for others, not even Plan
	// Columns are those of every call; nil when they depend on the arguments. With them a call can be described whose arguments are
	// parameters without a value yet.
	Columns *arrow.Schema
	// Plan checks the arguments of a call. It does no I/O: describing a statement plans it, too. Its errors are faults,
	// best made with [Argument.Wrong].
	Plan func(args []Argument) (Call, error)
}

// Call is a call of a table function with known arguments.
type Call struct {
	Schema *arrow.Schema // declared types, as [Relation] has them
	// Run makes the rows when the statement runs, once however often the statement names the same call. Plain EXPLAIN does
	// not run it. Its errors fail the query and are faults.
	Run func(ctx context.Context, during telemetry.Range) (*Rows, error)
}

// Rows are what a call returns. Either Files or Reader holds them; neither means no rows.
type Rows struct {
	Files []string // absolute paths of Parquet files, held until Release
	// Reader gives batches with the columns of the call's schema, dictionaries allowed. It is read to its end before the
	// statement runs, except in a statement that does no more than SELECT columns FROM call: there every batch goes to
	// the caller as soon as it comes, so that long work can report as it goes. Errors are faults.
	Reader  array.RecordReader
	OrderBy string // SQL order that reading Files keeps; "" means none
	Release func() // called once when the query has ended; nil means nothing to do
}

func (r *Rows) release() {
	if r.Reader != nil {
		r.Reader.Release()
	}
	if r.Release != nil {
		r.Release()
	}
}

// plannedCall is a call of a table function in a statement.
type plannedCall struct {
	function *TableFunction
	args     []Argument
	text     string // function and values, which tells calls apart
	pos      int    // byte offset of the first mention in the user's text
	call     Call
}

// tableFunction replaces a call of a function of ours, when its arguments are constants, by the name of its relation.
func (r *rewriter) tableFunction(i int, f *TableFunction) (int, error) {
	closing, ok := r.call(i)
	if !ok {
		return i, nil
	}
	args, err := r.constants(f.Name, i+1)
	if err != nil {
		return i, err
	}
	texts := make([]string, len(args))
	for a := range args {
		texts[a] = args[a].key()
	}
	c := &plannedCall{function: f, args: args, text: f.Name + "(" + strings.Join(texts, ", ") + ")", pos: r.tokens[i].pos}
	// The engine folds names, so that calls which differ in letter case only need different ones.
	name := lower(c.text)
	for n := 2; r.calls[name] != nil && r.calls[name].text != c.text; n++ {
		name = fmt.Sprintf("%s #%d", lower(c.text), n)
	}
	if r.calls[name] == nil {
		r.calls[name] = c
	}
	r.replace(i, closing, quoteName(name))
	return closing, nil
}

// planCall asks the function for the columns of a call.
func (p *plan) planCall(name string, c *plannedCall) error {
	if slices.ContainsFunc(c.args, func(a Argument) bool { return a.Value == unbound{} }) {
		if c.function.Columns == nil {
			return &SQLError{Fault: errConstant, Pos: c.pos}
		}
		c.call = Call{Schema: c.function.Columns, Run: func(context.Context, telemetry.Range) (*Rows, error) { return &Rows{}, nil }} // no rows of values, nothing to run
		p.calls = append(p.calls, planCall{name: name, plannedCall: c})
		return nil
	}
	call, err := c.function.Plan(c.args)
	if err != nil {
		if _, ok := err.(*SQLError); ok { //nolint:errorlint // nothing wraps it on the way
			return err
		}
		f := fault.Of(err)
		if f == nil {
			f = fault.Wrap(fault.Internal, c.function.Name+" could not be planned", err)
		}
		return &SQLError{Fault: f, Pos: c.pos}
	}
	c.call = call
	p.calls = append(p.calls, planCall{name: name, plannedCall: c})
	return nil
}

// planCall is a call with the name that the rewritten statement has for it.
type planCall struct {
	name   string
	static bool // a static table: it costs nothing to look at, also for EXPLAIN
	*plannedCall
}

// run makes the rows of all calls of the plan. What it returns must be released, also after an error.
func (p *plan) run(ctx context.Context, during telemetry.Range) (made []*Rows, err error) {
	for _, c := range p.calls {
		rows := &Rows{}
		if p.stmt.kind != kindExplain || c.static {
			if rows, err = c.call.Run(ctx, during); err != nil {
				return made, &SQLError{Fault: fault.Of(runFault(ctx, c.function.Name, err)), Pos: c.pos}
			}
		}
		made = append(made, rows)
	}
	return made, nil
}

// runFault classifies an error of a function's.
func runFault(ctx context.Context, name string, err error) error {
	switch {
	case fault.Of(err) != nil:
		return err
	case ctx.Err() != nil:
		if cause := fault.Of(context.Cause(ctx)); cause != nil {
			return cause
		}
		return fault.Wrap(fault.Canceled, "the query was cancelled", err)
	}
	return fault.Wrap(fault.Internal, name+" failed", err)
}

// relation returns what the engine reads for a call. A reader is read to its end.
func (c *planCall) relation(ctx context.Context, rows *Rows) (Relation, error) {
	r := Relation{Name: c.name, Schema: c.call.Schema, Files: rows.Files, OrderBy: rows.OrderBy}
	if rows.Reader == nil {
		return r, nil
	}
	for rows.Reader.Next() {
		batch := rows.Reader.RecordBatch()
		if batch.NumRows() > 0 {
			batch.Retain()
			r.Batches = append(r.Batches, batch)
		}
	}
	if err := rows.Reader.Err(); err != nil {
		return r, &SQLError{Fault: fault.Of(runFault(ctx, c.function.Name, err)), Pos: c.pos}
	}
	return r, nil
}

// direct returns which columns of the plan's only call the statement selects when it does no more than that; nil when it
// does, or when the engine has to read the rows.
func (p *plan) direct() []int {
	if bound := p.stmt.bound.batch; bound != nil && bound.NumRows() > 1 {
		return nil // the rows are wanted several times
	}
	if len(p.calls) != 1 || len(p.scans)+len(p.ours) > 0 || p.stmt.kind != kindQuery || p.tree.text("type") != "SELECT_NODE" {
		return nil
	}
	t := p.tree
	from := t.child("from_table")
	if from.text("type") != "BASE_TABLE" || lower(from.text("table_name")) != p.calls[0].name || has(from, "sample") && from["sample"] != nil ||
		len(from.texts("column_name_alias")) > 0 {
		return nil
	}
	for _, key := range []string{"where_clause", "having", "qualify", "sample"} {
		if t[key] != nil {
			return nil
		}
	}
	if len(t.list("modifiers"))+len(t.list("group_expressions"))+len(t.child("cte_map").list("map")) > 0 {
		return nil
	}
	schema := p.calls[0].call.Schema
	var columns []int
	for _, e := range t.list("select_list") {
		e := asNode(e)
		names := e.texts("column_names")
		if e.text("class") != "COLUMN_REF" || len(names) == 0 {
			if e.text("class") == "STAR" && len(t.list("select_list")) == 1 && plainStar(e) {
				for c := range schema.NumFields() {
					columns = append(columns, c)
				}
				return columns
			}
			return nil
		}
		at := schema.FieldIndices(lower(names[len(names)-1]))
		if len(at) != 1 {
			return nil
		}
		columns = append(columns, at[0])
	}
	return columns
}

// plainStar reports whether a star has nothing to leave out or replace.
func plainStar(n node) bool {
	for _, key := range []string{"exclude_list", "replace_list", "qualified_exclude_list", "rename_list"} {
		if len(n.list(key)) > 0 {
			return false
		}
	}
	return n["expr"] == nil && n["columns"] != true
}

// projected reads some columns of another reader.
type projected struct {
	array.RecordReader
	columns []int
	schema  *arrow.Schema
	batch   arrow.RecordBatch
}

func project(r array.RecordReader, columns []int) *projected {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = r.Schema().Field(c)
	}
	r.Retain()
	return &projected{RecordReader: r, columns: columns, schema: arrow.NewSchema(fields, nil)}
}

func (p *projected) Schema() *arrow.Schema { return p.schema }

func (p *projected) Next() bool {
	p.drop()
	if !p.RecordReader.Next() {
		return false
	}
	batch := p.RecordReader.RecordBatch()
	columns := make([]arrow.Array, len(p.columns))
	for i, c := range p.columns {
		columns[i] = batch.Column(c)
	}
	p.batch = array.NewRecordBatch(p.schema, columns, batch.NumRows())
	return true
}

func (p *projected) RecordBatch() arrow.RecordBatch { return p.batch }

func (p *projected) Record() arrow.RecordBatch { return p.batch }

func (p *projected) drop() {
	if p.batch != nil {
		p.batch.Release()
		p.batch = nil
	}
}

func (p *projected) Release() {
	p.drop()
	p.RecordReader.Release()
}
