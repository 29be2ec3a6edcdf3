package sdk

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// A program with very many goroutines says more than is reported when it dies. It must get rid of all of it: who cannot
// write does not end.
func TestLongCrash(t *testing.T) {
	in, out := io.Pipe()
	written := make(chan error, 1)
	go func() {
		record := wire.EncodeProcess(telemetry.Process{ID: telemetry.ProcessID(newID()), TSCFrequency: 1})
		_, err := out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(record))), record...))
		if err == nil {
			_, err = out.Write(make([]byte, maxCrash+1<<20))
		}
		_ = out.Close()
		written <- err
	}()
	if err := reportCrash(in, func(string) string { return "" }); err == nil {
		t.Error("reported, though there is no server")
	}
	_ = in.Close()
	if err := <-written; err != nil {
		t.Errorf("the dying program writes: %v", err)
	}
}
