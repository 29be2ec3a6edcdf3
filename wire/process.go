package wire

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/telemetry"
)

// ReservedPrefix begins the property names that only the server may set. Decoding drops what a client sends under it.
const ReservedPrefix = "micromegas."

// maxShortText is the number of characters that each of the six texts about a process keeps; it is the width of the
// columns that other installations store them in.
const maxShortText = 255

// DecodeProcess reads the body of an insert_process request. Every error is permanent: the same body will never be
// accepted. The six texts are cut to 255 characters; a NUL in any text is an error. Properties under
// [ReservedPrefix] are left out, see [ReservedProperties].
func DecodeProcess(body []byte) (telemetry.Process, error) {
	p, _, err := decodeProcess(body)
	return p, err
}

func decodeProcess(body []byte) (p telemetry.Process, reserved []string, err error) {
	r, err := newCBORReader(body)
	if err != nil {
		return telemetry.Process{}, nil, fmt.Errorf("insert_process: %w", err)
	}
	err = r.object([]cborField{
		{"process_id", r.intoID(func(s string) (err error) { p.ID, err = telemetry.ParseProcessID(s); return })},
		{"exe", r.intoShortText(&p.Exe)},
		{"username", r.intoShortText(&p.Username)},
		{"realname", r.intoShortText(&p.Realname)},
		{"computer", r.intoShortText(&p.Computer)},
		{"distro", r.intoShortText(&p.Distro)},
		{"cpu_brand", r.intoShortText(&p.CPUBrand)},
		{"tsc_frequency", r.intoInt64(&p.TSCFrequency)},
		{"start_time", r.intoTime(&p.StartTime)},
		{"start_ticks", r.intoInt64((*int64)(&p.StartTicks))},
		{"parent_process_id", func() error {
			if r.null() {
				return nil
			}
			return r.intoID(func(s string) (err error) {
				if s != "" {
					p.Parent, err = telemetry.ParseProcessID(s)
				}
				return
			})()
		}},
		{"properties", r.intoProperties(&p.Properties, &reserved)},
	})
	if err != nil {
		return telemetry.Process{}, nil, fmt.Errorf("insert_process: %w", err)
	}
	return p, reserved, nil
}

// EncodeProcess returns the body of an insert_process request.
func EncodeProcess(p telemetry.Process) []byte {
	dst := appendHead(nil, majorMap, 12)
	dst = appendText(appendText(dst, "process_id"), p.ID.String())
	dst = appendText(appendText(dst, "exe"), p.Exe)
	dst = appendText(appendText(dst, "username"), p.Username)
	dst = appendText(appendText(dst, "realname"), p.Realname)
	dst = appendText(appendText(dst, "computer"), p.Computer)
	dst = appendText(appendText(dst, "distro"), p.Distro)
	dst = appendText(appendText(dst, "cpu_brand"), p.CPUBrand)
	dst = appendInt(appendText(dst, "tsc_frequency"), p.TSCFrequency)
	dst = appendText(appendText(dst, "start_time"), p.StartTime.String())
	dst = appendInt(appendText(dst, "start_ticks"), int64(p.StartTicks))
	dst = appendText(dst, "parent_process_id")
	if p.Parent.IsZero() {
		dst = append(dst, cborNull)
	} else {
		dst = appendText(dst, p.Parent.String())
	}
	return appendTextMap(appendText(dst, "properties"), p.Properties)
}

// ReservedProperties returns the names of the properties that [DecodeProcess] or [DecodeStream] leaves out of body,
// sorted, so that the server can tell the client's owner. A body that cannot be decoded has none.
func ReservedProperties(body []byte) []string {
	r, err := newCBORReader(body)
	if err != nil {
		return nil
	}
	var reserved []string
	var kept map[string]string
	if r.object([]cborField{{"properties", r.intoProperties(&kept, &reserved)}}) != nil {
		return nil
	}
	slices.Sort(reserved)
	return reserved
}

// intoProperties reads a property map into dst and the names under [ReservedPrefix] into reserved.
func (r *cborReader) intoProperties(dst *map[string]string, reserved *[]string) func() error {
	return func() error {
		m, err := r.textMap()
		if err != nil {
			return err
		}
		for k := range m {
			if strings.HasPrefix(k, ReservedPrefix) {
				*reserved = append(*reserved, k)
				delete(m, k)
			}
		}
		*dst = m
		return nil
	}
}

func (r *cborReader) intoShortText(dst *string) func() error {
	return func() error {
		s, err := r.text()
		*dst = cutText(s, maxShortText)
		return err
	}
}

// cutText returns the first n characters of s.
func cutText(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return strings.Clone(s[:i])
		}
		n--
	}
	return s
}
