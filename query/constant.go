package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Argument is a constant argument of a function of ours.
type Argument struct {
	// Value is nil for NULL, or a bool, an int64, a float64, a string, or a telemetry.Time.
	Value any

	function string
	number   int // from 1
	pos      int // byte offset in the user's text
}

// Text returns the argument as text.
func (a Argument) Text() (string, error) {
	if s, ok := a.Value.(string); ok {
		return s, nil
	}
	return "", a.Wrong("must be a text")
}

// Int64 returns the argument as a whole number.
func (a Argument) Int64() (int64, error) {
	if n, ok := a.Value.(int64); ok {
		return n, nil
	}
	return 0, a.Wrong("must be a whole number")
}

// Time returns the argument as a time: a timestamp, or RFC 3339 text with or without a zone, without one in UTC.
func (a Argument) Time() (telemetry.Time, error) {
	switch v := a.Value.(type) {
	case telemetry.Time:
		return v, nil
	case string:
		if t, ok := parseTime(v); ok {
			return t, nil
		}
	}
	return 0, a.Wrong("must be a time, such as '2026-01-31T12:00:00Z'")
}

// Wrong is the error that the argument does not fit: what should be in its place.
func (a Argument) Wrong(must string) error {
	return a.Fault(fmt.Sprintf("argument %d of %s %s", a.number, a.function, must))
}

// Fault is an error in words of the caller's that points at the argument.
func (a Argument) Fault(msg string) error {
	return &SQLError{Fault: fault.New(fault.Invalid, msg), Pos: a.pos}
}

// key tells values apart.
func (a Argument) key() string {
	switch v := a.Value.(type) {
	case nil:
		return "NULL"
	case unbound:
		return "?"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case telemetry.Time:
		return "TIMESTAMP '" + v.Std().Format("2006-01-02 15:04:05.999999999") + "'"
	default:
		return fmt.Sprint(v)
	}
}

// constants returns the arguments of the call whose parenthesis is token open.
func (r *rewriter) constants(function string, open int) ([]Argument, error) {
	closing := r.closing[open]
	if closing == open+1 {
		return nil, nil
	}
	var args []Argument
	begin := open + 1
	for _, end := range append(r.commas(open), closing) {
		a := Argument{function: function, number: len(args) + 1}
		if begin < end {
			a.pos = r.tokens[begin].pos
		} else {
			a.pos = r.tokens[open].pos
		}
		value, ok, err := r.constantParameter(begin, end)
		if err != nil {
			return nil, err
		}
		if value == (unbound{}) {
			r.open = true
		}
		if !ok {
			value, ok = r.constant(begin, end)
		}
		if !ok {
			return nil, a.Wrong("must be a constant: a text, a number, TIMESTAMP '…', or now() - INTERVAL '…'")
		}
		a.Value = value
		args = append(args, a)
		begin = end + 1
	}
	return args, nil
}

