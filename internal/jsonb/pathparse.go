package jsonb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var (
	errPathDepth = fmt.Errorf("parentheses nest deeper than %d levels", maxPathDepth)
	errPathName  = errors.New("a name is expected")
	errPathIndex = errors.New("an index is expected: a number, last, last-1, 0 to 2 or *")
	errPathValue = errors.New("a path, a number, a text in double quotes, true, false or null is expected")
	errPathEnd   = errors.New("this cannot follow")
	errPathLogic = errors.New("a condition is expected, such as @.a == 1")
	errPathKind  = errors.New("a value is expected, not a condition")
)

type pathParser struct {
	text   string
	pos    int
	depth  int
	inside bool // of a filter, where @ exists
}

// whole parses the text: an expression, or steps without $ in front. A bare word is the name of a member, also one that
// looks like a literal.
func (p *pathParser) whole() (expr, error) {
	p.skipSpace()
	e, err := p.expression()
	if p.skipSpace(); err == nil && p.pos < len(p.text) {
		err = errPathEnd
	}
	if _, literal := e.(literalExpr); err == nil && !literal {
		return e, nil
	}
	at := p.pos
	*p = pathParser{text: p.text}
	p.skipSpace()
	var steps []step
	if name, nameErr := p.bareName(); nameErr == nil {
		steps = append(steps, memberStep{name})
	} else if c := p.peek(); c != '.' && c != '[' && c != ':' && c != '?' {
		if err == nil {
			err = errPathValue // a text alone
		}
		p.pos = at
		return nil, err
	}
	path, err := p.steps(steps)
	if p.skipSpace(); err == nil && p.pos < len(p.text) {
		err = errPathEnd
	}
	return path, err
}

func (p *pathParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *pathParser) skipSpace() {
	for isSpace(p.peek()) {
		p.pos++
	}
}

// take takes the symbol or word, after white space.
func (p *pathParser) take(symbol string) bool {
	p.skipSpace()
	if !strings.HasPrefix(p.text[p.pos:], symbol) {
		return false
	}
	p.pos += len(symbol)
	return true
}

// takeWord takes the word in any case of letters if no other letter follows.
func (p *pathParser) takeWord(word string) bool {
	p.skipSpace()
	end := p.pos + len(word)
	if end > len(p.text) || !strings.EqualFold(p.text[p.pos:end], word) || end < len(p.text) && isNamePart(p.text[end]) {
		return false
	}
	p.pos = end
	return true
}

func isNamePart(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c >= 0x80 }

func (p *pathParser) enter() error {
	if p.depth++; p.depth > maxPathDepth {
		return errPathDepth
	}
	return nil
}

func (p *pathParser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.joined("||", func() (expr, error) { return p.joined("&&", p.comparison) })
}

// joined parses conditions with op between them.
func (p *pathParser) joined(op string, next func() (expr, error)) (expr, error) {
	left, err := next()
	for err == nil && p.take(op) {
		var right expr
		if right, err = next(); err == nil && (!isCondition(left) || !isCondition(right)) {
			err = errPathLogic
		}
		left = binaryExpr{op, left, right}
	}
	return left, err
}

func (p *pathParser) comparison() (expr, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	op := ""
	for _, o := range []string{"==", "!=", "<>", "<=", "<", ">=", ">"} {
		if p.take(o) {
			op = o
			break
		}
	}
	if op == "" && p.takeWord("starts") {
		if !p.takeWord("with") {
			return nil, errPathEnd
		}
		op = "starts with"
	}
	if op == "" {
		return left, nil
	}
	if op == "<>" {
		op = "!="
	}
	right, err := p.sum()
	if err == nil && (isCondition(left) || isCondition(right)) {
		err = errPathKind
	}
	return binaryExpr{op, left, right}, err
}

func (p *pathParser) sum() (expr, error) { return p.calculation("+-", p.product) }

func (p *pathParser) product() (expr, error) { return p.calculation("*/%", p.unary) }

func (p *pathParser) calculation(ops string, next func() (expr, error)) (expr, error) {
	left, err := next()
	for err == nil {
		p.skipSpace()
		c := p.peek()
		if c == 0 || strings.IndexByte(ops, c) < 0 {
			break
		}
		p.pos++
		var right expr
		if right, err = next(); err == nil && (isCondition(left) || isCondition(right)) {
			err = errPathKind
		}
		left = binaryExpr{string(c), left, right}
	}
	return left, err
}

func (p *pathParser) unary() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.skipSpace()
	switch c := p.peek(); {
	case c == '-' || c == '+' || c == '!' && !strings.HasPrefix(p.text[p.pos:], "!="):
		p.pos++
		operand, err := p.unary()
		if err == nil && isCondition(operand) != (c == '!') {
			err = errPathLogic
			if c != '!' {
				err = errPathKind
			}
		}
		return unaryExpr{string(c), operand}, err
	case c == '(':
		p.pos++
		e, err := p.expression()
		if err == nil && !p.take(")") {
			err = errPathEnd
		}
		return e, err
	case c == '$' || c == '@':
		return p.path()
	case c == '"':
		text, err := p.quoted()
		return literalExpr{textItem(text)}, err
	case isDigit(c):
		return p.number()
	case p.takeWord("exists"):
		if !p.take("(") {
			return nil, errPathEnd
		}
		p.skipSpace()
		path, err := p.path()
		if err == nil && !p.take(")") {
			err = errPathEnd
		}
		return existsExpr{path}, err
	case p.takeWord("null"):
		return literalExpr{item{entry: kindNull}}, nil
	case p.takeWord("true"):
		return literalExpr{boolItem(true)}, nil
	case p.takeWord("false"):
		return literalExpr{boolItem(false)}, nil
	}
	return nil, errPathValue
}

