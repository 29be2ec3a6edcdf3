package query

import (
	"slices"
	"strconv"
	"strings"
)

// existing statements count with 64 bits and with floating point: an integer literal is an Int64, 0.5 a Float64. The
// engine takes the smallest integer and a decimal. The difference shows where something is made of literals alone, and
// where arithmetic overflows, so literals there get their type; a literal that is compared with a column does not, so that
// conditions still reach into the files.

// number gives a literal the type that existing statements expect.
func (r *rewriter) number(i int) {
	text := r.text(i)
	switch {
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, "0X"):
	case strings.ContainsAny(text, "eE"):
	case strings.Contains(text, "."):
		r.after(i, "e0")
	default:
		if n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64); err == nil && n >= 0 && r.wide(i) {
			r.after(i, "::BIGINT")
		}
	}
}

// wideCalls are functions whose answer has the type of their arguments.
var wideCalls = setOf("coalesce", "nvl", "ifnull", "nvl2", "greatest", "least", "abs", "sum", "avg", "min", "max", "make_array",
	"named_struct", "struct", "array_append", "array_prepend", "array_repeat", "array_agg", "first_value", "last_value", "any_value",
	"map", "array_resize", "array_replace", "array_remove")

// wide reports whether the integer literal at token i is an operand of arithmetic, or a value of its own.
func (r *rewriter) wide(i int) bool {
	if r.arithmetic(i-1) && !r.sign(i-1) || r.arithmetic(i+1) {
		return true
	}
	before, after := i-1, i+1
	if r.sign(before) {
		before--
	}
	open := r.opening[i]
	begins := r.is(before, ",") || before == open && open >= 0
	ends := r.is(after, ",") || after >= len(r.tokens) || open >= 0 && after == r.closing[open]
	switch {
	case r.word(before) == "then", r.word(before) == "else":
		return true
	case r.clauses[i] == "select":
		begins = begins || r.word(before) == "select" || r.word(before) == "distinct" || r.word(before) == "all"
		return begins && (ends || r.word(after) != "" || r.tokens[after].kind == tokenQuoted)
	case open >= 0 && r.is(open, "{") && r.is(before, ":"):
		return true
	case open < 0 || !begins || !ends && !r.is(after, ":"):
		return false
	case r.is(open, "["):
		return r.opensOperand(open-1) || r.word(open-1) == "array"
	case r.clauses[open] == "values" && (r.word(open-1) == "values" || r.is(open-1, ",")):
		return true
	}
	return wideCalls[r.word(open-1)]
}

// arithmetic reports whether token i is, or ends or begins, an arithmetic operator.
func (r *rewriter) arithmetic(i int) bool {
	if i < 0 || i >= len(r.tokens) || r.tokens[i].kind != tokenSymbol {
		return false
	}
	switch r.text(i) {
	case "+", "-", "*", "/", "%", "&", "^", "|":
		return !r.is(i-1, "-") || r.text(i) != ">"
	case "<":
		return r.is(i-1, "<") || r.is(i+1, "<")
	case ">":
		return r.is(i-1, ">") || r.is(i+1, ">")
	}
	return false
}

// sign reports whether token i is a - or + in front of an operand, not between two.
func (r *rewriter) sign(i int) bool {
	return (r.is(i, "-") || r.is(i, "+")) && (r.opensOperand(i-1) || r.word(i-1) == "limit" || r.word(i-1) == "offset")
}

// clause words begin a part of a query; what follows up to the next one at the same depth belongs to it.
var clauseWords = []string{
	"select", "from", "where", "group", "order", "having", "limit", "offset", "values", "qualify", "window",
	"using", "union", "intersect", "except", "partition", "with", "on", "join",
}

// findClauses notes for every token the word that began its clause, among the tokens of the same parentheses.
func (r *rewriter) findClauses() {
	r.clauses = make([]string, len(r.tokens))
	current := map[int]string{}
	for i := range r.tokens {
		open := r.opening[i]
		if w := r.word(i); slices.Contains(clauseWords, w) && !r.is(i-1, ".") {
			current[open] = w
		}
		r.clauses[i] = current[open]
	}
}
