package jsonb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"strings"
)

// limitError is that a path asks for too much, rather than that a document has a defect.
type limitError string

func (e limitError) Error() string { return string(e) }

const (
	errPathMatches limitError = "the path matches too many values"
	errPathWork    limitError = "the path looks at too many values"
	errPathLong    limitError = "a value is too long for an array"
)

// IsLimit reports whether err says that a path asked for too much; other errors of evaluations are defects of documents.
func IsLimit(err error) bool {
	_, ok := errors.AsType[limitError](err)
	return ok
}

// item is a value of a document: its entry word and its bytes.
type item struct {
	entry uint32
	value []byte
}

func (it item) kind() uint32     { return it.entry & kindMask }
func (it item) document() []byte { return document(it.entry, it.value) }

func rootItem(doc []byte) (item, error) {
	if _, container, err := open(doc); err != nil {
		return item{}, err
	} else if container {
		return item{kindContainer | uint32(len(doc)&lengthMask), doc}, nil
	}
	entry, value, err := scalar(doc)
	return item{entry, value}, err
}

func textItem(s string) item { return item{kindString | uint32(len(s)), []byte(s)} }

func boolItem(b bool) item {
	if b {
		return item{entry: kindTrue}
	}
	return item{entry: kindFalse}
}

// numberItem makes an item of an int64, a uint64 or a float64.
func numberItem(n any) item {
	b, err := appendNumber(nil, n)
	if err != nil {
		return item{entry: kindNull}
	}
	return item{kindNumber | uint32(len(b)), b}
}

// appendItems appends the array of items.
func appendItems(dst []byte, items []item) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, headArray|uint32(len(items)))
	for _, it := range items {
		if len(it.value) > maxLength {
			return dst, errPathLong
		}
		dst = binary.BigEndian.AppendUint32(dst, it.kind()|uint32(len(it.value)))
	}
	for _, it := range items {
		dst = append(dst, it.value...)
	}
	return dst, nil
}

// evaluation is one evaluation of a path on one document.
type evaluation struct {
	root item
	*Work
}

// values returns the values of e; current is what @ means.
func (ev *evaluation) values(e expr, current item) ([]item, error) {
	switch e := e.(type) {
	case literalExpr:
		return []item{e.value}, nil
	case pathExpr:
		start := ev.root
		if e.current {
			start = current
		}
		return ev.steps(e.steps, start)
	case unaryExpr:
		if e.op == "!" {
			break
		}
		operands, err := ev.values(e.operand, current)
		var out []item
		for _, o := range unwrap(operands) {
			if n, err := number(o.value); o.kind() == kindNumber && err == nil {
				if e.op == "-" {
					n, _ = calculate("-", uint64(0), n)
				}
				out = append(out, numberItem(n))
			}
		}
		return out, err
	case binaryExpr:
		if !isCondition(e) {
			return ev.calculation(e, current)
		}
	}
	holds, err := ev.holds(e, current)
	return []item{boolItem(holds)}, err
}

// calculation has one value if both operands are one number, else none.
func (ev *evaluation) calculation(e binaryExpr, current item) ([]item, error) {
	left, err := ev.values(e.left, current)
	if err != nil {
		return nil, err
	}
	right, err := ev.values(e.right, current)
	if err != nil {
		return nil, err
	}
	left, right = unwrap(left), unwrap(right)
	if len(left) != 1 || len(right) != 1 || left[0].kind() != kindNumber || right[0].kind() != kindNumber {
		return nil, nil
	}
	a, err1 := number(left[0].value)
	b, err2 := number(right[0].value)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if n, ok := calculate(e.op, a, b); ok {
		return []item{numberItem(n)}, nil
	}
	return nil, nil
}

