package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// trait is what the statement says about a column of its answer and the engine does not: the engine knows no
// dictionaries, no zone of a time, no nullability, no durations. The zero trait says nothing.
type trait struct {
	name     string         // the name for clients; "" keeps the engine's
	table    string         // the table that a column is of; "" for what is computed
	declared arrow.DataType // the type for clients; nil follows from the engine's
	notNull  bool
	integer  bool // made of integer literals: 64 bits wide
	constant bool // made of literals alone
	inexact  bool // may be a decimal or an interval, which the engine divides by zero without an error
}

// merge is what holds for a column that has its values from either. NULL takes the type of the other.
func (t trait) merge(o trait) trait {
	out := trait{
		name: t.name, notNull: t.notNull && o.notNull, integer: t.integer || o.integer, constant: t.constant && o.constant,
		inexact: t.inexact || o.inexact,
	}
	switch {
	case t.declared == nil || o.declared == nil:
		if t.declared == arrow.Null || o.declared == arrow.Null {
			out.declared = nil
		}
	case t.declared == arrow.Null:
		out.declared = o.declared
	case o.declared == arrow.Null, arrow.TypeEqual(t.declared, o.declared):
		out.declared = t.declared
	case isTime(t.declared) && isTime(o.declared):
		out.declared = timeType
	}
	return out
}

// hints are what the types of a statement's columns say about its text. A statement for which there are some is rewritten
// once more with them. Keys are positions in the user's text.
type hints struct {
	typeofs  map[int]typeName // of an arrow_typeof: the answer
	timeText map[int]bool     // of a cast of a time to a text: whether the time has a zone
	spans    map[int]bool     // of the literal of an interval that is compared with a duration
}

// typeName is the text of a type.
type typeName struct {
	text     string
	constant bool // of a value that is made of literals
}

func newHints() *hints {
	return &hints{typeofs: map[int]typeName{}, timeText: map[int]bool{}, spans: map[int]bool{}}
}

func (h *hints) empty() bool { return len(h.typeofs)+len(h.timeText)+len(h.spans) == 0 }

// source is a table of a FROM clause.
type source struct {
	alias   string
	columns []trait  // with names
	unknown bool     // the columns are not known
	hidden  []string // columns of USING, which * shows only once
}

// inference follows the columns of a query through its parse tree. Where it does not know, it says nothing; a wrong
// statement does not matter, because the engine has refused it.
type inference struct {
	tables map[string]*arrow.Schema // by relation name
	depth  int

	derived map[string][]trait // by relation name; nil when the columns are not known

	text  rewritten
	stmt  *statement
	token map[int]int // index of the user's tokens by position

	typed map[int]arrow.DataType // by the user's position of a cast, its type where the engine's says less
	hints *hints
	known *hints // that the text was rewritten with

	numbered []string // see plan

	unresolved int // columns that were not found: of a query around this one, or of a table that is not known
}

// maxInference bounds the recursion; what lies deeper is not known.
const maxInference = 200

// infer finds the traits of the answer's columns.
func (p *plan) infer() *inference {
	in := &inference{tables: map[string]*arrow.Schema{}, derived: map[string][]trait{}, text: p.text, stmt: p.stmt, typed: p.typed, hints: newHints(), known: p.hints, numbered: p.numbered}
	in.token = make(map[int]int, len(p.stmt.tokens))
	for i, t := range p.stmt.tokens {
		in.token[t.pos] = i
	}
	for _, s := range p.scans {
		in.tables[s.name] = s.schema
	}
	for _, r := range p.ours {
		in.tables[r.Name] = r.Schema
	}
	for _, c := range p.calls {
		in.tables[c.name] = c.call.Schema
	}
	for _, d := range p.derived {
		in.derived[d.name] = d.traits
	}
	p.traits, _ = in.query(p.tree, nil)
	return in
}

// ctes are the tables that WITH has defined, innermost first.
type ctes []source

func (in *inference) query(n node, with ctes) (columns []trait, ok bool) {
	in.depth++
	defer func() { in.depth-- }()
	if in.depth > maxInference {
		return nil, false
	}
	for _, entry := range n.child("cte_map").list("map") {
		e := asNode(entry)
		s := source{alias: lower(e.text("key"))}
		columns, ok := in.query(e.child("value").child("query").child("node"), with)
		s.columns, s.unknown = rename(columns, e.child("value").texts("aliases")), !ok
		with = append(ctes{s}, with...)
	}
	switch n.text("type") {
	case "SELECT_NODE":
		return in.selection(n, with)
	case "SET_OPERATION_NODE":
		left, ok1 := in.query(n.child("left"), with)
		right, ok2 := in.query(n.child("right"), with)
		if !ok1 || !ok2 || len(left) != len(right) || n.text("setop_type") == "UNION_BY_NAME" {
			return nil, false
		}
		if kind := n.text("setop_type"); kind == "INTERSECT" || kind == "EXCEPT" {
			return left, true // every row is one of the left side
		}
		out := make([]trait, len(left))
		for i := range left {
			out[i] = left[i].merge(right[i])
		}
		return out, true
	}
	return nil, false
}

