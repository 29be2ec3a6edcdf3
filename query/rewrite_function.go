package query

import (
	"fmt"
	"strings"
)

// renamed are functions that the engine has under another name. Macros could not do it: they take neither FILTER nor
// DISTINCT nor OVER.
var renamed = map[string]string{
	"approx_distinct":   "approx_count_distinct",
	"btrim":             "trim",
	"cardinality":       "len",
	"covar":             "covar_samp",
	"lpad":              "bounded_lpad",
	"nvl":               "coalesce",
	"array_any_value":   "list_any_value",
	"array_element":     "list_extract",
	"array_empty":       "list_empty",
	"array_except":      "list_except",
	"array_join":        "array_to_string",
	"array_max":         "list_max",
	"array_min":         "list_min",
	"array_union":       "list_union",
	"array_resize":      "bounded_resize",
	"bool_xor":          "xor",
	"date_format":       "to_char",
	"empty":             "list_empty",
	"get_field":         "struct_extract",
	"list_element":      "list_extract",
	"list_join":         "array_to_string",
	"make_array":        "list_value",
	"make_list":         "list_value",
	"percentile_cont":   "quantile_cont",
	"regexp_like":       "regexp_matches",
	"repeat":            "bounded_repeat",
	"rpad":              "bounded_rpad",
	"sha256":            "sha256_bytes",
	"substring_index":   "substr_index",
	"to_timestamp":      "timestamp_of",
	"uuid":              "uuid_text",
	"var":               "var_samp",
	"var_population":    "var_pop",
	"var_sample":        "var_samp",
	"stddev_population": "stddev_pop",
}

// function applies the rules for calls of a function.
func (r *rewriter) function(i int, name string) (done bool, err error) {
	closing, ok := r.call(i)
	if !ok {
		return false, nil
	}
	if name == "percentile_cont" && len(r.commas(i+1)) == 0 {
		return false, nil // WITHIN GROUP, which the engine has under that name
	}
	if to := renamed[name]; to != "" && to != name {
		r.replace(i, i, to)
		return true, nil
	}
	switch name {
	case "first_value", "last_value":
		if r.windowed(closing) {
			return false, nil
		}
		r.replace(i, i, strings.TrimSuffix(name, "_value"))
		return true, nil
	case "arrow_typeof":
		if t, ok := r.hints.typeofs[r.tokens[i].pos]; ok {
			r.replace(i, closing, quoteLiteral(t.text))
			return true, nil
		}
		return false, nil
	case "array":
		if w := r.word(i + 2); w != "select" && w != "with" && w != "from" && w != "values" {
			r.replace(i, i, "list_value")
			return true, nil
		}
	case "nth_value":
		return r.nthValue(i, closing)
	case "named_struct", "struct":
		return r.structure(i, closing, name)
	case "date_bin":
		return r.dateBin(i, closing)
	case "date_part", "datepart":
		if unit, ok := r.literal(i + 2); ok && strings.HasPrefix(lower(unit), "nanosecond") && r.is(i+3, ",") {
			r.replace(i, i, "nanosecond")
			r.replace(i+2, i+3, "")
			return true, nil
		}
		return false, nil
	case "generate_series", "range":
		r.series(i, closing)
		return false, nil
	case "arrow_cast":
		return r.arrowCast(i, closing)
	case "make_histogram":
		r.histogram(i, closing)
		return false, nil
	case "jsonb_each", "jsonb_array_elements", "expand_histogram":
		return true, r.expansion(i, name)
	case "approx_percentile_cont", "approx_median":
		return r.approxPercentile(i, closing, name)
	}
	return false, nil
}

// windowed reports whether OVER follows the call that token closing ends, perhaps behind FILTER (…).
func (r *rewriter) windowed(closing int) bool {
	next := closing + 1
	if r.word(next) == "filter" && r.is(next+1, "(") && r.closing[next+1] > 0 {
		next = r.closing[next+1] + 1
	}
	for w := r.word(next); w == "ignore" || w == "respect" || w == "nulls"; w = r.word(next) {
		next++
	}
	return r.word(next) == "over"
}

// commas returns the tokens that separate the arguments of the call whose parenthesis is token open.
func (r *rewriter) commas(open int) []int {
	var at []int
	for i := open + 1; i < r.closing[open]; i++ {
		if r.is(i, ",") && r.opening[i] == open {
			at = append(at, i)
		}
	}
	return at
}

// arrowCast makes a CAST of arrow_cast(x, 'Type').
func (r *rewriter) arrowCast(i, closing int) (bool, error) {
	commas := r.commas(i + 1)
	if len(commas) != 1 || closing != commas[0]+2 {
		return false, invalidAt(r.tokens[i].pos, "arrow_cast wants an expression and a constant text with the name of a type")
	}
	name, ok := r.literal(commas[0] + 1)
	t, known := parseType(name)
	if !ok || !known {
		return false, invalidAt(r.tokens[commas[0]+1].pos, fmt.Sprintf("arrow_cast does not know the type %s", r.text(commas[0]+1)))
	}
	r.typed[r.tokens[i].pos] = t.declared
	begin, end := t.begin, t.end
	if t.truncate {
		begin, end = begin+"trunc(", ")"+end
	}
	r.replace(i, i+1, begin)
	r.replace(commas[0], closing, end)
	return true, nil
}

// approxPercentile makes approx_quantile(CAST(x AS DOUBLE), q) of approx_percentile_cont(x, q), of
// approx_percentile_cont(q) WITHIN GROUP (ORDER BY x) and of approx_median(x). The number of centroids is left out.
func (r *rewriter) approxPercentile(i, closing int, name string) (bool, error) {
	commas := r.commas(i + 1)
	group := closing + 3
	switch {
	case closing == i+2:
		return false, invalidAt(r.tokens[i].pos, name+" wants an argument")
	case name == "approx_median" && len(commas) == 0:
		r.before(i+2, "CAST(")
		r.before(closing, " AS DOUBLE), 0.5")
	case len(commas) > 0 && name == "approx_percentile_cont":
		r.before(i+2, "CAST(")
		r.before(commas[0], " AS DOUBLE)")
		r.after(commas[0], " CAST(")
		if len(commas) > 1 {
			r.replace(commas[1], closing-1, "")
		}
		r.before(closing, " AS FLOAT)")
	case r.word(closing+1) == "within" && r.word(closing+2) == "group" && r.is(group, "(") && r.closing[group] > group+3 &&
		r.word(group+1) == "order" && r.word(group+2) == "by" && closing == i+3:
		end := r.closing[group]
		from, to := r.tokens[group+3].pos, r.tokens[end].pos
		order := strings.TrimSpace(r.sql[from:to])
		fraction := r.text(i + 2)
		if w := r.word(end - 1); w == "desc" || w == "asc" {
			order = strings.TrimSpace(r.sql[from:r.tokens[end-1].pos])
			if w == "desc" {
				fraction = "1 - " + fraction
			}
		}
		r.replace(i+2, i+2, "CAST(("+order+") AS DOUBLE), CAST("+fraction+" AS FLOAT)")
		r.replace(closing+1, end, "")
		r.done[i+2] = true
	default:
		return false, invalidAt(r.tokens[i].pos, name+" wants (expression, fraction) or (fraction) WITHIN GROUP (ORDER BY expression)")
	}
	r.replace(i, i, "approx_quantile")
	return true, nil
}
