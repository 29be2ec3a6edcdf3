package lake_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// stagePayloads sends payloads as bulk ingestion does.
func (p *plant) stagePayloads(list ...lake.BulkPayload) {
	p.Helper()
	p.ok(p.InsertPayloads(p.Context(), func() (*lake.BulkPayload, error) {
		if len(list) == 0 {
			return nil, nil
		}
		first := list[0]
		list = list[1:]
		return &first, nil
	}))
}

// segments returns the keys of all segments.
func (p *plant) segments() (keys []string) {
	p.Helper()
	for info, err := range p.objects.List(p.Context(), "segments/") {
		p.ok(err)
		keys = append(keys, info.Key)
	}
	return keys
}

func large(n int) (wire.Payload, int32) {
	var b wire.LogBuilder
	for i := range n {
		b.Add(telemetry.Ticks(i), wire.LevelInfo, "target", noise(10_000), nil)
	}
	return b.Finish()
}

// TestSupersededPayloadGoes stages payloads whose blocks then come whole: the bytes that nobody needs any more are given back
// while the blocks live.
func TestSupersededPayloadGoes(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	g := p.program(telemetry.TagLog)
	for name, forget := range map[string]func(b telemetry.Block, stored []byte){
		"its block is sent again": func(b telemetry.Block, _ []byte) { p.ok(p.InsertBlocks(t.Context(), []telemetry.Block{b})) },
		"maintenance finds it":    func(telemetry.Block, []byte) { p.ok(p.RemoveOrphans(t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			before := p.segments()
			payload, n := large(2)
			b := telemetry.Block{
				ID: telemetry.BlockID(uuid.New()), StreamID: g.stream.ID, ProcessID: g.process.ID, Objects: n, EndTicks: 1,
				PayloadSize: int64(len(payload.Encode())), InsertTime: p.at(),
			}
			p.stagePayloads(lake.BulkPayload{Block: b.ID, Stream: b.StreamID, Process: b.ProcessID, Stored: payload.Encode()})
			staged := slices.DeleteFunc(p.segments(), func(key string) bool { return slices.Contains(before, key) })
			if len(staged) != 1 {
				t.Fatalf("new segments %v, want one", staged)
			}
			p.ok(p.Append(t.Context(), b, payload))
			forget(b, payload.Encode())
			p.advance(time.Hour)
			p.ok(p.Tidy(t.Context()))
			if slices.Contains(p.segments(), staged[0]) {
				t.Error("the superseded payload is still there")
			}
			p.check()
			if n := len(p.scan(t, "blocks", "")); n == 0 {
				t.Error("the block is gone")
			}
		})
	}
	rows := p.rows("log_entries")
	p.settle()
	if n := p.rows("log_entries"); n != rows || n != 4 {
		t.Errorf("%d rows, then %d, want 4", rows, n)
	}
}

// TestSentTwice sends blocks again that are known: their bytes are given back when they are as many as those of the rest.
func TestSentTwice(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	g := p.program(telemetry.TagLog)
	payload, n := large(2)
	b := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: g.stream.ID, ProcessID: g.process.ID, Objects: n, EndTicks: 1,
	}
	for range 5 {
		p.ok(p.Append(t.Context(), b, payload))
	}
	size := func() (sum int64) {
		for info, err := range p.objects.List(t.Context(), "segments/") {
			p.ok(err)
			sum += info.Size
		}
		return sum
	}
	stored := int64(len(payload.Encode()))
	if size() != 5*stored {
		t.Fatalf("%d bytes, want %d", size(), 5*stored)
	}
	for range 3 {
		p.advance(time.Hour)
		p.ok(p.Tidy(t.Context()))
	}
	if size() != stored {
		t.Errorf("%d bytes, want %d", size(), stored)
	}
	if n := p.rows("log_entries"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// TestNothingStays fills a lake in every way, breaks things, and lets everything get too old: no object and no row is left, and
// nothing is removed too early.
func TestNothingStays(t *testing.T) {
	rules, err := lake.ParseRetention("*=30d")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlant(t, lake.Maintenance{MergeFiles: 2, QuarantineAfter: 1, RetryAfter: -1})
	ctx := t.Context()
	g, m, spans := p.program(telemetry.TagLog), p.program(telemetry.TagMetrics), p.program(telemetry.TagCPU)
	for range 3 {
		p.log(g, 2, true)
		p.log(g, 2, false)
		p.metric(m)
		p.log(spans, 2, true) // bytes that nobody reads
		p.settle()
	}
	p.rows("log_entries")

	// A partition that is found broken, and blocks that cannot be decoded.
	path, err := p.objects.Path(p.live()[0].File)
	p.ok(err)
	p.ok(os.Truncate(path, 10))
	p.rows("log_entries")
	p.append(g, wire.Payload{Objects: []byte(noise(10_000))}, 1)
	p.settle()

	// Blocks of streams that never come, halves of blocks, payloads that come twice or in vain.
	payload, n := large(1)
	whole := func() telemetry.Block {
		return telemetry.Block{
			ID: telemetry.BlockID(uuid.New()), StreamID: g.stream.ID, ProcessID: g.process.ID, Objects: n, EndTicks: 1, InsertTime: p.at(),
		}
	}
	orphan := whole()
	orphan.StreamID, orphan.ProcessID = telemetry.StreamID(uuid.New()), telemetry.ProcessID(uuid.New())
	p.ok(p.Append(ctx, orphan, payload))
	for _, native := range []bool{true, false} {
		b := whole()
		p.stagePayloads(lake.BulkPayload{Block: b.ID, Stream: b.StreamID, Process: b.ProcessID, Stored: payload.Encode()})
		if native {
			p.ok(p.Append(ctx, b, payload))
		}
		p.ok(p.InsertBlocks(ctx, []telemetry.Block{b, whole()}))
		p.ok(p.Append(ctx, b, payload)) // known
	}
	half := whole()
	p.stagePayloads(lake.BulkPayload{Block: half.ID, Stream: half.StreamID, Process: half.ProcessID, Stored: payload.Encode()})

	// What processes leave that die between two steps.
	for _, key := range []string{"segments/2026-01-01/00/a.cborseq", "views/log_entries/2026-01-01/b.parquet", "views/log_stats/2026-01-01/b.parquet", "check/c"} {
		p.ok(p.objects.Put(ctx, key, []byte("nobody mentions this")))
	}

	clean := func() {
		t.Helper()
		_, err := p.ApplyRetention(ctx, rules)
		p.ok(err)
		for range 3 {
			p.ok(p.Tidy(ctx))
			p.ok(p.RemoveOrphans(ctx))
			p.advance(2 * time.Hour)
		}
		p.check()
	}
	before := p.rows("log_entries")
	p.advance(29 * 24 * time.Hour)
	clean()
	if n := p.rows("log_entries"); n != before || n == 0 {
		t.Errorf("%d rows before their time, want %d", n, before)
	}
	p.clock.Store(time.Now().Add(40 * 24 * time.Hour).UnixNano()) // the store's clock is not the test's
	clean()
	for info, err := range p.objects.List(ctx, "") {
		p.ok(err)
		t.Errorf("%s is left", info.Key)
	}
	root := path[:strings.LastIndex(path, filepath.FromSlash("/views/"))]
	_ = filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		p.ok(err)
		if rel, _ := filepath.Rel(root, at); !d.IsDir() && strings.Count(rel, string(filepath.Separator)) > 0 {
			t.Errorf("%s is left", rel)
		}
		return nil
	})
	raw, err := sql.Open("sqlite", filepath.Join(filepath.Dir(root), "catalog.db"))
	p.ok(err)
	defer raw.Close()
	tables, err := raw.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT IN ('schema_migrations', 'api_key_changes') AND name NOT LIKE 'sqlite_%'`)
	p.ok(err)
	defer tables.Close()
	for tables.Next() {
		var name string
		p.ok(tables.Scan(&name))
		var rows int
		p.ok(raw.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&rows))
		if rows > 0 {
			t.Errorf("%d rows of %s are left", rows, name)
		}
	}
	p.ok(tables.Err())
}
