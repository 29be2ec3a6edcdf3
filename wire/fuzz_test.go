package wire

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

func seedBodies(f *testing.F, endpoint string) {
	f.Helper()
	for _, set := range vectorSets {
		for _, body := range vectorBodies(f, set, endpoint) {
			if len(body) < 16<<10 {
				f.Add(body)
			}
		}
	}
}

// checkWellFormed holds our acceptance against another CBOR library: what we accept is well-formed.
func checkWellFormed(t *testing.T, body []byte) {
	t.Helper()
	m, err := cbor.DecOptions{MaxNestedLevels: 256, MaxArrayElements: 1 << 30, MaxMapPairs: 1 << 30}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var first cbor.RawMessage
	if _, err := m.UnmarshalFirst(body, &first); err != nil {
		t.Fatalf("accepted, but not well-formed: %v", err)
	}
}

func FuzzDecodeProcess(f *testing.F) {
	seedBodies(f, "insert_process")
	f.Fuzz(func(t *testing.T, body []byte) {
		ReservedProperties(body)
		p, err := DecodeProcess(body)
		if err != nil {
			return
		}
		checkWellFormed(t, body)
		if back, err := DecodeProcess(EncodeProcess(p)); err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("%+v, then %+v (%v)", p, back, err)
		}
	})
}

func FuzzDecodeStream(f *testing.F) {
	seedBodies(f, "insert_stream")
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := DecodeStream(body)
		if err != nil {
			return
		}
		checkWellFormed(t, body)
		if back, err := DecodeStream(EncodeStream(s)); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%+v, then %+v (%v)", s, back, err)
		}
		for _, metadata := range [][]byte{s.DependenciesMetadata, s.ObjectsMetadata} {
			l, err := DecodeLayout(metadata)
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Validate()
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	seedBodies(f, "insert_block")
	f.Fuzz(func(t *testing.T, body []byte) {
		b, p, err := DecodeBlock(body)
		if err != nil {
			return
		}
		checkWellFormed(t, body)
		back, backPayload, err := DecodeBlock(EncodeBlock(b, p))
		if err != nil || back != b || string(backPayload.Objects) != string(p.Objects) || string(backPayload.Dependencies) != string(p.Dependencies) {
			t.Fatalf("%+v, then %+v (%v)", b, back, err)
		}
		_ = p.Validate()
		// The payload is an LZ4 frame at best; inflating must keep to its limit.
		if q, err := inflate(p.Objects, 1<<16); err == nil && len(q) > 1<<16 {
			t.Fatalf("%d bytes", len(q))
		}
	})
}

// FuzzDecoder has the queues uncompressed, so that mutations reach the decoder.
func FuzzDecoder(f *testing.F) {
	for _, set := range vectorSets {
		c := loadCapture(f, set)
		for _, b := range c.blocks {
			s := c.streams[b.StreamID]
			deps, err1 := inflate(b.payload.Dependencies, 1<<20)
			objs, err2 := inflate(b.payload.Objects, 1<<20)
			if err1 != nil || err2 != nil {
				f.Fatal(err1, err2)
			}
			if len(objs) < 8<<10 {
				f.Add(s.DependenciesMetadata, s.ObjectsMetadata, deps, objs)
			}
		}
	}
	f.Fuzz(func(t *testing.T, depsLayout, objsLayout []byte, deps, objs string) {
		dl, err1 := DecodeLayout(depsLayout)
		ol, err2 := DecodeLayout(objsLayout)
		if err1 != nil || err2 != nil {
			return
		}
		d, err := NewDecoder(dl, ol, Limits{TextBytes: 1 << 24})
		if err != nil {
			t.Fatal(err)
		}
		b := d.acquire()
		_ = b.begin(deps, objs, false)
		var n int64
		_ = b.events(func(e *Event) error {
			n++
			if e.Kind == 0 || e.Type == "" {
				t.Fatalf("%+v", e)
			}
			texts := []string{e.Target, e.Msg, e.Name, e.Unit, e.File, e.ModulePath, e.Format}
			for _, p := range e.Properties {
				texts = append(texts, p.Name, p.Value)
			}
			for _, s := range texts {
				if !utf8.ValidString(s) {
					t.Fatalf("%q of %+v", s, e)
				}
			}
			return nil
		})
		if n != b.stats.Decoded || (b.stats.Bad > 0 && b.stats.FirstBad == nil) {
			t.Fatalf("%d events, %+v", n, b.stats)
		}
		d.release(b)

		b = d.acquire()
		_ = b.begin(deps, objs, true)
		var values int
		_ = b.walk(func(o Object) error {
			if values < 1<<20 { // a tree may have 65536 values, and the block many events
				values += count(&o)
			}
			return nil
		})
		d.release(b)
	})
}

// count walks a tree.
func count(o *Object) int {
	n := 1
	for _, f := range o.Fields {
		n++
		switch v := f.Value.(type) {
		case *Object:
			n += count(v)
		case string:
			if !utf8.ValidString(v) {
				panic("text " + v)
			}
		case uint8, uint32, uint64, int64, float64, []byte:
		default:
			panic("unexpected value")
		}
	}
	return n
}

// FuzzInflate: no frame makes the LZ4 library panic or write more than allowed.
func FuzzInflate(f *testing.F) {
	f.Add(deflate(nil))
	f.Add(deflate([]byte("abcabcabcabcabcabcabcabcabcabcabc")))
	for _, body := range vectorBodies(f, "v030", "insert_block") {
		if _, p, err := DecodeBlock(body); err == nil && len(p.Objects) < 4<<10 {
			f.Add(p.Objects)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if q, err := inflate(frame, 1<<16); err == nil && len(q) > 1<<16 {
			t.Fatalf("%d bytes", len(q))
		}
	})
}

// FuzzText: whatever the bytes, the result is UTF-8, and JSON's reader agrees on what is malformed.
func FuzzText(f *testing.F) {
	f.Add("plain", "{user} {{x}}")
	f.Add("\xf0\x9f\x8e\xff\xed\xa0\x80", "{a:?}}")
	f.Fuzz(func(t *testing.T, s, template string) {
		if got := lossyUTF8(s); !utf8.ValidString(got) || utf8.ValidString(s) && got != s {
			t.Fatalf("%q gives %q", s, got)
		}
		if got, err := lossyUTF16(s); err == nil && !utf8.ValidString(got) {
			t.Fatalf("%q gives %q", s, got)
		}
		if _, err := parseTime(s); err == nil && !json.Valid([]byte(`"`+s+`"`)) {
			t.Fatalf("%q is a time", s)
		}
		budget := int64(1 << 20)
		render(template, Properties{{"user", "x"}}, &budget)
	})
}