// kept reports whether an output is what the expression says in every group: grouping sets put NULL into columns.
func (sc *scope) kept(e node) bool {
	name := e.text("function_name")
	return !sc.grouped || name == "count" || name == "count_star" || e.text("type") == "GROUPING_FUNCTION"
}

// conditions looks at what else a query holds, for the sake of hints.
func (sc *scope) conditions(n node) {
	for _, key := range []string{"where_clause", "having", "qualify"} {
		sc.expression(n.child(key))
	}
	for _, e := range n.list("group_expressions") {
		sc.expression(asNode(e))
	}
	for _, m := range n.list("modifiers") {
		for _, o := range asNode(m).list("orders") {
			sc.expression(asNode(o).child("expression"))
		}
	}
}

func rename(columns []trait, names []string) []trait {
	out := slices.Clone(columns)
	for i, name := range names {
		if i < len(out) {
			out[i].name, out[i].table = name, ""
		}
	}
	return out
}

func (in *inference) selection(n node, with ctes) ([]trait, bool) {
	sc := &scope{inference: in, with: with, sources: in.from(n.child("from_table"), with)}
	sc.grouped = len(n.list("group_sets")) > 1
	var out []trait
	for _, e := range n.list("select_list") {
		e := asNode(e)
		if e.text("class") == "STAR" {
			columns, ok := sc.star(e)
			if !ok {
				return nil, false
			}
			out = append(out, columns...)
			continue
		}
		if alias := e.text("alias"); alias != "" {
			t := sc.expression(e)
			t.name, t.table, t.notNull = alias, "", t.notNull && sc.kept(e)
			out = append(out, t)
			continue
		}
		t := sc.expression(e)
		if _, plain := sc.find(e.texts("column_names")); !plain {
			t.name, t.table = sc.nameOf(e), ""
		}
		if t.name == "" {
			t.name = sc.parameterName(e)
		}
		t.notNull = t.notNull && sc.kept(e)
		out = append(out, t)
	}
	sc.conditions(n)
	return out, true
}

// from returns the tables of a FROM clause.
func (in *inference) from(n node, with ctes) []source {
	switch n.text("type") {
	case "EMPTY", "EMPTY_FROM":
		return nil
	case "JOIN":
		return in.join(n, with)
	}
	s := source{alias: lower(n.text("alias")), unknown: true}
	switch n.text("type") {
	case "BASE_TABLE":
		name := lower(n.text("table_name"))
		if s.alias == "" {
			s.alias = name
		}
		if i := slices.IndexFunc(with, func(c source) bool { return c.alias == name }); i >= 0 {
			s.columns, s.unknown = with[i].columns, with[i].unknown
		} else if schema := in.tables[name]; schema != nil {
			s.columns, s.unknown = declaredTraits(schema), false
		} else if traits := in.derived[name]; traits != nil {
			s.columns, s.unknown = traits, false
		}
	case "SUBQUERY":
		columns, ok := in.query(n.child("subquery").child("node"), with)
		s.columns, s.unknown = columns, !ok
	case "EXPRESSION_LIST":
		s.columns, s.unknown = in.values(n), false
	case "TABLE_FUNCTION":
		s.columns = in.series(n.child("function"))
		s.unknown = s.columns == nil
	}
	s.columns = rename(s.columns, n.texts("column_name_alias"))
	if s.alias != "" {
		s.columns = slices.Clone(s.columns)
		for i := range s.columns {
			s.columns[i].table = displayed(s.alias)
		}
	}
	return []source{s}
}

func declaredTraits(schema *arrow.Schema) []trait {
	out := make([]trait, schema.NumFields())
	for i, f := range schema.Fields() {
		out[i] = trait{name: f.Name, declared: f.Type, notNull: !f.Nullable}
	}
	return out
}

// values returns the columns of VALUES from all its rows.
func (in *inference) values(n node) []trait {
	var out []trait
	sc := &scope{inference: in}
	for r, row := range n.list("values") {
		expressions, _ := row.([]any)
		for i, e := range expressions {
			t := sc.expression(asNode(e))
			switch {
			case r == 0:
				t.name = "column" + strconv.Itoa(i+1)
				out = append(out, t)
			case i < len(out):
				out[i] = out[i].merge(t)
			}
		}
		if r == 1000 {
			break // a long list is of one kind
		}
	}
	if len(n.list("values")) > 1000 {
		for i := range out {
			out[i].notNull = false
		}
	}
	return rename(out, n.texts("expected_names"))
}

