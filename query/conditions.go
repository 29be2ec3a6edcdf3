package query

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// later is how much later than here the engine may find that it is now.
const later = time.Hour

// wanted is what the conditions of a statement leave of a relation. It never leaves out a row that the statement would
// see; the engine applies the conditions themselves.
type wanted struct {
	during telemetry.Range
	only   lake.Only
}

// narrow finds what every mention of each scan asks for: comparisons with constants that stand, joined by AND, in the
// WHERE of the SELECT whose FROM names the relation. What a WHERE refuses is gone in every kind of join.
func (p *plan) narrow(now time.Time) map[string]wanted {
	n := narrowing{plan: p, now: telemetry.TimeOf(now), found: map[string][]wanted{}, mentions: map[string]int{}, hidden: map[string]bool{}}
	n.walk(map[string]any(p.tree))
	out := map[string]wanted{}
	for name, found := range n.found {
		if n.hidden[name] || n.mentions[name] != len(found) {
			continue
		}
		w := found[0]
		for _, other := range found[1:] {
			w = w.union(other)
		}
		out[name] = w
	}
	return out
}

type narrowing struct {
	plan     *plan
	now      telemetry.Time
	found    map[string][]wanted // by relation, of each SELECT that names it
	mentions map[string]int
	hidden   map[string]bool // names that WITH gives to something else
}

func (n *narrowing) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n.walk(e)
		}
	case map[string]any:
		t := node(v)
		switch t.text("type") {
		case "SELECT_NODE":
			n.selection(t)
		case "BASE_TABLE":
			n.mentions[lower(t.text("table_name"))]++
		}
		for _, entry := range t.child("cte_map").list("map") {
			n.hidden[lower(asNode(entry).text("key"))] = true
		}
		for _, e := range v {
			n.walk(e)
		}
	}
}

// selection collects what one SELECT asks of the relations in its FROM.
func (n *narrowing) selection(t node) {
	var tables []node
	flatten(t.child("from_table"), &tables)
	for _, table := range tables {
		name := lower(table.text("table_name"))
		if table.text("type") != "BASE_TABLE" {
			continue
		}
		for _, scan := range n.plan.scans {
			if scan.name != name || len(table.texts("column_name_alias")) > 0 {
				continue
			}
			alias := lower(table.text("alias"))
			if alias == "" {
				alias = name
			}
			var w wanted
			n.condition(&w, t.child("where_clause"), scan, alias, len(tables) == 1)
			n.found[name] = append(n.found[name], w)
		}
	}
}

// flatten returns the tables that a FROM clause joins.
func flatten(t node, into *[]node) {
	if t.text("type") == "JOIN" {
		flatten(t.child("left"), into)
		flatten(t.child("right"), into)
		return
	}
	*into = append(*into, t)
}

func (n *narrowing) condition(w *wanted, c node, scan planScan, alias string, alone bool) {
	column := func(e node) string {
		names := e.texts("column_names")
		switch {
		case e.text("class") != "COLUMN_REF" || len(names) == 0 || len(names) > 2,
			len(names) == 2 && lower(names[0]) != alias, len(names) == 1 && !alone:
			return ""
		}
		return lower(names[len(names)-1])
	}
	switch c.text("class") {
	case "CONJUNCTION":
		if c.text("type") == "CONJUNCTION_AND" {
			for _, e := range c.list("children") {
				n.condition(w, asNode(e), scan, alias, alone)
			}
		}
	case "BETWEEN":
		if c.text("type") == "COMPARE_BETWEEN" {
			name := column(c.child("input"))
			n.compare(w, scan, name, "COMPARE_GREATERTHANOREQUALTO", c.child("lower"))
			n.compare(w, scan, name, "COMPARE_LESSTHANOREQUALTO", c.child("upper"))
		}
	case "COMPARISON":
		if name := column(c.child("left")); name != "" {
			n.compare(w, scan, name, c.text("type"), c.child("right"))
		} else if name := column(c.child("right")); name != "" {
			n.compare(w, scan, name, mirrored[c.text("type")], c.child("left"))
		}
	}
}

