package authtest

import (
	"reflect"
	"strings"
)

// Holds reports whether one of the secrets is in the memory that v reaches, as text or as bytes.
func Holds(v any, secrets ...string) bool {
	w := memory{secrets: secrets, seen: map[uintptr]bool{}}
	return w.holds(reflect.ValueOf(v))
}

type memory struct {
	secrets []string
	seen    map[uintptr]bool // pointers that were followed
}

func (m *memory) shows(text string) bool {
	for _, s := range m.secrets {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func (m *memory) holds(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return m.shows(v.String())
	case reflect.Pointer:
		if v.IsNil() || m.seen[v.Pointer()] {
			return false
		}
		m.seen[v.Pointer()] = true
		return m.holds(v.Elem())
	case reflect.Interface:
		return !v.IsNil() && m.holds(v.Elem())
	case reflect.Struct:
		for _, f := range v.Fields() {
			if m.holds(f) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if m.holds(k) || m.holds(v.MapIndex(k)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			text := make([]byte, v.Len())
			for i := range text {
				text[i] = byte(v.Index(i).Uint())
			}
			return m.shows(string(text))
		}
		for i := range v.Len() {
			if m.holds(v.Index(i)) {
				return true
			}
		}
	}
	return false
}
