package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/micromegas-go/micromegas/telemetry"
)

const testID = "5d3c1a7e-0b1f-4c6d-9d2a-6a1f0e9b8c01"

// The bodies are made by another CBOR library, so that our encoder cannot hide a mistake of our decoder.

func processMap() map[string]any {
	return map[string]any{
		"process_id": testID, "exe": "exe", "username": "user", "realname": "real", "computer": "pc", "distro": "linux",
		"cpu_brand": "cpu", "tsc_frequency": 1000, "start_time": "2026-03-01T12:00:00.123456789Z", "start_ticks": -7,
		"parent_process_id": nil, "properties": map[string]any{"a": "b"},
	}
}

func streamMap() map[string]any {
	return map[string]any{
		"process_id": testID, "stream_id": testID, "dependencies_metadata": []any{}, "tags": []any{"log", "x"},
		"objects_metadata": []any{typeMap()}, "properties": map[string]any{"thread-id": "5"},
	}
}

func typeMap() map[string]any {
	return map[string]any{"name": "T", "size": 16, "is_reference": true, "members": []any{memberMap()}}
}

func memberMap() map[string]any {
	return map[string]any{"name": "m", "type_name": "u64", "offset": 8, "size": 8, "is_reference": false}
}

func blockMap() map[string]any {
	return map[string]any{
		"block_id": testID, "stream_id": testID, "process_id": testID, "begin_time": "2026-03-01T12:00:00Z",
		"end_time": "2026-03-01T12:00:01+02:00", "begin_ticks": -1, "end_ticks": 2, "nb_objects": 3, "object_offset": 4,
		"payload": map[string]any{"dependencies": []byte("dep"), "objects": []byte("obj")},
	}
}

