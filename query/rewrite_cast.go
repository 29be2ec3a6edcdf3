package query

import (
	"strconv"
	"strings"
)

// truncated puts trunc() around what is cast to an integer: existing statements cut off the fraction, and get the
// nanoseconds of a time, where the engine rounds or knows no cast. trunc leaves integers and texts alone.
func (r *rewriter) truncated(i int) {
	begin, end, ok := r.operand(i)
	if !ok {
		return
	}
	if begin == end && r.tokens[begin].kind != tokenWord && r.tokens[begin].kind != tokenQuoted && !strings.Contains(r.text(begin), ".") {
		return // a literal without a fraction
	}
	r.around(begin, "trunc(")
	r.after(end, ")")
}

// operand returns the first and the last token of what is cast to the type that token i names.
func (r *rewriter) operand(i int) (begin, end int, ok bool) {
	begin, end = i, i
	switch {
	case r.is(i-1, ":") && r.is(i-2, ":"):
		end = i - 3
		begin = r.primary(end)
	case r.opening[i] > 0 && r.word(i-1) == "as":
		begin, end = r.opening[i]+1, i-2
	}
	return begin, end, begin >= 0 && begin <= end && end < i
}

// timeText writes a time that is cast to a text as existing statements expect: 2026-01-02T03:04:05.120Z.
func (r *rewriter) timeText(i int) {
	at := r.castPosition(i)
	if at < 0 {
		return
	}
	zoned, ok := r.hints.timeText[at]
	begin, end, found := r.operand(i)
	if !ok || !found {
		return
	}
	r.around(begin, "time_text(")
	r.after(end, ", "+strconv.FormatBool(zoned)+")")
}

// span makes a number of nanoseconds of a literal interval that is compared with a duration.
func (r *rewriter) span(i int) {
	if i+1 >= len(r.tokens) || !r.hints.spans[r.tokens[i+1].pos] {
		return
	}
	last := i + 1
	if r.tokens[last].kind == tokenNumber || intervalWords[r.word(last+1)] {
		last++
	}
	r.before(i, "interval_nanos(")
	r.after(last, ")")
}

// intervalWords are units that stand behind the text of an interval.
var intervalWords = setOf("year", "years", "month", "months", "week", "weeks", "day", "days", "hour", "hours", "minute", "minutes",
	"second", "seconds", "millisecond", "milliseconds", "microsecond", "microseconds")

// maxPrimary bounds how many casts, subscripts and dots are looked through, so that a long chain of them takes no long time.
const maxPrimary = 64

// primary returns the token with which the operand of :: begins that token end ends; -1 when that is not clear.
func (r *rewriter) primary(end int) int {
	i := end
	for steps := 0; i >= 0 && steps < maxPrimary; steps++ {
		switch t := r.tokens[i]; {
		case r.is(i, ")") || r.is(i, "]"):
			open := r.openers[i]
			if open < 0 {
				return -1
			}
			if r.is(i, "]") && open > 0 && !r.opensOperand(open-1) {
				i = open - 1 // a subscript: go on with what it is of
				continue
			}
			if open > 0 && (r.tokens[open-1].kind == tokenWord || r.tokens[open-1].kind == tokenQuoted) && !r.opensOperand(open-1) {
				open--
			}
			i = open
		case t.kind == tokenWord && r.word(i) == "end" && r.cases[i] > 0:
			return -1
		case t.kind == tokenWord || t.kind == tokenQuoted || t.kind == tokenText || t.kind == tokenNumber:
		default:
			return -1
		}
		switch {
		case r.is(i-1, "."):
			i -= 2
		case r.is(i-1, ":") && r.is(i-2, ":"):
			i -= 3
		default:
			return i
		}
	}
	return -1
}