// constant evaluates the tokens from begin to before end.
func (r *rewriter) constant(begin, end int) (any, bool) {
	for r.is(begin, "(") && r.closing[begin] == end-1 {
		begin, end = begin+1, end-1
	}
	// Additions of intervals stand at the end.
	for at := end - 1; at > begin; at-- {
		if r.opening[at] != r.opening[begin] || r.word(at) != "interval" {
			continue
		}
		plus := r.is(at-1, "+")
		if !plus && !r.is(at-1, "-") {
			break
		}
		d, ok := r.interval(at+1, end)
		base, isTime := r.time(begin, at-1)
		if !ok || !isTime {
			return nil, false
		}
		if !plus {
			d = d.negative()
		}
		return d.addTo(base)
	}
	if t, ok := r.time(begin, end); ok {
		return t, true
	}
	negative := r.is(begin, "-")
	if negative || r.is(begin, "+") {
		begin++
	}
	if end != begin+1 {
		return nil, false
	}
	if text, ok := r.literal(begin); ok && !negative {
		return text, true
	}
	switch r.word(begin) {
	case "null":
		return nil, !negative
	case "true", "false":
		return r.word(begin) == "true", !negative
	}
	if r.tokens[begin].kind != tokenNumber {
		return nil, false
	}
	text := strings.ReplaceAll(r.text(begin), "_", "")
	if negative {
		text = "-" + text
	}
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// time evaluates now(), TIMESTAMP '…', CAST('…' AS TIMESTAMP) and '…'::TIMESTAMP, also with intervals added.
func (r *rewriter) time(begin, end int) (telemetry.Time, bool) {
	if v, ok := r.withInterval(begin, end); ok {
		return v, true
	}
	for r.is(begin, "(") && r.closing[begin] == end-1 {
		begin, end = begin+1, end-1
		if v, ok := r.withInterval(begin, end); ok {
			return v, true
		}
	}
	switch word := r.word(begin); {
	case word == "now" && r.is(begin+1, "(") && r.closing[begin+1] == end-1 && end == begin+3,
		word == "current_timestamp" && end == begin+1:
		return telemetry.TimeOf(r.now), true
	case word == "timestamp" || word == "timestamptz" || word == "timestamp_ns":
		if r.word(begin+1) == "with" && r.word(begin+2) == "time" && r.word(begin+3) == "zone" {
			begin += 3
		}
		if text, ok := r.literal(begin + 1); ok && end == begin+2 {
			return parseTime(text)
		}
	case (word == "cast" || word == "try_cast" || word == "arrow_cast") && r.is(begin+1, "(") && r.closing[begin+1] == end-1:
		if text, ok := r.literal(begin + 2); ok && word != "arrow_cast" && r.word(begin+3) == "as" && isTimeType(r.word(begin+4)) {
			return parseTime(text)
		}
	}
	if text, ok := r.literal(begin); ok && r.is(begin+1, ":") && r.is(begin+2, ":") && isTimeType(r.word(begin+3)) &&
		(end == begin+4 || r.word(begin+4) == "with") {
		return parseTime(text)
	}
	return 0, false
}

func (r *rewriter) withInterval(begin, end int) (telemetry.Time, bool) {
	for at := begin + 2; at < end; at++ {
		if r.word(at) == "interval" && r.opening[at] == r.opening[begin] {
			v, ok := r.constant(begin, end)
			t, isTime := v.(telemetry.Time)
			return t, ok && isTime
		}
	}
	return 0, false
}

func isTimeType(word string) bool {
	return word == "timestamp" || word == "timestamptz" || word == "timestamp_ns"
}

// timeLayouts are the forms of RFC 3339 and of SQL; a fraction of up to nine digits is accepted in all of them.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05 -07",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05",
	"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// parseTime reads a time; without a zone it is in UTC.
func parseTime(text string) (telemetry.Time, bool) {
	text = strings.TrimSpace(text)
	text = strings.TrimSuffix(text, " UTC")
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			if y := t.Year(); y < 1678 || y > 2261 {
				return 0, false
			}
			return telemetry.TimeOf(t), true
		}
	}
	return 0, false
}

// constantInterval is an interval as SQL has it.
type constantInterval struct {
	months, days int
	rest         time.Duration
}

func (d constantInterval) negative() constantInterval {
	return constantInterval{-d.months, -d.days, -d.rest}
}

func (d constantInterval) addTo(t telemetry.Time) (any, bool) {
	sum := t.Std().AddDate(0, d.months, d.days).Add(d.rest)
	if y := sum.Year(); y < 1678 || y > 2261 {
		return nil, false
	}
	return telemetry.TimeOf(sum), true
}

// interval reads '1 hour 30 minutes', '1' HOUR or 1 HOUR behind the word INTERVAL.
func (r *rewriter) interval(begin, end int) (constantInterval, bool) {
	text, ok := r.literal(begin)
	if !ok {
		if begin >= end || r.tokens[begin].kind != tokenNumber {
			return constantInterval{}, false
		}
		text = r.text(begin)
	}
	switch end - begin {
	case 1:
	case 2:
		text += " " + r.word(begin+1)
	default:
		return constantInterval{}, false
	}
	return parseInterval(text)
}

func parseInterval(text string) (constantInterval, bool) {
	var d constantInterval
	fields := strings.Fields(lower(text))
	if len(fields) == 0 || len(fields)%2 != 0 || len(fields) > 20 {
		return d, false
	}
	for i := 0; i < len(fields); i += 2 {
		n, err := strconv.Atoi(fields[i])
		if err != nil || n > 1e9 || n < -1e9 {
			return d, false
		}
		unit := strings.TrimSuffix(fields[i+1], "s")
		each, ok := intervalUnits[unit]
		switch {
		case ok && n != 0 && each > time.Duration(1<<62)/time.Duration(max(n, -n)):
			return d, false
		case ok:
			d.rest += time.Duration(n) * each
		case unit == "day":
			d.days += n
		case unit == "week":
			d.days += 7 * n
		case unit == "month":
			d.months += n
		case unit == "year":
			d.months += 12 * n
		default:
			return d, false
		}
	}
	return d, true
}

var intervalUnits = map[string]time.Duration{
	"nanosecond": time.Nanosecond, "microsecond": time.Microsecond, "millisecond": time.Millisecond,
	"second": time.Second, "sec": time.Second, "minute": time.Minute, "min": time.Minute, "hour": time.Hour,
}