// path parses $ or @ and the steps behind it.
func (p *pathParser) path() (pathExpr, error) {
	c := p.peek()
	if c != '$' && c != '@' || c == '@' && !p.inside {
		return pathExpr{}, errPathValue
	}
	p.pos++
	path, err := p.steps(nil)
	path.current = c == '@'
	return path, err
}

func (p *pathParser) steps(steps []step) (pathExpr, error) {
	for {
		p.skipSpace()
		var s step
		var err error
		switch p.peek() {
		case '.', ':':
			s, err = p.member()
		case '[':
			s, err = p.bracket()
		case '?':
			s, err = p.filter()
		default:
			return pathExpr{steps: steps}, nil
		}
		if err != nil {
			return pathExpr{}, err
		}
		steps = append(steps, s)
	}
}

func (p *pathParser) member() (step, error) {
	dot := p.peek() == '.'
	p.pos++
	switch {
	case dot && strings.HasPrefix(p.text[p.pos:], "**"):
		p.pos += 2
		return p.levels()
	case dot && p.peek() == '*':
		p.pos++
		return membersStep{}, nil
	case p.peek() == '"':
		name, err := p.quoted()
		return memberStep{name}, err
	}
	name, err := p.bareName()
	return memberStep{name}, err
}

// bareName reads a name without quotes: anything but white space and the characters that mean something in a path.
// A backslash escapes as in JSON.
func (p *pathParser) bareName() (string, error) {
	begin := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c == '\\' && p.pos+1 < len(p.text) {
			p.pos += 2
			continue
		}
		if isSpace(c) || strings.IndexByte(`,.:{}[]()?@$|&<>!=+-*/%"'\`, c) >= 0 {
			break
		}
		p.pos++
	}
	if p.pos == begin {
		return "", errPathName
	}
	return unescape(p.text[begin:p.pos])
}

// quoted reads a text in double quotes.
func (p *pathParser) quoted() (string, error) {
	inner := parser{text: []byte(p.text), pos: p.pos + 1}
	text, err := inner.quoted('"')
	p.pos = inner.pos
	return text, err
}

// levels reads the depths behind .**, if there are any.
func (p *pathParser) levels() (step, error) {
	if !p.take("{") {
		return recursiveStep{0, -1}, nil
	}
	from, err := p.integer()
	if err != nil {
		return nil, err
	}
	s := recursiveStep{from, from}
	if p.takeWord("to") {
		if p.takeWord("last") {
			s.to = -1
		} else if s.to, err = p.integer(); err != nil {
			return nil, err
		}
	}
	if !p.take("}") {
		return nil, errPathEnd
	}
	return s, nil
}

// integer reads digits.
func (p *pathParser) integer() (int, error) {
	p.skipSpace()
	begin := p.pos
	for isDigit(p.peek()) {
		p.pos++
	}
	n, err := strconv.ParseInt(p.text[begin:p.pos], 10, 32)
	if err != nil {
		return 0, errPathIndex
	}
	return int(n), nil
}

func (p *pathParser) bracket() (step, error) {
	p.pos++
	var s step
	p.skipSpace()
	switch p.peek() {
	case '*':
		p.pos++
		s = elementsStep{}
	case '"':
		name, err := p.quoted()
		if err != nil {
			return nil, err
		}
		s = memberStep{name}
	default:
		var ranges []indexRange
		for {
			r, err := p.indexRange()
			if err != nil {
				return nil, err
			}
			ranges = append(ranges, r)
			if !p.take(",") {
				break
			}
		}
		s = indexStep{ranges}
	}
	if !p.take("]") {
		return nil, errPathEnd
	}
	return s, nil
}

func (p *pathParser) indexRange() (indexRange, error) {
	from, err := p.index()
	if err != nil {
		return indexRange{}, err
	}
	if !p.takeWord("to") {
		return indexRange{from, from}, nil
	}
	to, err := p.index()
	return indexRange{from, to}, err
}

func (p *pathParser) index() (index, error) {
	if !p.takeWord("last") {
		negative := p.take("-") // no element has such an index
		n, err := p.integer()
		if negative {
			n = -n
		}
		return index{offset: n}, err
	}
	sign := 0
	if p.take("-") {
		sign = -1
	} else if p.take("+") {
		sign = 1
	}
	if sign == 0 {
		return index{last: true}, nil
	}
	n, err := p.integer()
	return index{sign * n, true}, err
}

func (p *pathParser) filter() (step, error) {
	p.pos++
	if !p.take("(") {
		return nil, errPathEnd
	}
	outer := p.inside
	p.inside = true
	condition, err := p.expression()
	p.inside = outer
	switch {
	case err != nil:
		return nil, err
	case !isCondition(condition):
		return nil, errPathLogic
	case !p.take(")"):
		return nil, errPathEnd
	}
	return filterStep{condition}, nil
}

// number reads a number without a sign.
func (p *pathParser) number() (expr, error) {
	inner := parser{text: []byte(p.text[p.pos:])}
	n, err := inner.number()
	p.pos += inner.pos
	if err != nil {
		return nil, err
	}
	return literalExpr{numberItem(n)}, nil
}