func mustCBOR(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// with returns m with one key set, or removed when v is absent.
func with(m map[string]any, key string, v any) map[string]any {
	m = maps.Clone(m)
	m[key] = v
	return m
}

type endpoint struct {
	name string
	body map[string]any
	try  func([]byte) error
}

var (
	atProcess = endpoint{"insert_process", processMap(), func(b []byte) error { _, err := DecodeProcess(b); return err }}
	atStream  = endpoint{"insert_stream", streamMap(), func(b []byte) error { _, err := DecodeStream(b); return err }}
	atBlock   = endpoint{"insert_block", blockMap(), func(b []byte) error { _, _, err := DecodeBlock(b); return err }}
)

// TestAccepted has the liberties that existing servers allow.
func TestAccepted(t *testing.T) {
	for _, ep := range []endpoint{atProcess, atStream, atBlock} {
		body := mustCBOR(t, ep.body)
		for name, b := range map[string][]byte{
			"as it is":             body,
			"bytes after the end":  append(slices.Clone(body), 0xff, 0x00),
			"self-described":       append([]byte{0xd9, 0xd9, 0xf7}, body...),
			"unknown keys":         mustCBOR(t, with(with(ep.body, "zzz", []any{1.5, map[string]any{"a": nil}, []byte{1}, true}), "Exe", "x")),
			"tagged unknown value": mustCBOR(t, with(ep.body, "zzz", cbor.Tag{Number: 1, Content: 12})),
			"indefinite lengths":   indefinite(ep.body),
		} {
			if err := ep.try(b); err != nil {
				t.Errorf("%s, %s: %v", ep.name, name, err)
			}
		}
	}
	for name, tc := range map[string]struct {
		at    endpoint
		key   string
		value any
	}{
		"parent is empty":            {atProcess, "parent_process_id", ""},
		"parent is a uuid":           {atProcess, "parent_process_id", testID},
		"uuid in upper case":         {atProcess, "process_id", strings.ToUpper(testID)},
		"uuid without hyphens":       {atProcess, "process_id", strings.ReplaceAll(testID, "-", "")},
		"uuid in braces":             {atProcess, "process_id", "{" + testID + "}"},
		"uuid as urn":                {atProcess, "process_id", "urn:uuid:" + testID},
		"space in the time":          {atProcess, "start_time", "2026-03-01 12:00:00Z"},
		"lower case in the time":     {atProcess, "start_time", "2026-03-01t12:00:00z"},
		"offset in the time":         {atProcess, "start_time", "2026-03-01T12:00:00.1+02:00"},
		"frequency 0":                {atProcess, "tsc_frequency", 0},
		"negative frequency":         {atProcess, "tsc_frequency", -5},
		"largest frequency":          {atProcess, "tsc_frequency", int64(1<<63 - 1)},
		"smallest ticks":             {atProcess, "start_ticks", int64(-1 << 63)},
		"-1 objects":                 {atBlock, "nb_objects", -1},
		"end before begin":           {atBlock, "end_time", "2020-03-01T12:00:00Z"},
		"payload of integers":        {atBlock, "payload", map[string]any{"dependencies": []int{0, 23, 24, 255}, "objects": []int{}}},
		"payload that is garbage":    {atBlock, "payload", map[string]any{"dependencies": []byte("garbage"), "objects": []byte{}}},
		"type with members outside":  {atStream, "objects_metadata", []any{with(typeMap(), "size", 1)}},
		"texts of many characters":   {atProcess, "exe", strings.Repeat("é", 1000)},
		"unknown keys within a type": {atStream, "objects_metadata", []any{with(with(typeMap(), "extra", 1), "members", []any{with(memberMap(), "extra", "x")})}},
	} {
		if err := tc.at.try(mustCBOR(t, with(tc.at.body, tc.key, tc.value))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// indefinite encodes v with indefinite lengths, texts in two pieces included.
func indefinite(v any) []byte {
	var b bytes.Buffer
	e := cbor.NewEncoder(&b)
	var put func(v any)
	do := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	put = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			do(e.StartIndefiniteMap())
			for k, x := range v {
				put(k)
				put(x)
			}
		case []any:
			do(e.StartIndefiniteArray())
			for _, x := range v {
				put(x)
			}
		case string:
			do(e.StartIndefiniteTextString())
			do(e.Encode(v[:len(v)/2]))
			do(e.Encode(v[len(v)/2:]))
		case []byte:
			do(e.StartIndefiniteByteString())
			do(e.Encode(v))
		default:
			do(e.Encode(v))
			return
		}
		do(e.EndIndefinite())
	}
	put(v)
	return b.Bytes()
}

// TestRefused breaks one rule at a time and checks that the error says which.
func TestRefused(t *testing.T) {
	deep := any("x")
	for range maxDepth + 2 {
		deep = []any{deep}
	}
	for name, tc := range map[string]struct {
		at    endpoint
		key   string
		value any
		want  string
	}{
		"parent is no uuid":          {atProcess, "parent_process_id", "none", `parent_process_id: "none" is not a UUID`},
		"uuid of bytes":              {atProcess, "process_id", make([]byte, 16), "process_id: is a byte string, want text"},
		"uuid is null":               {atProcess, "process_id", nil, "process_id: is null, want text"},
		"time without zone":          {atProcess, "start_time", "2026-03-01T12:00:00", "start_time: \"2026-03-01T12:00:00\" is not an RFC 3339 time"},
		"date only":                  {atProcess, "start_time", "2026-03-01", "start_time: "},
		"year beyond 9999":           {atBlock, "begin_time", "+12026-03-01T12:00:00Z", "begin_time: "},
		"year out of range":          {atBlock, "begin_time", "9999-03-01T12:00:00Z", "begin_time: \"9999-03-01T12:00:00Z\" lies outside of the years"},
		"time is a number":           {atBlock, "end_time", 5, "end_time: is an integer, want text"},
		"float frequency":            {atProcess, "tsc_frequency", 1.5, "tsc_frequency: is a float, want an integer"},
		"frequency of 2^63":          {atProcess, "tsc_frequency", uint64(1 << 63), "tsc_frequency: does not fit a signed 64-bit integer"},
		"property value is a number": {atProcess, "properties", map[string]any{"a": 1}, `properties: value of "a" is an integer, want text`},
		"properties are a list":      {atProcess, "properties", []any{}, "properties: is an array, want a map"},
		"NUL in exe":                 {atProcess, "exe", "a\x00b", "exe: contains a NUL"},
		"NUL in a property":          {atProcess, "properties", map[string]any{"a": "\x00"}, `properties: value of "a" contains a NUL`},
		"NUL in a tag":               {atStream, "tags", []any{"ok", "\x00"}, "tags: [1]: contains a NUL"},
		"tag is a number":            {atStream, "tags", []any{7}, "tags: [0]: is an integer, want text"},
		"type without keys":          {atStream, "objects_metadata", []any{map[string]any{"name": "x"}}, "objects_metadata: [0]: missing size, members, is_reference"},
		"type of negative size":      {atStream, "dependencies_metadata", []any{with(typeMap(), "size", -1)}, "dependencies_metadata: [0]: size: is -1, want 0 to 2^32-1"},
		"type of huge size":          {atStream, "dependencies_metadata", []any{with(typeMap(), "size", 1<<32)}, "dependencies_metadata: [0]: size: is 4294967296"},
		"member without offset":      {atStream, "objects_metadata", []any{with(typeMap(), "members", []any{map[string]any{"name": "x", "type_name": "x", "size": 1, "is_reference": true}})}, "members: [0]: missing offset"},
		"reference flag is 1":        {atStream, "objects_metadata", []any{with(typeMap(), "is_reference", 1)}, "is_reference: is an integer, want a boolean"},
		"257 types":                  {atStream, "objects_metadata", slices.Repeat([]any{typeMap()}, 257), "objects_metadata: has more than 256 elements"},
		"payload element of 256":     {atBlock, "payload", map[string]any{"dependencies": []int{1, 256}, "objects": []int{}}, "payload: dependencies: element 1 is 256, want 0 to 255"},
		"payload element of -1":      {atBlock, "payload", map[string]any{"dependencies": []int{-1}, "objects": []int{}}, "payload: dependencies: element 0 is -1"},
		"payload element is text":    {atBlock, "payload", map[string]any{"dependencies": []any{"x"}, "objects": []int{}}, "payload: dependencies: element 0 is text, want an integer"},
		"payload is text":            {atBlock, "payload", map[string]any{"dependencies": "x", "objects": []int{}}, "payload: dependencies: is text, want a byte string"},
		"payload without objects":    {atBlock, "payload", map[string]any{"dependencies": []byte{}}, "payload: missing objects"},
		"2^31 objects":               {atBlock, "nb_objects", 1 << 31, "nb_objects: is 2147483648, which does not fit"},
		"null ticks":                 {atBlock, "begin_ticks", nil, "begin_ticks: is null, want an integer"},
		"nesting in an unknown key":  {atBlock, "zzz", deep, `"zzz": nests deeper than 32 levels`},
	} {
		err := tc.at.try(mustCBOR(t, with(tc.at.body, tc.key, tc.value)))
		if err == nil || !strings.HasPrefix(err.Error(), tc.at.name+": ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", name, err, tc.want)
		}
	}
}

// TestRefusedBodies has what cannot be expressed as one wrong value.
func TestRefusedBodies(t *testing.T) {
	for _, ep := range []endpoint{atProcess, atStream, atBlock} {
		body := mustCBOR(t, ep.body)
		for key := range ep.body {
			m := maps.Clone(ep.body)
			delete(m, key)
			wantError(t, ep, "without "+key, mustCBOR(t, m), "missing "+key)
			m[strings.ToUpper(key)] = ep.body[key]
			wantError(t, ep, key+" in upper case", mustCBOR(t, m), "missing "+key)
			twice := append([]byte{0xbf}, body[1:]...)
			twice = append(append(append(twice, mustCBOR(t, key)...), mustCBOR(t, ep.body[key])...), 0xff)
			wantError(t, ep, key+" twice", twice, fmt.Sprintf("key %q occurs twice", key))
		}
		for n := range len(body) {
			if err := ep.try(body[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", ep.name, n, len(body))
			}
		}
		for name, tc := range map[string]struct{ body, want string }{
			"empty":                   {"", "the body is empty"},
			"not a map":               {"80", "is an array, want a map"},
			"only the tag":            {"d9d9f7", "ends in the middle"},
			"another tag":             {"c1a0", "is a tag, want a map"},
			"reserved length":         {"bc", "not well-formed"},
			"gzip":                    {"1f8b08", "not well-formed"},
			"number as a key":         {"a10101", "a map key is an integer, want text"},
			"map of 2^60":             {"bb1000000000000000", "ends in the middle"},
			"key is not UTF-8":        {"a161ff01", "a map key is not valid UTF-8"},
			"text of bytes":           {"a17f4161ff01", "not well-formed"},
			"break in a map":          {"a1ff", "not well-formed"},
			"unknown array of 2^60":   {"a161789b1000000000000000", "ends in the middle"},
			"unknown text of 2^60":    {"a161787b1000000000000000", "ends in the middle"},
			"unknown nested too deep": {"a16178" + strings.Repeat("81", 100_000), "nests deeper"},
		} {
			b, err := hex.DecodeString(tc.body)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, ep, name, b, tc.want)
		}
	}
	twice := with(processMap(), "properties", cbor.RawMessage{0xa2, 0x61, 'a', 0x61, 'b', 0x61, 'a', 0x61, 'c'})
	wantError(t, atProcess, "property twice", mustCBOR(t, twice), `properties: key "a" occurs twice`)
	huge := with(blockMap(), "payload", map[string]any{"dependencies": cbor.RawMessage{0x9b, 0, 0, 0, 0, 0x40, 0, 0, 0}, "objects": []int{}})
	wantError(t, atBlock, "array of 2^30", mustCBORRaw(t, huge), "at most 104857600 are accepted")
}

// mustCBORRaw marshals without looking into raw messages, which may be malformed on purpose.
func mustCBORRaw(t *testing.T, m map[string]any) []byte {
	t.Helper()
	out := appendHead(nil, majorMap, uint64(len(m)))
	for k, v := range m {
		out = appendText(out, k)
		switch v := v.(type) {
		case cbor.RawMessage:
			out = append(out, v...)
		case map[string]any:
			out = append(out, mustCBORRaw(t, v)...)
		default:
			out = append(out, mustCBOR(t, v)...)
		}
	}
	return out
}

func wantError(t *testing.T, ep endpoint, name string, body []byte, want string) {
	t.Helper()
	err := ep.try(body)
	if err == nil || !strings.HasPrefix(err.Error(), ep.name+": ") || !strings.Contains(err.Error(), want) {
		t.Errorf("%s, %s: %v\nwant %s", ep.name, name, err, want)
	}
}

func TestDecodeProcess(t *testing.T) {
	m := with(processMap(), "exe", strings.Repeat("é", 300))
	m["properties"] = map[string]any{"a": "b", "micromegas.audience": "x", "micromegas.b": "y", "micromegas": "kept"}
	body := mustCBOR(t, m)
	got, err := DecodeProcess(body)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := telemetry.ParseProcessID(testID)
	want := telemetry.Process{
		ID: id, Exe: strings.Repeat("é", 255), Username: "user", Realname: "real", Computer: "pc", Distro: "linux", CPUBrand: "cpu",
		TSCFrequency: 1000, StartTime: 1772366400123456000, StartTicks: -7,
		Properties: map[string]string{"a": "b", "micromegas": "kept"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if names := ReservedProperties(body); !slices.Equal(names, []string{"micromegas.audience", "micromegas.b"}) {
		t.Errorf("reserved %v", names)
	}
	if names := ReservedProperties([]byte{1}); names != nil {
		t.Errorf("reserved %v in garbage", names)
	}
}

func TestEnvelopesRoundTrip(t *testing.T) {
	p, err := DecodeProcess(mustCBOR(t, with(processMap(), "parent_process_id", testID)))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []telemetry.Process{p, {Properties: map[string]string{}}} {
		if back, err := DecodeProcess(EncodeProcess(p)); err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("%+v: %v\nwant %+v", back, err, p)
		}
	}
	s, err := DecodeStream(mustCBOR(t, streamMap()))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := DecodeStream(EncodeStream(s)); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%+v: %v\nwant %+v", back, err, s)
	}
	b, payload, err := DecodeBlock(mustCBOR(t, blockMap()))
	if err != nil {
		t.Fatal(err)
	}
	if b.EndTime != 1772359201000000000 || b.PayloadSize != int64(len(payload.Encode())) {
		t.Errorf("%+v", b)
	}
	for _, p := range []Payload{payload, {Dependencies: bytes.Repeat([]byte{1}, 300), Objects: bytes.Repeat([]byte{2}, 70_000)}} {
		b.PayloadSize = int64(len(p.Encode()))
		back, backPayload, err := DecodeBlock(EncodeBlock(b, p))
		if err != nil || back != b || !reflect.DeepEqual(backPayload, p) {
			t.Errorf("%+v %v: %v\nwant %+v", back, backPayload, err, b)
		}
		if stored, err := DecodePayload(p.Encode()); err != nil || !reflect.DeepEqual(stored, p) {
			t.Errorf("stored form: %v", err)
		}
	}
}

// TestCanonicalMetadata pins the stored bytes of a layout, which other implementations read.
func TestCanonicalMetadata(t *testing.T) {
	s, err := DecodeStream(indefinite(streamMap()))
	if err != nil {
		t.Fatal(err)
	}
	const want = "81" + "a4" + "646e616d65" + "6154" + "6473697a65" + "10" + "676d656d62657273" + "81" +
		"a5" + "646e616d65" + "616d" + "69747970655f6e616d65" + "63753634" + "666f6666736574" + "08" + "6473697a65" + "08" +
		"6c69735f7265666572656e6365" + "f4" + "6c69735f7265666572656e6365" + "f5"
	if got := hex.EncodeToString(s.ObjectsMetadata); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := hex.EncodeToString(s.DependenciesMetadata); got != "80" {
		t.Errorf("empty layout is %s", got)
	}
}

// TestEncodersAgainstLibrary reads our encoding with another CBOR library.
func TestEncodersAgainstLibrary(t *testing.T) {
	b, p, err := DecodeBlock(mustCBOR(t, blockMap()))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := cbor.Unmarshal(EncodeBlock(b, p), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"block_id": testID, "stream_id": testID, "process_id": testID, "begin_time": "2026-03-01T12:00:00.000000000Z",
		"end_time": "2026-03-01T10:00:01.000000000Z", "begin_ticks": int64(-1), "end_ticks": uint64(2), "nb_objects": uint64(3),
		"object_offset": uint64(4), "payload": map[any]any{"dependencies": []byte("dep"), "objects": []byte("obj")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestPayloadValidate(t *testing.T) {
	good := deflate(nil)
	rust, err := hex.DecodeString("04224d185440ae00000000055dcc02")
	if err != nil {
		t.Fatal(err)
	}
	unreal := rust[:11]
	for name, tc := range map[string]struct {
		p    Payload
		want string
	}{
		"ours":                 {Payload{good, good}, ""},
		"empty of rust":        {Payload{rust, rust}, ""},
		"eleven bytes":         {Payload{unreal, unreal}, ""},
		"no dependencies":      {Payload{nil, good}, "payload.dependencies: is empty"},
		"no objects":           {Payload{good, nil}, "payload.objects: is empty"},
		"objects are text":     {Payload{good, []byte("this is not compressed")}, "payload.objects: is not an LZ4 frame"},
		"dependencies are cut": {Payload{good[:5], good}, "payload.dependencies: is not an LZ4 frame"},
	} {
		err := tc.p.Validate()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}