// calculate computes with integers as long as the result is one of 64 bits, else with binary64. It fails for a division
// by zero.
func calculate(op string, a, b any) (n any, ok bool) {
	x, isInt1 := signed(a)
	y, isInt2 := signed(b)
	if isInt1 && isInt2 {
		if n, ok := calculateIntegers(op, x, y); ok {
			return n, true
		}
	}
	f, g := float(a), float(b)
	switch op {
	case "+":
		return f + g, true
	case "-":
		return f - g, true
	case "*":
		return f * g, true
	case "/":
		return f / g, g != 0
	}
	return math.Mod(f, g), g != 0
}

func calculateIntegers(op string, x, y int64) (n int64, ok bool) {
	switch op {
	case "+":
		n = x + y
		return n, (n > x) == (y > 0)
	case "-":
		n = x - y
		return n, (n < x) == (y > 0)
	case "*":
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		return x * y, hi == 0 && lo < 1<<63
	case "/":
		if y == 0 || y == -1 || x%y != 0 {
			return -x, y == -1 && x != math.MinInt64
		}
		return x / y, true
	}
	if y == 0 || y == -1 {
		return 0, y == -1
	}
	return x % y, true
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func signed(n any) (int64, bool) {
	switch n := n.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	}
	return 0, false
}

func float(n any) float64 {
	switch n := n.(type) {
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	case float64:
		return n
	}
	return math.NaN()
}

