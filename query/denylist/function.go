package denylist

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// function is a function of values none of which is NULL.
type function struct {
	args     []valueType
	optional int // how many of the last may be left out
	result   valueType
	call     func(v []value) value
}

func text(f func(string) string) function {
	return function{[]valueType{typeText}, 0, typeText, func(v []value) value { return f(v[0].(string)) }}
}

func number(f func(string) int) function {
	return function{[]valueType{typeText}, 0, typeNumber, func(v []value) value { return int64(f(v[0].(string))) }}
}

func test(f func(a, b string) bool) function {
	return function{[]valueType{typeText, typeText}, 0, typeBool, func(v []value) value { return f(v[0].(string), v[1].(string)) }}
}

// trimming takes the characters that may be trimmed as a second argument.
func trimming(f func(s, cutset string) string) function {
	return function{[]valueType{typeText, typeText}, 1, typeText, func(v []value) value {
		cutset := " "
		if len(v) == 2 {
			cutset = v[1].(string)
		}
		return f(v[0].(string), cutset)
	}}
}

var functions = map[string]function{
	"lower": text(strings.ToLower), "upper": text(strings.ToUpper),
	"trim": trimming(strings.Trim), "btrim": trimming(strings.Trim),
	"ltrim": trimming(strings.TrimLeft), "rtrim": trimming(strings.TrimRight),
	"length": number(utf8.RuneCountInString), "char_length": number(utf8.RuneCountInString),
	"character_length": number(utf8.RuneCountInString), "octet_length": number(func(s string) int { return len(s) }),
	"starts_with": test(strings.HasPrefix), "ends_with": test(strings.HasSuffix), "contains": test(strings.Contains),
	"strpos": {[]valueType{typeText, typeText}, 0, typeNumber, func(v []value) value {
		at := strings.Index(v[0].(string), v[1].(string))
		if at < 0 {
			return int64(0)
		}
		return int64(1 + utf8.RuneCountInString(v[0].(string)[:at]))
	}},
	"substr":    {[]valueType{typeText, typeNumber, typeNumber}, 1, typeText, substr},
	"substring": {[]valueType{typeText, typeNumber, typeNumber}, 1, typeText, substr},
	"left":      {[]valueType{typeText, typeNumber}, 0, typeText, func(v []value) value { return substr([]value{v[0], int64(1), v[1]}) }},
	"right": {[]valueType{typeText, typeNumber}, 0, typeText, func(v []value) value {
		runes := []rune(v[0].(string))
		return string(runes[max(0, int64(len(runes))-v[1].(int64)):])
	}},
	"replace": {[]valueType{typeText, typeText, typeText}, 0, typeText, func(v []value) value {
		if v[1] == "" {
			return v[0]
		}
		return strings.ReplaceAll(v[0].(string), v[1].(string), v[2].(string))
	}},
	"split_part": {[]valueType{typeText, typeText, typeNumber}, 0, typeText, func(v []value) value {
		parts := strings.Split(v[0].(string), v[1].(string))
		if n := v[2].(int64); n >= 1 && n <= int64(len(parts)) {
			return parts[n-1]
		}
		return ""
	}},
}

// substr counts characters from 1.
func substr(v []value) value {
	runes := []rune(v[0].(string))
	size := int64(len(runes))
	begin := min(max(v[1].(int64)-1, 0), size)
	end := size
	if len(v) == 3 {
		end = min(max(v[1].(int64)-1+min(v[2].(int64), size+1), begin), size)
	}
	return string(runes[begin:end])
}

// function reads the arguments of a call behind its parenthesis.
func (p *parser) function(t token) (*node, error) {
	var args []*node
	if !p.symbol(")") {
		for {
			n, err := p.or()
			if err != nil {
				return nil, err
			}
			args = append(args, n)
			if !p.symbol(",") {
				break
			}
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	switch t.text {
	case "regexp_like":
		return p.regexpLike(t, args)
	case "coalesce", "nullif", "concat":
		return p.mixed(t, args)
	}
	f, ok := functions[t.text]
	if !ok {
		return nil, p.wrong(t, "there is no function %s", show(t))
	}
	if len(args) > len(f.args) || len(args) < len(f.args)-f.optional {
		return nil, p.wrong(t, "%s takes %s, not %d", t.text, arguments(len(f.args)-f.optional, len(f.args)), len(args))
	}
	for i, a := range args {
		if err := p.want(a, f.args[i]); err != nil {
			return nil, err
		}
	}
	return &node{typ: f.result, pos: t.pos, eval: func(r *Request) value {
		values := make([]value, len(args))
		for i, a := range args {
			if values[i] = a.eval(r); values[i] == nil {
				return nil
			}
		}
		return f.call(values)
	}}, nil
}

func arguments(least, most int) string {
	if least == most {
		return fmt.Sprintf("%d arguments", most)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

func (p *parser) regexpLike(t token, args []*node) (*node, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, p.wrong(t, "regexp_like takes 2 to 3 arguments, not %d", len(args))
	}
	for _, a := range args {
		if err := p.want(a, typeText); err != nil {
			return nil, err
		}
	}
	fold := false
	if len(args) == 3 {
		if !args[2].constant || args[2].text != "i" && args[2].text != "" {
			return nil, &mistake{p.text, args[2].pos, "the third argument of regexp_like must be 'i' or ''"}
		}
		fold = args[2].text == "i"
	}
	match, err := p.matching(args[1], func(pattern string) (matcher, error) { return regularExpression(pattern, "", fold) })
	if err != nil {
		return nil, err
	}
	return &node{typ: typeBool, pos: t.pos, eval: func(r *Request) value {
		text, pattern := args[0].eval(r), match(r)
		if text == nil || pattern == nil {
			return nil
		}
		return pattern(text.(string))
	}}, nil
}

// mixed are the functions that look at NULLs.
func (p *parser) mixed(t token, args []*node) (*node, error) {
	if len(args) == 0 || t.text == "nullif" && len(args) != 2 {
		return nil, p.wrong(t, "%s has a wrong number of arguments", t.text)
	}
	typ := typeNull
	for _, a := range args {
		if a.typ != typeNull && typ == typeNull {
			typ = a.typ
		}
		if err := p.want(a, typ); err != nil && typ != typeNull {
			return nil, err
		}
	}
	n := &node{typ: typ, pos: t.pos}
	switch t.text {
	case "coalesce":
		n.eval = func(r *Request) value {
			for _, a := range args {
				if v := a.eval(r); v != nil {
					return v
				}
			}
			return nil
		}
	case "nullif":
		n.eval = func(r *Request) value {
			if v := args[0].eval(r); v != args[1].eval(r) {
				return v
			}
			return nil
		}
	case "concat":
		if err := p.want(n, typeText); err != nil {
			return nil, err
		}
		n.typ = typeText
		n.eval = func(r *Request) value {
			var b strings.Builder
			for _, a := range args {
				if v, ok := a.eval(r).(string); ok {
					b.WriteString(v)
				}
			}
			return b.String()
		}
	}
	return n, nil
}
