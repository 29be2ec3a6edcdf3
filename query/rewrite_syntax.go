package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// symbol rewrites operators: ~ finds a regular expression anywhere in a text, where the engine's wants the whole text to
// match, and ~* ignores case.
func (r *rewriter) symbol(i int) (int, error) {
	if !r.is(i, "~") || r.touches(i-1, i) && (r.is(i-1, "~") || r.is(i-1, "*")) || r.touches(i, i+1) && r.is(i+1, "~") {
		return i, nil
	}
	first, last, flags := i, i, "s"
	if r.touches(i-1, i) && r.is(i-1, "!") {
		first = i - 1
	}
	if r.touches(i, i+1) && r.is(i+1, "*") {
		last, flags = i+1, "si"
	}
	if first == 0 || r.opensOperand(first-1) {
		return i, nil // ~x, which turns bits around
	}
	pattern, ok := r.literal(last + 1)
	if !ok {
		return i, invalidAt(r.tokens[first].pos, "behind ~ a constant text must follow; regexp_like takes any")
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return i, invalidAt(r.tokens[last+1].pos, fmt.Sprintf("this is not a regular expression: %v", err))
	}
	inner := "(?:" + pattern + ")"
	if flags == "si" {
		inner = "(?i:" + pattern + ")"
	}
	operator := "~"
	if first < i {
		operator = "!~"
	}
	r.replace(first, last+1, operator+" "+quoteLiteral("(?s:.*)"+inner+"(?s:.*)"))
	return last + 1, nil
}

// touches reports whether nothing stands between tokens i and j.
func (r *rewriter) touches(i, j int) bool {
	return i >= 0 && j < len(r.tokens) && r.tokens[i].end == r.tokens[j].pos
}

