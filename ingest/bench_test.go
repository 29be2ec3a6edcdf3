package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// nothing is a sink that is as fast as can be.
type nothing struct{}

func (nothing) InsertProcess(context.Context, telemetry.Process) error      { return nil }
func (nothing) InsertStream(context.Context, telemetry.Stream) error        { return nil }
func (nothing) Append(context.Context, telemetry.Block, wire.Payload) error { return nil }
func (nothing) Ready(context.Context) error                                 { return nil }

// BenchmarkInsertBlock is what the handler costs, without network and store.
func BenchmarkInsertBlock(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			h := ingest.New(nothing{}, ingest.Options{}).Handler()
			blk, p := block(size)
			body := wire.EncodeBlock(blk, p)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", insertBlock, bytes.NewReader(body))
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
