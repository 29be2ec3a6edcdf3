package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// explainedPlan is an operator of the engine's plan; EXPLAIN and EXPLAIN ANALYZE name things differently.
type explainedPlan struct {
	Name         string          `json:"name"`
	OperatorName string          `json:"operator_name"`
	Timing       float64         `json:"operator_timing"`
	Rows         *int64          `json:"operator_cardinality"`
	Extra        map[string]any  `json:"extra_info"`
	Children     []explainedPlan `json:"children"`
}

// explained makes the answer of an EXPLAIN of the engine's. Files of the lake are not shown to callers.
func (p *plan) explained(rows array.RecordReader, in *input) (Result, error) {
	var b strings.Builder
	for rows.Next() {
		column, ok := rows.RecordBatch().Column(int(rows.RecordBatch().NumCols()) - 1).(*array.String)
		if !ok {
			return nil, fault.New(fault.Internal, "the plan could not be read")
		}
		for i := range column.Len() {
			b.WriteString(column.Value(i)) // a copy: the column's memory is the engine's
		}
	}
	if err := rows.Err(); err != nil {
		return nil, p.located(err)
	}
	text := b.String()
	b.Reset()
	var operators []explainedPlan
	if err := json.Unmarshal([]byte(text), &operators); err != nil {
		var one explainedPlan
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			return nil, fault.Wrap(fault.Internal, "the plan could not be read", err)
		}
		operators = one.Children
	}
	for _, o := range operators {
		o.write(&b, 0)
	}
	kind := "physical_plan"
	if p.stmt.kind == kindAnalyze {
		kind = "Plan with Metrics"
	}
	schema, batch := textBatch([]string{"plan_type", "plan"}, [][]string{{kind, b.String()}, {"files", in.described()}})
	defer batch.Release()
	return array.NewRecordReader(schema, []arrow.RecordBatch{batch})
}

// write writes the operator and what it reads from, indented.
func (o explainedPlan) write(b *strings.Builder, depth int) {
	name := strings.TrimSpace(o.Name + o.OperatorName)
	if name == "EXPLAIN_ANALYZE" && len(o.Children) > 0 {
		for _, c := range o.Children {
			c.write(b, depth)
		}
		return
	}
	fmt.Fprintf(b, "%*s%s", 2*depth, "", name)
	if o.Rows != nil {
		fmt.Fprintf(b, " (%d rows, %.6f s)", *o.Rows, o.Timing)
	}
	keys := make([]string, 0, len(o.Extra))
	for k := range o.Extra {
		if !strings.HasPrefix(k, "Filename") && !strings.HasPrefix(k, "__") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		value := fmt.Sprint(o.Extra[k])
		if list, ok := o.Extra[k].([]any); ok {
			value = strings.Trim(fmt.Sprint(list), "[]")
		}
		if value != "" {
			fmt.Fprintf(b, ", %s: %s", k, strings.ReplaceAll(value, "\n", " "))
		}
	}
	b.WriteString("\n")
	for _, c := range o.Children {
		c.write(b, depth+1)
	}
}

// described says for every relation how many files the engine may open and how large they are: what conditions on time,
// process, stream and block and the range of the request have left of it.
func (in *input) described() string {
	var b strings.Builder
	for _, r := range in.opened {
		fmt.Fprintf(&b, "%s: %d files, %d bytes", r.name, r.files, r.bytes)
		if r.filter != "" {
			fmt.Fprintf(&b, ", where %s", r.filter)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