func quoteLiteral(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// bytes makes a blob of x'6162', which the engine takes for a text.
func (r *rewriter) bytes(i int) {
	text := r.text(i)
	if text[0] != 'x' && text[0] != 'X' {
		return
	}
	var b strings.Builder
	digits := strings.Trim(text[1:], "'")
	if len(digits)%2 != 0 || strings.Trim(lower(digits), "0123456789abcdef") != "" {
		return // the engine refuses it
	}
	for n := 0; n < len(digits); n += 2 {
		b.WriteString(`\x` + digits[n:n+2])
	}
	r.replace(i, i, "'"+b.String()+"'::BLOB")
}

// nanoseconds makes a number of an interval that the engine cannot hold, where it is added to a time or taken away; it
// returns the last token, or i.
func (r *rewriter) nanoseconds(i int) int {
	ns, last, ok := r.finerThanMicroseconds(i)
	if !ok || !r.is(i-1, "+") && !r.is(i-1, "-") {
		return i
	}
	r.replace(i, last, strconv.FormatInt(ns, 10)+"::BIGINT")
	return last
}

// finerThanMicroseconds reads INTERVAL '…' at token i when its length is no whole number of microseconds.
func (r *rewriter) finerThanMicroseconds(i int) (ns int64, last int, ok bool) {
	last = i
	if r.word(i) == "interval" {
		last = i + 1
	}
	text, literal := r.literal(last)
	if unit := r.word(last + 1); last > i && (unit == "nanosecond" || unit == "nanoseconds") {
		last++
		text += " " + unit
	}
	d, parsed := parseInterval(text)
	if !literal || !parsed || d.months != 0 || d.days != 0 || d.rest%1000 == 0 {
		return 0, last, false
	}
	return int64(d.rest), last, true
}

// nullTreatment moves IGNORE NULLS and RESPECT NULLS from behind the call of a window function to the end of its arguments.
func (r *rewriter) nullTreatment(i int) {
	if !r.is(i-1, ")") || r.word(i+1) != "nulls" || r.word(i+2) != "over" {
		return
	}
	r.before(i-1, " "+r.word(i)+" nulls")
	r.replace(i, i+1, "")
	r.done[i+1] = true
}

// dateBin takes bins of nanoseconds to a function of its own.
func (r *rewriter) dateBin(i, _ int) (bool, error) {
	commas := r.commas(i + 1)
	ns, last, ok := r.finerThanMicroseconds(i + 2)
	if !ok || len(commas) == 0 || commas[0] != last+1 {
		return false, nil
	}
	r.replace(i, i, "date_bin_nanos")
	r.replace(i+2, last, strconv.FormatInt(ns, 10)+"::BIGINT")
	for t := i + 2; t <= last; t++ {
		r.done[t] = true
	}
	return true, nil
}

// values names the columns of VALUES in a FROM clause column1, column2 and so on.
func (r *rewriter) values(i int) {
	open := r.opening[i]
	if open < 1 || open != i-1 || !r.is(i+1, "(") || r.closing[open] == 0 || r.closing[i+1] == 0 {
		return
	}
	switch {
	case r.word(open-1) == "from", r.word(open-1) == "join":
	case r.is(open-1, ",") && r.clauses[open] == "from":
	default:
		return
	}
	names := make([]string, len(r.commas(i+1))+1)
	for n := range names {
		names[n] = "column" + strconv.Itoa(n+1)
	}
	r.alias(r.closing[open], "values", names)
}

// series calls the column of generate_series and range in a FROM clause value, unless the statement knows it by the
// engine's name, which is the function's.
func (r *rewriter) series(i, closing int) {
	if r.seriesColumn(r.word(i)) {
		return
	}
	if r.word(i-1) == "from" || r.word(i-1) == "join" || r.is(i-1, ",") && r.clauses[i] == "from" {
		r.alias(closing, r.word(i)+"()", []string{"value"})
	}
}

// seriesColumn reports whether the statement names a column as the engine does. It looks through the statement once a name:
// a statement can hold thousands of such calls.
func (r *rewriter) seriesColumn(name string) bool {
	if known, ok := r.columns[name]; ok {
		return known
	}
	found := false
	for j := range r.tokens {
		if r.word(j) == name && !r.is(j+1, "(") && r.word(j+1) != "between" && r.word(j+1) != "unbounded" && r.word(j+1) != "current" {
			found = true
			break
		}
	}
	if r.columns == nil {
		r.columns = map[string]bool{}
	}
	r.columns[name] = found
	return found
}

// afterTable are the words that can follow a table without an alias.
var afterTable = setOf("where", "group", "order", "having", "limit", "offset", "union", "intersect", "except", "join", "left", "right",
	"inner", "outer", "full", "cross", "natural", "on", "using", "qualify", "window", "asof", "semi", "anti", "positional", "lateral", "fetch")

// alias gives names to the columns of the table that token end ends, unless the statement does.
func (r *rewriter) alias(end int, table string, columns []string) {
	list := "(" + strings.Join(columns, ", ") + ")"
	next := end + 1
	if r.word(next) == "as" {
		next++
	}
	if name, ok := r.name(next); !ok || next == end+1 && r.tokens[next].kind == tokenWord && afterTable[name] {
		r.after(end, " AS "+quoteName(table)+list)
		return
	}
	if !r.is(next+1, "(") {
		r.after(next, list)
	}
}

// structure makes struct_pack of named_struct('a', x, 'b', y) and of struct(x, y), whose fields are c0, c1 and so on.
func (r *rewriter) structure(i, closing int, name string) (bool, error) {
	if r.typePosition(i) {
		return false, nil
	}
	if closing == i+2 {
		return false, invalidAt(r.tokens[i].pos, name+" wants arguments")
	}
	begins := []int{i + 2}
	for _, comma := range r.commas(i + 1) {
		begins = append(begins, comma+1)
	}
	r.replace(i, i, "struct_pack")
	if name == "struct" {
		for n, begin := range begins {
			r.before(begin, fmt.Sprintf("c%d := ", n))
		}
		return true, nil
	}
	if len(begins)%2 != 0 {
		return false, invalidAt(r.tokens[i].pos, "named_struct wants pairs of a name and a value")
	}
	for n := 0; n < len(begins); n += 2 {
		field, ok := r.literal(begins[n])
		if !ok || begins[n+1] != begins[n]+2 {
			return false, invalidAt(r.tokens[begins[n]].pos, "named_struct wants constant texts as names")
		}
		r.replace(begins[n], begins[n]+1, quoteName(field)+" := ")
	}
	return true, nil
}

// nthValue makes a list and takes an element, because the engine's nth_value wants a window.
func (r *rewriter) nthValue(i, closing int) (bool, error) {
	commas := r.commas(i + 1)
	if r.windowed(closing) || len(commas) == 0 || r.tokens[commas[0]+1].kind != tokenNumber {
		return false, nil
	}
	end := closing
	if r.word(closing+1) == "filter" && r.is(closing+2, "(") && r.closing[closing+2] > 0 {
		end = r.closing[closing+2]
	}
	n := r.text(commas[0] + 1)
	r.replace(i, i, "list_extract(list")
	r.replace(commas[0], commas[0]+1, "")
	r.after(end, ", "+n+")")
	return true, nil
}
