package denylist

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// valueType is the type of an expression.
type valueType int

const (
	typeNull valueType = iota // the literal NULL: fits everywhere
	typeText
	typeNumber
	typeBool
)

func (t valueType) String() string { return [...]string{"NULL", "text", "number", "condition"}[t] }

// value is a string, an int64, a bool, or nil for NULL.
type value any

// node is a part of an expression that knows its type.
type node struct {
	typ  valueType
	pos  int
	text string // of a constant text
	// constant is set for literals; the parts that compile patterns look at it.
	constant bool
	eval     func(*Request) value
}

// Expression is a condition on requests.
type Expression struct {
	root *node
	sql  bool // it looks at the text of the statement
}

// Matches reports whether the condition is true of r, or of r with a statement that is bare of comments and needless space; NULL
// is not true.
func (e *Expression) Matches(r *Request) bool {
	if e.root.eval(r) == true {
		return true
	}
	if !e.sql {
		return false
	}
	bare := r.bare()
	return bare != r && e.root.eval(bare) == true
}

// maxExpression bounds the text of an expression, in bytes, and maxDepth its nesting.
const (
	maxExpression = 16 << 10
	maxDepth      = 100
)

// Compile checks and compiles a condition. The error is for people and says where.
func Compile(text string) (*Expression, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("an expression has at most %d bytes, not %d", maxExpression, len(text))
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != kindEnd {
		return nil, p.wrong(t, "%s is not expected here", show(t))
	}
	if root.typ != typeBool {
		return nil, &mistake{text, root.pos, "it must be a condition, not a " + root.typ.String()}
	}
	if !p.columns {
		return nil, &mistake{text, 0, "it refers to no attribute and would match every query or none; attributes are " + strings.Join(Columns(), ", ")}
	}
	return &Expression{root, p.sql}, nil
}

type parser struct {
	text    string
	tokens  []token
	at      int
	depth   int
	columns bool // an attribute was named
	sql     bool // the attribute sql was
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != kindEnd {
		p.at++
	}
	return t
}

func (p *parser) wrong(t token, format string, args ...any) error {
	return &mistake{p.text, t.pos, fmt.Sprintf(format, args...)}
}

func show(t token) string {
	if t.kind == kindEnd {
		return "the end"
	}
	return strconv.Quote(t.text)
}

