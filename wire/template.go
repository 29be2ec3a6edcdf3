package wire

import "strings"

// render fills in a message template. "{{" and "}}" stand for one brace. "{name}", "{name:}" and "{name:?}" are
// replaced by the property of exactly that name; a placeholder without such a property, and a lone brace, are copied.
//
// The bytes written and the properties looked at are taken from budget, because a short template can make a long text.
// When it is used up, the result is false.
func render(template string, props Properties, budget *int64) (string, bool) {
	var b strings.Builder
	b.Grow(len(template) + 32)
	closed := true // a closing brace may follow
	for len(template) > 0 {
		i := strings.IndexAny(template, "{}")
		if i < 0 {
			i = len(template)
		}
		text, rest, value := template[:i], template[i:], ""
		switch {
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
			text, rest = template[:i+1], rest[2:]
		case rest != "":
			end := -1
			if rest[0] == '{' && closed {
				end = strings.IndexByte(rest, '}')
				closed = end >= 0
			}
			value, rest = rest[:end+1], rest[end+1:]
			if end < 0 {
				text, rest = template[:i+1], template[i+1:]
				break
			}
			*budget -= int64(len(props))
			if v, ok := props.Value(placeholder(value)); ok {
				value = v
			}
		}
		if *budget -= int64(len(text) + len(value)); *budget < 0 {
			return "", false
		}
		b.WriteString(text)
		b.WriteString(value)
		template = rest
	}
	return b.String(), true
}

// placeholder returns the name within s, which is in braces.
func placeholder(s string) string {
	name, debug := strings.CutSuffix(s[1:len(s)-1], ":?")
	if !debug {
		name = strings.TrimSuffix(name, ":")
	}
	return name
}
