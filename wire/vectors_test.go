package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// vectorSets are the captured request sets; see testdata/native/README.md.
var vectorSets = []string{".", "v030", "v015", "unreal-synthetic"}

// capture is a set of captured requests, decoded.
type capture struct {
	processes map[telemetry.ProcessID]telemetry.Process
	streams   map[telemetry.StreamID]telemetry.Stream
	blocks    []capturedBlock
}

type capturedBlock struct {
	file string
	telemetry.Block
	payload Payload
}

func vectorPath(elem ...string) string {
	return filepath.Join(append([]string{"testdata", "native"}, elem...)...)
}

func vectorBodies(tb testing.TB, set, endpoint string) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(vectorPath(set, "*-"+endpoint+".bin"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no %s vectors in %s: %v", endpoint, set, err)
	}
	bodies := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		bodies[filepath.Base(f)] = b
	}
	return bodies
}

func readJSON(tb testing.TB, v any, elem ...string) {
	tb.Helper()
	b, err := os.ReadFile(vectorPath(elem...))
	if err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		tb.Fatal(err)
	}
}

func loadCapture(tb testing.TB, set string) capture {
	tb.Helper()
	c := capture{processes: map[telemetry.ProcessID]telemetry.Process{}, streams: map[telemetry.StreamID]telemetry.Stream{}}
	for f, body := range vectorBodies(tb, set, "insert_process") {
		p, err := DecodeProcess(body)
		if err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		c.processes[p.ID] = p
	}
	for f, body := range vectorBodies(tb, set, "insert_stream") {
		s, err := DecodeStream(body)
		if err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		c.streams[s.ID] = s
	}
	for f, body := range vectorBodies(tb, set, "insert_block") {
		b, p, err := DecodeBlock(body)
		if err != nil {
			tb.Fatalf("%s: %v", f, err)
		}
		if err := p.Validate(); err != nil {
			tb.Errorf("%s: %v", f, err)
		}
		c.blocks = append(c.blocks, capturedBlock{f, b, p})
	}
	return c
}

func (c capture) decoder(tb testing.TB, id telemetry.StreamID) *Decoder {
	tb.Helper()
	s, ok := c.streams[id]
	if !ok {
		tb.Fatalf("no stream %s", id)
	}
	return streamDecoder(tb, s)
}

func streamDecoder(tb testing.TB, s telemetry.Stream) *Decoder {
	tb.Helper()
	deps, err := DecodeLayout(s.DependenciesMetadata)
	if err != nil {
		tb.Fatal(err)
	}
	objs, err := DecodeLayout(s.ObjectsMetadata)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := NewDecoder(deps, objs, Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// treeJSON is the notation of decoded.json.
func treeJSON(v any) any {
	switch v := v.(type) {
	case uint8:
		return map[string]any{"u8": json.Number(fmt.Sprint(v))}
	case uint32:
		return map[string]any{"u32": json.Number(fmt.Sprint(v))}
	case uint64:
		return map[string]any{"u64": json.Number(fmt.Sprint(v))}
	case int64:
		return map[string]any{"i64": json.Number(fmt.Sprint(v))}
	case float64:
		return map[string]any{"f64": floatJSON(v)}
	case []byte:
		return map[string]any{"bytes_hex": hex.EncodeToString(v)}
	case string:
		return abbreviated(v)
	case *Object:
		members := map[string]any{}
		for _, f := range v.Fields {
			members[f.Name] = treeJSON(f.Value)
		}
		return map[string]any{"type": v.Type, "members": members}
	}
	panic(fmt.Sprintf("unexpected %T", v))
}

func floatJSON(v float64) any {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return v
}

func abbreviated(s string) string {
	if len(s) < 100_000 {
		return s
	}
	return fmt.Sprintf("@text len=%d sha256=%x", len(s), sha256.Sum256([]byte(s)))
}

// TestObjectsOfVectors holds the generic decoding against what another implementation made of the same blocks.
func TestObjectsOfVectors(t *testing.T) {
	for _, set := range vectorSets {
		t.Run(set, func(t *testing.T) {
			c := loadCapture(t, set)
			var want []struct {
				File            string
				BlockID         string `json:"block_id"`
				ProcessID       string `json:"process_id"`
				BeginTicks      int64  `json:"begin_ticks"`
				EndTicks        int64  `json:"end_ticks"`
				Offset          int64  `json:"object_offset"`
				Objects         int32  `json:"nb_objects"`
				Events          []any
				ObjectBytes     int `json:"objects_bytes"`
				DependencyBytes int `json:"dependencies_bytes"`
			}
			readJSON(t, &want, set, "decoded.json")
			if len(want) != len(c.blocks) {
				t.Fatalf("%d blocks, want %d", len(c.blocks), len(want))
			}
			byFile := map[string]capturedBlock{}
			for _, b := range c.blocks {
				byFile[b.file] = b
			}
			for _, w := range want {
				b := byFile[w.File]
				if b.ID.String() != strings.ToLower(w.BlockID) || b.ProcessID.String() != w.ProcessID || int64(b.BeginTicks) != w.BeginTicks ||
					int64(b.EndTicks) != w.EndTicks || b.ObjectOffset != w.Offset || b.Objects != w.Objects {
					t.Errorf("%s: header %+v, want %+v", w.File, b.Block, w)
				}
				if q, err := inflate(b.payload.Objects, 1<<30); err != nil || len(q) != w.ObjectBytes {
					t.Errorf("%s: %d object bytes, want %d (%v)", w.File, len(q), w.ObjectBytes, err)
				}
				if q, err := inflate(b.payload.Dependencies, 1<<30); err != nil || len(q) != w.DependencyBytes {
					t.Errorf("%s: %d dependency bytes, want %d (%v)", w.File, len(q), w.DependencyBytes, err)
				}
				var got []any
				err := c.decoder(t, b.StreamID).Objects(b.payload, func(o Object) error {
					if o.Index != int64(len(got)) {
						t.Errorf("%s: index %d, want %d", w.File, o.Index, len(got))
					}
					got = append(got, treeJSON(&o))
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", w.File, err)
				}
				if len(got) != len(w.Events) {
					t.Errorf("%s: %d events, want %d", w.File, len(got), len(w.Events))
					continue
				}
				for i := range got {
					g, w2 := normalJSON(t, got[i]), normalJSON(t, w.Events[i])
					if g != w2 {
						t.Fatalf("%s: event %d\n got %s\nwant %s", w.File, i, g, w2)
					}
				}
			}
		})
	}
}

// normalJSON is the compact form with sorted keys and numbers in one notation.
func normalJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(normalNumbers(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func normalNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = normalNumbers(v[k])
			if n, ok := v[k].(json.Number); ok && k == "f64" {
				f, err := n.Float64()
				if err != nil {
					panic(err)
				}
				v[k] = f
			}
		}
	case []any:
		for i := range v {
			v[i] = normalNumbers(v[i])
		}
	}
	return v
}
