package query

import "strings"

// expansions are table functions whose argument is a value of the engine's, computed or from a subquery. A call becomes
// a subquery over a function that makes a list of rows of one value.
var expansions = map[string]struct{ list, columns string }{
	"jsonb_each":           {"jsonb_each_rows", "e.key AS key, e.value AS value"},
	"jsonb_array_elements": {"jsonb_array_elements_rows", "e AS value"},
	"expand_histogram":     {"histogram_rows", "expanded_center(e) AS bin_center, expanded_count(e) AS count"},
}

// expansion replaces f(x) by
//
//	(SELECT columns FROM (SELECT unnest(list(x)) AS e))
//
// and f((SELECT …)) by
//
//	(WITH f_subquery(x) AS NOT MATERIALIZED (SELECT …) SELECT columns FROM (
//		SELECT unnest(list(x)) AS e FROM f_subquery
//		UNION ALL SELECT unnest(CASE WHEN EXISTS (FROM f_subquery) THEN list(NULL) ELSE error('…') END)))
//
// so that the rows of a subquery are expanded one after the other as they come. Subqueries without rows are errors.
func (r *rewriter) expansion(i int, name string) error {
	closing, ok := r.call(i)
	e := expansions[name]
	if !ok || e.list == "" {
		return nil
	}
	if closing == i+2 || len(r.commas(i+1)) > 0 {
		return invalidAt(r.tokens[i].pos, name+" wants one argument: a value, or a subquery in its own parentheses")
	}
	if !r.subquery(i + 2) {
		r.replace(i, i+1, "(SELECT "+e.columns+" FROM (SELECT unnest("+e.list+"(")
		r.replace(closing, closing, ")) AS e))")
		return nil
	}
	if inner := r.closing[i+2]; inner != closing-1 {
		return invalidAt(r.tokens[inner+1].pos, name+" wants a subquery in its own parentheses and nothing else")
	}
	table := name + "_subquery"
	r.replace(i, i+1, "(WITH "+table+"(x) AS NOT MATERIALIZED ")
	r.replace(closing, closing, strings.Join([]string{
		" SELECT ", e.columns, " FROM (SELECT unnest(", e.list, "(x)) AS e FROM ", table,
		" UNION ALL SELECT unnest(CASE WHEN EXISTS (FROM ", table, ") THEN ", e.list, "(NULL) ELSE error('", name,
		" subquery returned no rows') END)))",
	}, ""))
	return nil
}

// subquery reports whether token i opens the parentheses of a subquery.
func (r *rewriter) subquery(i int) bool {
	for r.is(i, "(") {
		i++
	}
	switch r.word(i) {
	case "select", "with", "from", "values", "table":
		return r.is(i-1, "(")
	}
	return false
}

// histogram gives make_histogram with literal bounds a histogram for no rows: the aggregate alone does not see its
// arguments then, and is NULL.
func (r *rewriter) histogram(i, closing int) {
	commas := r.commas(i + 1)
	if len(commas) != 3 {
		return
	}
	begin := i + 2
	for _, end := range commas {
		if r.is(begin, "-") || r.is(begin, "+") {
			begin++
		}
		if end != begin+1 || r.tokens[begin].kind != tokenNumber {
			return
		}
		begin = end + 1
	}
	bounds := r.sql[r.tokens[i+2].pos:r.tokens[commas[2]].pos]
	end := closing
	if r.word(end+1) == "filter" && r.is(end+2, "(") && r.closing[end+2] > 0 {
		end = r.closing[end+2]
	}
	if r.word(end+1) == "over" {
		end += 2
		if r.is(end, "(") {
			end = r.closing[end]
		}
	}
	if end <= i || end >= len(r.tokens) {
		return
	}
	r.before(i, "coalesce(")
	r.after(end, ", empty_histogram("+bounds+"))")
}