// holds decides a condition.
func (ev *evaluation) holds(e expr, current item) (bool, error) {
	switch e := e.(type) {
	case existsExpr:
		matches, err := ev.values(e.path, current)
		return len(matches) > 0, err
	case unaryExpr:
		holds, err := ev.holds(e.operand, current)
		return !holds, err
	case binaryExpr:
		if e.op == "&&" || e.op == "||" {
			left, err := ev.holds(e.left, current)
			if err != nil || left == (e.op == "||") {
				return left, err
			}
			return ev.holds(e.right, current)
		}
		left, err := ev.values(e.left, current)
		if err != nil {
			return false, err
		}
		right, err := ev.values(e.right, current)
		if err != nil {
			return false, err
		}
		left, right = unwrap(left), unwrap(right)
		if err := ev.spend(len(left) + len(right)); err != nil {
			return false, err
		}
		for _, l := range left {
			for _, r := range right {
				if err := ev.spend(1); err != nil {
					return false, err
				}
				if compareItems(e.op, l, r) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

// unwrap puts the elements of arrays in the place of these.
func unwrap(items []item) []item {
	var out []item
	for i, it := range items {
		c, ok, err := container{}, false, error(nil)
		if it.kind() == kindContainer {
			c, ok, err = open(it.value)
		}
		if err != nil || !ok || c.object {
			if out != nil {
				out = append(out, it)
			}
			continue
		}
		if out == nil {
			out = append(make([]item, 0, i+c.n), items[:i]...)
		}
		_ = c.each(func(_ []byte, entry uint32, value []byte) bool {
			out = append(out, item{entry, value})
			return true
		})
	}
	if out == nil {
		return items
	}
	return out
}

func compareItems(op string, l, r item) bool {
	if op == "starts with" {
		return l.kind() == kindString && r.kind() == kindString && bytes.HasPrefix(l.value, r.value)
	}
	var order int
	switch {
	case l.kind() == kindString && r.kind() == kindString:
		order = bytes.Compare(l.value, r.value)
	case l.kind() == kindNumber && r.kind() == kindNumber:
		a, err1 := number(l.value)
		b, err2 := number(r.value)
		if err1 != nil || err2 != nil || math.IsNaN(float(a)) || math.IsNaN(float(b)) {
			return false
		}
		order = compareNumbers(a, b)
	case l.kind() == kindNull && r.kind() == kindNull:
	case isBool(l) && isBool(r):
		order = cmp.Compare(l.kind(), r.kind()) // false is before true
	default:
		return false
	}
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func isBool(it item) bool { return it.kind() == kindTrue || it.kind() == kindFalse }

func compareNumbers(a, b any) int {
	x, ok1 := signed(a)
	y, ok2 := signed(b)
	if ok1 && ok2 {
		return cmp.Compare(x, y)
	}
	u, ok1 := a.(uint64)
	v, ok2 := b.(uint64)
	if ok1 && ok2 {
		return cmp.Compare(u, v)
	}
	return cmp.Compare(float(a), float(b))
}

func (ev *evaluation) steps(steps []step, start item) ([]item, error) {
	items := []item{start}
	for _, s := range steps {
		var next []item
		for _, it := range items {
			var err error
			if next, err = ev.step(next, s, it); err != nil {
				return nil, err
			}
			if len(next) > maxPathMatches {
				return nil, errPathMatches
			}
		}
		items = next
	}
	return items, nil
}

// step appends to out where s leads from it.
func (ev *evaluation) step(out []item, s step, it item) ([]item, error) {
	if err := ev.spend(1); err != nil {
		return nil, err
	}
	switch s := s.(type) {
	case filterStep:
		holds, err := ev.holds(s.condition, it)
		if holds {
			out = append(out, it)
		}
		return out, err
	case recursiveStep:
		return ev.recurse(out, s, it, 0)
	}
	c, ok, err := container{}, false, error(nil)
	if it.kind() == kindContainer {
		if c, ok, err = open(it.value); err != nil {
			return nil, err
		}
	}
	_, all := s.(elementsStep)
	switch {
	case all && (!ok || c.object):
		return append(out, it), nil
	case !ok:
		return out, nil
	}
	if err := ev.spend(c.n); err != nil {
		return nil, err
	}
	switch s := s.(type) {
	case memberStep:
		if c.object {
			err = c.each(func(key []byte, entry uint32, value []byte) bool {
				order := strings.Compare(string(key), s.name)
				if order == 0 {
					out = append(out, item{entry, value})
				}
				return order < 0 // keys are sorted
			})
		}
	case membersStep, elementsStep:
		if c.object != all {
			out, err = c.appendItems(out)
		}
	case indexStep:
		if !c.object {
			return ev.elements(out, s, c)
		}
	}
	return out, err
}

func (c container) appendItems(out []item) ([]item, error) {
	err := c.each(func(_ []byte, entry uint32, value []byte) bool {
		out = append(out, item{entry, value})
		return true
	})
	return out, err
}

func (ev *evaluation) elements(out []item, s indexStep, c container) ([]item, error) {
	all, err := c.appendItems(nil)
	if err != nil {
		return nil, err
	}
	for _, r := range s.ranges {
		from, to := max(r.from.of(c.n), 0), min(r.to.of(c.n), c.n-1)
		if r.from == r.to && (r.from.of(c.n) < 0 || r.from.of(c.n) >= c.n) || from > to {
			continue
		}
		if err := ev.spend(to - from + 1); err != nil {
			return nil, err
		}
		if out = append(out, all[from:to+1]...); len(out) > maxPathMatches {
			return nil, errPathMatches
		}
	}
	return out, nil
}

// recurse appends it and the values in it at the depths that s wants, each before what it holds.
func (ev *evaluation) recurse(out []item, s recursiveStep, it item, depth int) ([]item, error) {
	if err := ev.spend(1); err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	if depth >= s.from && (s.to < 0 || depth <= s.to) {
		if out = append(out, it); len(out) > maxPathMatches {
			return nil, errPathMatches
		}
	}
	if s.to >= 0 && depth >= s.to || it.kind() != kindContainer {
		return out, nil
	}
	c, ok, err := open(it.value)
	if err != nil || !ok {
		return nil, errors.Join(err, errScalar)
	}
	var inner error
	err = c.each(func(_ []byte, entry uint32, value []byte) bool {
		out, inner = ev.recurse(out, s, item{entry, value}, depth+1)
		return inner == nil
	})
	return out, errors.Join(err, inner)
}