// mirrored are comparisons seen from the other side.
var mirrored = map[string]string{
	"COMPARE_EQUAL":                "COMPARE_EQUAL",
	"COMPARE_LESSTHAN":             "COMPARE_GREATERTHAN",
	"COMPARE_GREATERTHAN":          "COMPARE_LESSTHAN",
	"COMPARE_LESSTHANOREQUALTO":    "COMPARE_GREATERTHANOREQUALTO",
	"COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}

func (n *narrowing) compare(w *wanted, scan planScan, column, operator string, value node) {
	if operator == "COMPARE_EQUAL" {
		if text, ok := constantText(value); ok {
			switch column {
			case "process_id":
				w.only.Process = text
			case "stream_id":
				w.only.Stream = text
			case "block_id":
				w.only.Block = text
			}
		}
	}
	if column == "" {
		return
	}
	begins, ends := lake.TimeColumns(scan.view) // a condition on them leaves out what need not be read, as the request's range does
	at, moving, ok := n.timeOf(value, 0)
	if !ok {
		return
	}
	equal := operator == "COMPARE_EQUAL"
	if column == ends && (equal || strings.HasPrefix(operator, "COMPARE_GREATERTHAN")) {
		if w.during.Begin == nil || *w.during.Begin < at {
			w.during.Begin = &at
		}
	}
	if column == begins && (equal || strings.HasPrefix(operator, "COMPARE_LESSTHAN")) {
		end := at
		if moving {
			end = min(end, math.MaxInt64-telemetry.Time(later)) + telemetry.Time(later)
		}
		if w.during.End == nil || *w.during.End > end {
			w.during.End = &end
		}
	}
}

// timeOf evaluates a constant time. moving says that it depends on now.
func (n *narrowing) timeOf(e node, depth int) (at telemetry.Time, moving, ok bool) {
	if depth > 8 {
		return 0, false, false
	}
	switch e.text("class") {
	case "CONSTANT":
		text, ok := constantText(e)
		if !ok {
			return 0, false, false
		}
		at, ok = parseTime(text)
		return at, false, ok
	case "CAST":
		if id := e.child("cast_type").text("id"); id == "TIMESTAMP_NS" || id == "TIMESTAMP" {
			return n.timeOf(e.child("child"), depth+1)
		}
	case "FUNCTION":
		args := e.list("children")
		switch name := e.text("function_name"); {
		case name == "now" && len(args) == 0:
			return n.now, true, true
		case (name == "-" || name == "+") && len(args) == 2:
			base, moving, ok := n.timeOf(asNode(args[0]), depth+1)
			d, isInterval := intervalOf(asNode(args[1]))
			if !ok || !isInterval {
				return 0, false, false
			}
			if name == "-" {
				d = d.negative()
			}
			sum, ok := d.addTo(base)
			if !ok {
				return 0, false, false
			}
			return sum.(telemetry.Time), moving, true
		}
	}
	return 0, false, false
}

// constantText returns the value of a text constant.
func constantText(e node) (string, bool) {
	if e.text("class") != "CONSTANT" {
		return "", false
	}
	v := e.child("value")
	if v.child("type").text("id") != "VARCHAR" || v.bool("is_null") {
		return "", false
	}
	text, ok := v["value"].(string)
	return text, ok
}

// intervalOf evaluates CAST('1 hour' AS INTERVAL) and to_hours(CAST(trunc(CAST('1' AS DOUBLE)) AS INTEGER)), which is
// how the engine parses INTERVAL '1 hour' and INTERVAL '1' HOUR.
func intervalOf(e node) (constantInterval, bool) {
	if e.text("class") == "CAST" && e.child("cast_type").text("id") == "INTERVAL" {
		if text, ok := constantText(e.child("child")); ok {
			return parseInterval(text)
		}
	}
	unit, ok := strings.CutPrefix(e.text("function_name"), "to_")
	if args := e.list("children"); ok && len(args) == 1 {
		if number, ok := wholeNumber(asNode(args[0]), 0); ok {
			return parseInterval(number + " " + unit)
		}
	}
	return constantInterval{}, false
}

func wholeNumber(e node, depth int) (string, bool) {
	switch {
	case depth > 4:
	case e.text("class") == "CAST":
		return wholeNumber(e.child("child"), depth+1)
	case e.text("function_name") == "trunc" && len(e.list("children")) == 1:
		return wholeNumber(asNode(e.list("children")[0]), depth+1)
	case e.text("class") == "CONSTANT":
		if text, ok := constantText(e); ok {
			return text, true
		}
		if number, ok := e.child("value")["value"].(json.Number); ok {
			return number.String(), true
		}
	}
	return "", false
}

// union is what at least one of the two wants.
func (w wanted) union(o wanted) wanted {
	var out wanted
	if w.during.Begin != nil && o.during.Begin != nil {
		begin := min(*w.during.Begin, *o.during.Begin)
		out.during.Begin = &begin
	}
	if w.during.End != nil && o.during.End != nil {
		end := max(*w.during.End, *o.during.End)
		out.during.End = &end
	}
	same := func(a, b string) string {
		if a == b {
			return a
		}
		return ""
	}
	out.only = lake.Only{
		Process: same(w.only.Process, o.only.Process),
		Stream:  same(w.only.Stream, o.only.Stream),
		Block:   same(w.only.Block, o.only.Block),
	}
	return out
}

// intersect is what both ranges contain.
func intersect(a, b telemetry.Range) telemetry.Range {
	if a.Begin == nil || b.Begin != nil && *b.Begin > *a.Begin {
		a.Begin = b.Begin
	}
	if a.End == nil || b.End != nil && *b.End < *a.End {
		a.End = b.End
	}
	return a
}
