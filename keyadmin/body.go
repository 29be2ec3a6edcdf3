package keyadmin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// maxBody bounds a body, in bytes.
const maxBody = 64 << 10

// maxNetworks bounds allowed_cidrs: each is compared on every request.
const maxNetworks = 100

// members are the members of a JSON object that was sent.
type members map[string]json.RawMessage

// readBody reads a JSON object whose members are all among allowed. Package encoding/json would take members of another
// letter case and the last of several with one name.
func readBody(w http.ResponseWriter, r *http.Request, allowed ...string) (members, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody))
	}
	if err != nil {
		return nil, fault.Wrap(fault.Canceled, "the body could not be read", err)
	}
	if !utf8.Valid(text) {
		return nil, fault.New(fault.Invalid, "the body is not UTF-8")
	}
	notObject := fault.New(fault.Invalid, "the body must be one JSON object")
	if !json.Valid(text) {
		return nil, notObject
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, notObject
	}
	m := members{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, notObject
		}
		key, _ := name.(string)
		if !slices.Contains(allowed, key) {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("unknown field %q; there are %s", auth.Printable(key), strings.Join(allowed, ", ")))
		}
		if _, twice := m[key]; twice {
			return nil, fault.New(fault.Invalid, "field "+key+" is given twice")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, notObject
		}
		m[key] = value
	}
	return m, nil
}

// value reads an optional member into v; null counts as absent.
func (m members) value(name, kind string, v any) error {
	raw, ok := m[name]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fault.New(fault.Invalid, name+": must be "+kind) // the cause may quote a key
	}
	return nil
}

func (m members) time(name string, t *time.Time) error {
	var text string
	if err := m.value(name, "a string", &text); err != nil || text == "" {
		return err
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fault.New(fault.Invalid, name+": must be a time such as 2027-01-31T00:00:00Z (RFC 3339)")
	}
	*t = parsed
	return nil
}

func (m members) networks(name string, networks *[]netip.Prefix) error {
	var texts []string
	if err := m.value(name, "an array of networks", &texts); err != nil {
		return err
	}
	list, err := Networks(texts)
	if err != nil {
		return fault.New(fault.Invalid, name+err.Error())
	}
	*networks = list
	return nil
}

// Networks reads networks and addresses. The error begins with the place in the list.
func Networks(texts []string) ([]netip.Prefix, error) {
	if len(texts) > maxNetworks {
		return nil, fmt.Errorf(": must have at most %d entries", maxNetworks)
	}
	var list []netip.Prefix
	for i, text := range texts {
		n, ok := auth.ParseNetwork(text)
		if !ok {
			return nil, fmt.Errorf("[%d]: must be a network such as 10.1.0.0/16, without bits after the prefix, or an address", i)
		}
		list = append(list, n)
	}
	return list, nil
}

// spec reads what a key is to be.
func (f family) spec(m members) (Spec, error) {
	s := Spec{Roles: f.role}
	var audience string
	err := errors.Join(
		m.value("name", "a string", &s.Name),
		m.value("may_delegate", "true or false", &s.MayDelegate),
		m.value("audience", "a string", &audience),
		m.networks("allowed_cidrs", &s.Networks),
		m.time("not_before", &s.NotBefore),
		m.time("expires_at", &s.Expires),
	)
	if err == nil && audience != "" && audience != onlyAudience {
		err = fault.New(fault.Invalid, `audience: there is only "`+onlyAudience+`" yet; leave it out`)
	}
	return s, err
}
