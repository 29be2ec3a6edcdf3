package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
)

// configDepth bounds the nesting of configuration values.
const configDepth = 16

// reader collects what is wrong with the value of one variable.
type reader struct {
	variable string
	file     string // that the value was read from; empty when it is the variable's own
	errs     []error
	warnings []string
}

func (r *reader) errorf(path, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s%w", r.variable, pathPrefix(path), fmt.Errorf(format, args...)))
}

func (r *reader) warnf(path, format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf("%s: %s%s", r.variable, pathPrefix(path), fmt.Sprintf(format, args...)))
}

func pathPrefix(path string) string {
	if path == "" {
		return ""
	}
	return path + " "
}

// parse returns the JSON value of text, or nil and false after reporting why not.
func (r *reader) parse(text string) (any, bool) {
	v, err := strictjson.Value([]byte(text), configDepth)
	if err == nil {
		return v, true
	}
	if errors.Is(err, strictjson.ErrLineBreak) {
		r.errorf("", "%w; remove the line breaks from keys before writing them into JSON, for instance with: tr -d '\\n'", err)
	} else if r.file != "" {
		r.errorf("", "%w; check it with: jq empty %s", err, Printable(r.file))
	} else {
		r.errorf("", "%w; check it with: printenv %s | jq empty", err, r.variable)
	}
	return nil, false
}

// object is one JSON object whose members are taken one by one; what remains is unknown.
type object struct {
	r       *reader
	path    string
	members map[string]any
	taken   map[string]bool
}

func (r *reader) object(path string, v any) (*object, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		r.errorf(path, "must be a JSON object, not %s", kind(v))
		return nil, false
	}
	return &object{r: r, path: path, members: m, taken: make(map[string]bool, len(m))}, true
}

func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

func (o *object) take(name string) (any, bool) {
	o.taken[name] = true
	v, ok := o.members[name]
	return v, ok
}

// required returns the non-empty string called name; fix says what to write there.
func (o *object) required(name, fix string) string {
	v, ok := o.take(name)
	if !ok {
		o.r.errorf(o.at(name), "is missing; set it to %s", fix)
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		o.r.errorf(o.at(name), "must be a string, not %s; set it to %s", kind(v), fix)
	case s == "":
		o.r.errorf(o.at(name), "is empty; set it to %s", fix)
	}
	return s
}

// text returns the optional string called name, not empty when present.
func (o *object) text(name string) string {
	v, ok := o.take(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok || s == "" {
		o.r.errorf(o.at(name), "must be a non-empty string, not %s", kind(v))
	}
	return s
}

// texts returns the optional array of non-empty strings called name.
func (o *object) texts(name string) []string {
	v, ok := o.take(name)
	if !ok {
		return nil
	}
	return o.r.texts(o.at(name), v)
}

func (r *reader) texts(path string, v any) []string {
	list, ok := v.([]any)
	if !ok {
		r.errorf(path, "must be an array of strings, not %s", kind(v))
		return nil
	}
	texts := make([]string, 0, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok || s == "" {
			r.errorf(fmt.Sprintf("%s[%d]", path, i), "must be a non-empty string, not %s", kind(e))
			continue
		}
		texts = append(texts, s)
	}
	return texts
}

// number returns the optional integer called name within [0, most], or fallback.
func (o *object) number(name string, fallback, most int64) int64 {
	v, ok := o.take(name)
	if !ok {
		return fallback
	}
	n, ok := v.(json.Number)
	if !ok {
		o.r.errorf(o.at(name), "must be an integer, not %s", kind(v))
		return fallback
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || i < 0 || i > most {
		o.r.errorf(o.at(name), "must be an integer from 0 to %d", most)
		return fallback
	}
	return i
}

// flag returns the optional boolean called name, or fallback.
func (o *object) flag(name string, fallback bool) bool {
	v, ok := o.take(name)
	if !ok {
		return fallback
	}
	b, ok := v.(bool)
	if !ok {
		o.r.errorf(o.at(name), "must be true or false, not %s", kind(v))
		return fallback
	}
	return b
}

// done warns about members that nothing took (A14). Those in unsupported would have restricted access; ignoring them
// would open what somebody meant to close, so they are errors.
func (o *object) done(unsupported ...string) {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		switch {
		case o.taken[name]:
		case slices.Contains(unsupported, name):
			o.r.errorf(o.at(name), "is not supported by this version; remove it")
		default:
			o.r.warnf(Printable(o.at(name)), "is unknown and ignored")
		}
	}
}

// doneStrict reports members that nothing took as errors, where ignoring one would open something.
func (o *object) doneStrict(known string) {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if !o.taken[name] {
			o.r.errorf(Printable(o.at(name)), "is unknown; use %s", known)
		}
	}
}

// kind names the JSON type of v without its value.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		if v == "" {
			return "an empty string"
		}
		return "a string"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}