// series returns the column of range and generate_series over numbers; nil for any other function.
func (in *inference) series(call node) []trait {
	name := call.text("function_name")
	if name != "range" && name != "generate_series" {
		return nil
	}
	for _, t := range (&scope{inference: in}).expressions(call.list("children")) {
		if !t.integer {
			return nil
		}
	}
	return []trait{{name: name, declared: arrow.PrimitiveTypes.Int64, notNull: true}}
}

func (in *inference) join(n node, with ctes) []source {
	in.depth++
	defer func() { in.depth-- }()
	if in.depth > maxInference {
		return []source{{unknown: true}}
	}
	left, right := in.from(n.child("left"), with), in.from(n.child("right"), with)
	kind := n.text("join_type")
	if kind == "RIGHT" || kind == "OUTER" || kind == "FULL" {
		left = nullable(left)
	}
	if kind == "LEFT" || kind == "OUTER" || kind == "FULL" {
		right = nullable(right)
	}
	if n.text("ref_type") == "POSITIONAL" {
		left, right = nullable(left), nullable(right)
	}
	(&scope{inference: in, with: with, sources: append(slices.Clone(left), right...)}).expression(n.child("condition"))
	if kind == "SEMI" || kind == "ANTI" {
		right = nil
	}
	if n.text("ref_type") == "NATURAL" || n.text("ref_type") == "ASOF" {
		for i := range right {
			right[i].unknown = true
		}
	}
	if using := n.texts("using_columns"); len(using) > 0 {
		right = slices.Clone(right)
		for i := range right {
			right[i].hidden = append(slices.Clone(right[i].hidden), using...)
		}
		if kind == "RIGHT" || kind == "OUTER" || kind == "FULL" {
			for i := range right {
				right[i].unknown = true // the shared column is a mixture of both sides
			}
		}
	}
	return append(left, right...)
}

func nullable(sources []source) []source {
	out := slices.Clone(sources)
	for i := range out {
		out[i].columns = slices.Clone(out[i].columns)
		for c := range out[i].columns {
			out[i].columns[c].notNull = false
		}
	}
	return out
}

// scope resolves the expressions of one SELECT.
type scope struct {
	*inference
	with    ctes
	sources []source
	grouped bool // by grouping sets, which add NULL
}

// star expands * and alias.*.
func (sc *scope) star(n node) ([]trait, bool) {
	for _, key := range []string{"replace_list", "rename_list", "qualified_exclude_list"} {
		if len(n.list(key)) > 0 {
			return nil, false
		}
	}
	if n.bool("columns") || n["expr"] != nil {
		return nil, false
	}
	var exclude []string
	for _, e := range n.list("exclude_list") {
		name, ok := e.(string)
		if !ok {
			return nil, false
		}
		exclude = append(exclude, lower(name))
	}
	table := lower(n.text("relation_name"))
	var out []trait
	found := false
	for _, s := range sc.sources {
		if table != "" && s.alias != table {
			continue
		}
		if s.unknown {
			return nil, false
		}
		found = true
		for _, c := range s.columns {
			hidden := table == "" && slices.Contains(s.hidden, c.name)
			if !hidden && !slices.Contains(exclude, lower(c.name)) {
				out = append(out, c)
			}
		}
	}
	return out, found
}

// displayed is the name of a table in the names of columns: a call of a function shows without its arguments.
func displayed(table string) string {
	if name, _, ok := strings.Cut(table, "("); ok {
		return name + "()"
	}
	return table
}

// find returns the column that names mean.
func (sc *scope) find(names []string) (trait, bool) {
	if len(names) == 0 || len(names) > 2 {
		return trait{}, false
	}
	for _, s := range sc.sources {
		if len(names) == 2 && s.alias != lower(names[0]) {
			continue
		}
		for _, c := range s.columns {
			if strings.EqualFold(c.name, names[len(names)-1]) {
				return c, true
			}
		}
	}
	sc.unresolved++
	return trait{}, false
}

// parameterName names an unaliased parameter, with or without the cast that gives it its type.
func (in *inference) parameterName(n node) string {
	if n.text("class") == "CAST" {
		n = n.child("child")
	}
	if n.text("class") != "PARAMETER" {
		return ""
	}
	name := n.text("identifier")
	if i, err := strconv.Atoi(name); err == nil && i >= 1 && i <= len(in.numbered) {
		name = in.numbered[i-1]
	}
	return "$" + name
}
