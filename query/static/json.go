package static

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// jsonFile reads a JSON file: objects one after the other, or lists of objects; each object is a row.
type jsonFile struct {
	file   string
	d      *json.Decoder
	inList bool // between [ and ] at the top
}

// object is one of JSON with its keys in order.
type object struct {
	keys   []string
	values []any
}

func openJSON(file string, in io.Reader) *jsonFile {
	f := &jsonFile{file: file, d: json.NewDecoder(withoutMark(in))}
	f.d.UseNumber()
	return f
}

// next returns the next row, or io.EOF. Mistakes have a line of 0: see lineAt.
func (f *jsonFile) next() (*object, error) {
	for {
		t, err := f.d.Token()
		switch {
		case errors.Is(err, io.EOF) && !f.inList:
			return nil, io.EOF
		case err != nil:
			return nil, f.wrong(err)
		case t == json.Delim('{'):
			return f.object(1)
		case t == json.Delim('[') && !f.inList:
			f.inList = true
		case t == json.Delim(']'):
			f.inList = false
		default:
			return nil, f.mistake("there is a value that is no object", "write one object for each row")
		}
	}
}

func (f *jsonFile) object(depth int) (*object, error) {
	o := &object{}
	for f.d.More() {
		t, err := f.d.Token()
		if err != nil {
			return nil, f.wrong(err)
		}
		key, ok := t.(string)
		if !ok {
			return nil, f.mistake("this is no JSON", "")
		}
		if slices.Contains(o.keys, key) {
			return nil, f.mistake(fmt.Sprintf("an object has the key %q twice", printable(key)), "leave one of them out")
		}
		v, err := f.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.keys, o.values = append(o.keys, key), append(o.values, v)
		if len(o.keys) > maxFields {
			return nil, f.mistake(fmt.Sprintf("an object has more than %d keys", maxFields), "write what varies as a list of objects with a key and a value")
		}
	}
	_, err := f.d.Token() // }
	return o, f.wrong(err)
}

// value reads a value: nil, bool, json.Number, string, *object or []any.
func (f *jsonFile) value(depth int) (any, error) {
	if depth > maxNesting {
		return nil, f.mistake(fmt.Sprintf("objects and lists are nested more than %d deep", maxNesting), "write what is deep as text")
	}
	t, err := f.d.Token()
	if err != nil {
		return nil, f.wrong(err)
	}
	switch t {
	case json.Delim('{'):
		return f.object(depth)
	case json.Delim('['):
		list := []any{}
		for f.d.More() {
			v, err := f.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := f.d.Token() // ]
		return list, f.wrong(err)
	}
	return t, nil
}

func (f *jsonFile) mistake(msg, fix string) error {
	return &jsonError{offset: f.d.InputOffset(), what: &mistake{file: f.file, msg: msg, fix: fix}}
}

// wrong makes a mistake of what the decoder says.
func (f *jsonFile) wrong(err error) error {
	if err == nil {
		return nil
	}
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &jsonError{offset: at.Offset, what: &mistake{file: f.file, msg: "this is no JSON: " + at.Error(), fix: "write one object for each row, or a list of them"}}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.mistake("the file ends in the middle of a value", "is it complete?")
	}
	return err
}

// jsonError is a mistake whose line is not known yet.
type jsonError struct {
	offset int64
	what   *mistake
}

func (m *jsonError) Error() string { return m.what.Error() }

// lineOf finds out in which line of the file at path a mistake is.
func lineOf(path string, err error) error {
	m, ok := errors.AsType[*jsonError](err)
	if !ok {
		return err
	}
	in, e := os.Open(path)
	if e != nil {
		return errors.Join(m.what, e)
	}
	defer in.Close()
	lines := lineCounter(1)
	if _, e := io.Copy(&lines, io.LimitReader(withoutMark(in), m.offset)); e != nil {
		return errors.Join(m.what, e)
	}
	return placed(m.what, m.what.file, int(lines))
}

// lineCounter counts the lines of what is written to it.
type lineCounter int

func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

func (f *jsonFile) learn(s *shape) error {
	rows := 0
	for {
		row, err := f.next()
		if errors.Is(err, io.EOF) {
			if len(s.fields) == 0 {
				return &mistake{f.file, 0, "there are no objects with keys, so that the table has no columns", "leave the file out until it has rows"}
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.learn(row); err != nil {
			if m, ok := errors.AsType[*mistake](err); ok {
				return f.mistake(m.msg, m.fix)
			}
			return err
		}
		if rows++; rows%1024 == 1 && s.count() > maxFields {
			return f.mistake(fmt.Sprintf("there are more than %d different columns or keys", maxFields), "write what varies as a list of objects with a key and a value")
		}
	}
}

// learn adds a value to what is known.
func (s *shape) learn(v any) error {
	switch v := v.(type) {
	case nil:
	case bool:
		s.seen |= kindBool
	case string:
		s.seen |= kindText
	case json.Number:
		s.seen |= numberKind(string(v))
	case *object:
		s.seen |= kindObject
		for i, key := range v.keys {
			f, err := s.field(key)
			if err == nil {
				err = f.learn(v.values[i])
			}
			if err != nil {
				return err
			}
		}
	case []any:
		s.seen |= kindList
		if s.element == nil {
			s.element = &shape{}
		}
		for _, e := range v {
			if err := s.element.learn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// textOf is a value where a column holds values of several kinds: texts as they are, all else as JSON.
func textOf(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	return string(appendJSON(nil, v))
}

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendQuoted(b, v)
	case json.Number:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	case *object:
		b = append(b, '{')
		for i, key := range v.keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendQuoted(b, key), ':'), v.values[i])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

func appendQuoted(b []byte, text string) []byte {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // of a string never fails
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte{'\n'})...)
}
