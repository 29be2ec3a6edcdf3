package denylist

import (
	"regexp"
	"strings"
)

// matcher is a compiled pattern.
type matcher func(text string) bool

// patternKind compiles a pattern; fold ignores letter case.
type patternKind func(pattern, escape string, fold bool) (matcher, error)

func regularExpression(pattern, _ string, fold bool) (matcher, error) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

// likePattern compiles a pattern with % and _; the escape character, \ unless another was given, takes the meaning from
// the next one.
func likePattern(pattern, escape string, fold bool) (matcher, error) {
	var b strings.Builder
	b.WriteString("(?s)^")
	if fold {
		b.Reset()
		b.WriteString("(?si)^")
	}
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case string(r) == escape:
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		b.WriteString(regexp.QuoteMeta(escape))
	}
	b.WriteString("$")
	return regularExpression(b.String(), "", false)
}

// pattern reads the pattern behind LIKE, ~ and their like.
func (p *parser) pattern(left *node, not, fold bool, kind patternKind) (*node, error) {
	right, err := p.sum()
	if err != nil {
		return nil, err
	}
	escape := `\`
	if p.word("escape") {
		t := p.next()
		if t.kind != kindText || len([]rune(t.text)) != 1 {
			return nil, p.wrong(t, "one character is expected behind ESCAPE, not %s", show(t))
		}
		escape = t.text
	}
	for _, n := range []*node{left, right} {
		if err := p.want(n, typeText); err != nil {
			return nil, err
		}
	}
	match, err := p.matching(right, func(pattern string) (matcher, error) { return kind(pattern, escape, fold) })
	if err != nil {
		return nil, err
	}
	return negated(&node{typ: typeBool, pos: left.pos, eval: func(r *Request) value {
		text, pattern := left.eval(r), match(r)
		if text == nil || pattern == nil {
			return nil
		}
		return pattern(text.(string))
	}}, left.pos, not), nil
}

// matching returns how to get the compiled pattern: once for a constant, at every request for another, where one that is
// malformed counts as NULL.
func (p *parser) matching(n *node, compile func(string) (matcher, error)) (func(*Request) matcher, error) {
	if n.constant && n.typ == typeText {
		m, err := compile(n.text)
		if err != nil {
			return nil, &mistake{p.text, n.pos, err.Error()}
		}
		return func(*Request) matcher { return m }, nil
	}
	return func(r *Request) matcher {
		pattern, ok := n.eval(r).(string)
		if !ok {
			return nil
		}
		m, err := compile(pattern)
		if err != nil {
			return nil
		}
		return m
	}, nil
}