// word reads the words if they come next, all of them or none.
func (p *parser) word(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.tokens) || p.tokens[p.at+i].kind != kindWord || p.tokens[p.at+i].text != w {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) symbol(s string) bool {
	if t := p.peek(); t.kind != kindSymbol || t.text != s {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(s string) error {
	if t := p.peek(); !p.symbol(s) {
		return p.wrong(t, "%q is expected, not %s", s, show(t))
	}
	return nil
}

// want checks a type.
func (p *parser) want(n *node, t valueType) error {
	if n.typ == t || n.typ == typeNull {
		return nil
	}
	return &mistake{p.text, n.pos, fmt.Sprintf("a %s is expected, not a %s", t, n.typ)}
}

func (p *parser) nested() error {
	if p.depth++; p.depth > maxDepth {
		return p.wrong(p.peek(), "it is nested too deep")
	}
	return nil
}

func (p *parser) or() (*node, error) {
	if err := p.nested(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.chain("or", p.and, func(a, b value) value {
		switch {
		case a == true || b == true:
			return true
		case a == nil || b == nil:
			return nil
		}
		return false
	})
}

func (p *parser) and() (*node, error) {
	return p.chain("and", p.not, func(a, b value) value {
		switch {
		case a == false || b == false:
			return false
		case a == nil || b == nil:
			return nil
		}
		return true
	})
}

// chain reads operands that a word joins from left to right.
func (p *parser) chain(word string, operand func() (*node, error), join func(a, b value) value) (*node, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for p.word(word) {
		right, err := operand()
		if err != nil {
			return nil, err
		}
		for _, n := range []*node{left, right} {
			if err := p.want(n, typeBool); err != nil {
				return nil, err
			}
		}
		a, b := left, right
		left = &node{typ: typeBool, pos: a.pos, eval: func(r *Request) value { return join(a.eval(r), b.eval(r)) }}
	}
	return left, nil
}

func (p *parser) not() (*node, error) {
	t := p.peek()
	if !p.word("not") {
		return p.predicate()
	}
	if err := p.nested(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	if err := p.want(n, typeBool); err != nil {
		return nil, err
	}
	return negated(n, t.pos, true), nil
}

// negated returns NOT n when not is set.
func negated(n *node, pos int, not bool) *node {
	if !not {
		return n
	}
	return &node{typ: typeBool, pos: pos, eval: func(r *Request) value {
		if v, ok := n.eval(r).(bool); ok {
			return !v
		}
		return nil
	}}
}

// predicate reads an operand and the comparisons behind it.
func (p *parser) predicate() (*node, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		var n *node
		switch {
		case t.kind == kindSymbol && comparisons[t.text] != nil:
			p.next()
			n, err = p.comparison(left, comparisons[t.text])
		case t.kind == kindSymbol && (t.text == "~" || t.text == "~*" || t.text == "!~" || t.text == "!~*"):
			p.next()
			n, err = p.pattern(left, strings.Contains(t.text, "!"), strings.Contains(t.text, "*"), regularExpression)
		case p.word("is"):
			n, err = p.is(left)
		default:
			not := p.word("not")
			switch {
			case p.word("like"):
				n, err = p.pattern(left, not, false, likePattern)
			case p.word("ilike"):
				n, err = p.pattern(left, not, true, likePattern)
			case p.word("in"):
				n, err = p.in(left, not)
			case p.word("between"):
				n, err = p.between(left, not)
			case not:
				return nil, p.wrong(p.peek(), "LIKE, ILIKE, IN or BETWEEN is expected behind NOT, not %s", show(p.peek()))
			default:
				return left, nil
			}
		}
		if err != nil {
			return nil, err
		}
		left = n
	}
}

// comparisons tell from how two values compare whether a comparison holds.
var comparisons = map[string]func(int) bool{
	"=": func(c int) bool { return c == 0 }, "<>": func(c int) bool { return c != 0 }, "!=": func(c int) bool { return c != 0 },
	"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
	">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
}

func (p *parser) comparison(left *node, holds func(int) bool) (*node, error) {
	right, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.same(left, right); err != nil {
		return nil, err
	}
	return &node{typ: typeBool, pos: left.pos, eval: func(r *Request) value {
		a, b := left.eval(r), right.eval(r)
		if a == nil || b == nil {
			return nil
		}
		return holds(compare(a, b))
	}}, nil
}

func (p *parser) same(a, b *node) error {
	if a.typ == b.typ || a.typ == typeNull || b.typ == typeNull {
		return nil
	}
	return &mistake{p.text, b.pos, fmt.Sprintf("a %s cannot be compared with a %s", a.typ, b.typ)}
}

// compare compares two values of one type that are not NULL.
func compare(a, b value) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		return int(min(max(a-b.(int64), -1), 1))
	case bool:
		switch b := b.(bool); {
		case a == b:
			return 0
		case b:
			return -1
		}
	}
	return 1
}

func (p *parser) is(left *node) (*node, error) {
	not := p.word("not")
	var test func(v value) bool
	t := p.peek()
	switch {
	case p.word("null"):
		test = func(v value) bool { return v == nil }
	case p.word("distinct", "from"):
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		if err := p.same(left, right); err != nil {
			return nil, err
		}
		return negated(&node{typ: typeBool, eval: func(r *Request) value { return left.eval(r) != right.eval(r) }}, left.pos, not), nil
	case p.word("true"), p.word("false"), p.word("unknown"):
		if err := p.want(left, typeBool); err != nil {
			return nil, err
		}
		want := map[string]value{"true": true, "false": false, "unknown": nil}[t.text]
		test = func(v value) bool { return v == want }
	default:
		return nil, p.wrong(t, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM is expected behind IS, not %s", show(t))
	}
	return negated(&node{typ: typeBool, pos: left.pos, eval: func(r *Request) value { return test(left.eval(r)) }}, left.pos, not), nil
}

func (p *parser) in(left *node, not bool) (*node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var list []*node
	for {
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		if err := p.same(left, n); err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.symbol(",") {
			break
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return negated(&node{typ: typeBool, pos: left.pos, eval: func(r *Request) value {
		v := left.eval(r)
		if v == nil {
			return nil
		}
		var result value = false
		for _, n := range list {
			switch n.eval(r) {
			case nil:
				result = nil
			case v:
				return true
			}
		}
		return result
	}}, left.pos, not), nil
}

func (p *parser) between(left *node, not bool) (*node, error) {
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); !p.word("and") {
		return nil, p.wrong(t, "AND is expected, not %s", show(t))
	}
	high, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, n := range []*node{low, high} {
		if err := p.same(left, n); err != nil {
			return nil, err
		}
	}
	return negated(&node{typ: typeBool, pos: left.pos, eval: func(r *Request) value {
		v, a, b := left.eval(r), low.eval(r), high.eval(r)
		switch {
		case v == nil:
			return nil
		case a != nil && compare(v, a) < 0, b != nil && compare(v, b) > 0:
			return false
		case a == nil || b == nil:
			return nil
		}
		return true
	}}, left.pos, not), nil
}

// sum reads operands that || joins.
func (p *parser) sum() (*node, error) {
	left, err := p.primary()
	if err != nil {
		return nil, err
	}
	for p.symbol("||") {
		right, err := p.primary()
		if err != nil {
			return nil, err
		}
		for _, n := range []*node{left, right} {
			if err := p.want(n, typeText); err != nil {
				return nil, err
			}
		}
		a, b := left, right
		left = &node{typ: typeText, pos: a.pos, eval: func(r *Request) value {
			x, y := a.eval(r), b.eval(r)
			if x == nil || y == nil {
				return nil
			}
			return x.(string) + y.(string)
		}}
	}
	return left, nil
}

func (p *parser) primary() (*node, error) {
	t := p.next()
	switch t.kind {
	case kindText:
		return &node{typ: typeText, pos: t.pos, text: t.text, constant: true, eval: func(*Request) value { return t.text }}, nil
	case kindNumber:
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.wrong(t, "%s is too large a number", t.text)
		}
		return &node{typ: typeNumber, pos: t.pos, constant: true, eval: func(*Request) value { return n }}, nil
	case kindSymbol:
		if t.text == "(" {
			n, err := p.or()
			if err != nil {
				return nil, err
			}
			return n, p.expect(")")
		}
	case kindQuoted:
		return p.column(t)
	case kindWord:
		switch {
		case p.symbol("("):
			return p.function(t)
		case t.text == "true" || t.text == "false":
			v := t.text == "true"
			return &node{typ: typeBool, pos: t.pos, constant: true, eval: func(*Request) value { return v }}, nil
		case t.text == "null":
			return &node{typ: typeNull, pos: t.pos, constant: true, eval: func(*Request) value { return nil }}, nil
		case !slices.Contains(reserved, t.text):
			return p.column(t)
		}
	default:
	}
	return nil, p.wrong(t, "an attribute, a text, a number or a function is expected, not %s", show(t))
}

// reserved are words that cannot begin an operand.
var reserved = []string{"and", "or", "not", "is", "in", "like", "ilike", "between", "escape"}

func (p *parser) column(t token) (*node, error) {
	get := attribute(t.text)
	if get == nil {
		return nil, p.wrong(t, "there is no attribute %s; attributes are %s", show(t), strings.Join(Columns(), ", "))
	}
	p.columns = true
	p.sql = p.sql || t.text == "sql"
	return &node{typ: typeText, pos: t.pos, eval: func(r *Request) value {
		if s := get(r); s != "" {
			return s
		}
		return nil
	}}, nil
}
