package perfetto_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/micromegas-go/micromegas/internal/perfetto"
)

// write makes a trace with so many slices, each with an argument of every kind.
func write(t *testing.T, slices int, emit func([]byte) error) error {
	t.Helper()
	w := perfetto.NewWriter(emit)
	err := w.Process(perfetto.Process{PID: 7, Name: "game", Command: []string{"game"}, Labels: []string{"a"}})
	thread, threadErr := w.Thread(8, "main")
	lane, laneErr := w.Lane("async", 0)
	child, childErr := w.Lane("async", lane)
	err = errors.Join(err, threadErr, laneErr, childErr)
	for i := range slices {
		at := int64(10 * i)
		for _, track := range []perfetto.Track{thread, child} {
			err = errors.Join(err, w.Begin(track, at, perfetto.Slice{
				Name: "the work", Category: "game", File: "a.go", Line: 7,
				Arguments: []perfetto.Argument{
					{"text", "x"}, {"int", int64(-1)}, {"uint", uint64(1)}, {"float", 0.5}, {"bool", true}, {"json", perfetto.JSON("[1]")},
				},
			}), w.End(track, at+5))
		}
	}
	return errors.Join(err, w.Flush())
}

// TestWriter checks that pieces end between packets, are about as large as they should be, and hold each name once.
func TestWriter(t *testing.T) {
	var trace bytes.Buffer
	const slices = 1000
	err := write(t, slices, func(chunk []byte) error {
		if len(chunk) > perfetto.ChunkBytes+1024 {
			t.Errorf("a piece of %d bytes", len(chunk))
		}
		packets := 0
		for rest := chunk; len(rest) > 0; packets++ {
			number, kind, n := protowire.ConsumeField(rest)
			if number != 1 || kind != protowire.BytesType || n < 0 {
				t.Fatalf("packet %d of a piece: field %d", packets, number)
			}
			rest = rest[n:]
		}
		trace.Write(chunk)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"the work", "json"} {
		// As an event and, with the file, as a function; arguments are only names.
		if n := strings.Count(trace.String(), name); n != map[string]int{"the work": 2, "json": 1}[name] {
			t.Errorf("%q is there %d times", name, n)
		}
	}
	if perSlice := trace.Len() / (2 * slices); perSlice > 160 {
		t.Errorf("%d bytes a slice", perSlice)
	}
}

func TestWriterEmitError(t *testing.T) {
	want := errors.New("full")
	if err := write(t, 1000, func([]byte) error { return want }); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}
