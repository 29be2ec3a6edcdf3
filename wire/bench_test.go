package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// The benchmarks decode blocks of about the size that clients send: logs and spans up to 10 MiB, metrics 1 MiB.

func benchmarkEvents(b *testing.B, deps, objs Layout, p Payload) {
	b.Helper()
	d, err := NewDecoder(deps, objs, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	queue, err := inflate(p.Objects, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(queue)))
	b.ReportAllocs()
	var events, ticks int64
	for b.Loop() {
		stats, err := d.Events(p, func(e *Event) error {
			ticks += int64(e.Ticks) + int64(len(e.Msg))
			return nil
		})
		if err != nil || stats.Bad+stats.Skipped > 0 {
			b.Fatal(stats, err)
		}
		events += stats.Decoded
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// rustLogLayouts is the part of the layouts of the Rust clients that static log events need.
func rustLogLayouts() (deps, objs Layout) {
	deps = append(commonDependencies(), Type{Name: "LogMetadataRecord", Size: 48, Members: []Member{
		number("id", "u64", 0), reference("fmt_str", textRef, 8, 8), reference("target", textRef, 16, 8),
		reference("module_path", textRef, 24, 8), reference("file", textRef, 32, 8), number("line", "u32", 40), number("level", "u32", 44),
	}})
	return deps, Layout{{Name: "LogStaticStrEvent", Size: 16, Members: []Member{
		reference("desc", "& 'static LogMetadata", 0, 8), number("time", "i64", 8),
	}}}
}

func staticLogBlock(n int) Payload {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b blockBuilder
	var descs []uint64
	for i := range 200 {
		msg, target, module, file := b.text(fmt.Sprint("something happened, number ", i)), b.text(fmt.Sprint("target", i%7)), b.text("module"), b.text("file.rs")
		id := b.metadata(typeMetadata)
		for _, v := range []uint64{msg, target, module, file} {
			b.dep64(v)
		}
		b.dep32(uint32(i))
		b.dep32(4)
		descs = append(descs, id)
	}
	for i := range n {
		b.objects = append(b.objects, 0)
		b.obj64(descs[rnd.IntN(len(descs))])
		b.objTicks(telemetry.Ticks(i * 1000))
	}
	p, _ := b.finish()
	return p
}

func BenchmarkStaticLogs(b *testing.B) {
	deps, objs := rustLogLayouts()
	benchmarkEvents(b, deps, objs, staticLogBlock(100_000))
}

func BenchmarkTaggedLogs(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var builder LogBuilder
	for i := range 50_000 {
		builder.Add(telemetry.Ticks(i*1000), LevelInfo, fmt.Sprint("target", rnd.IntN(20)), fmt.Sprintf("request %d took %d ms", i, rnd.IntN(1000)),
			Properties{{"user", fmt.Sprint(rnd.IntN(50))}, {"region", "eu"}})
	}
	p, _ := builder.Finish()
	deps, objs := LogLayouts()
	benchmarkEvents(b, deps, objs, p)
}

func metricBlock(n int) Payload {
	rnd := rand.New(rand.NewPCG(1, 2))
	var descs []MetricDesc
	for i := range 100 {
		descs = append(descs, MetricDesc{Name: fmt.Sprint("metric", i), Unit: "ms", Target: "bench", File: "bench.go", Line: uint32(i)})
	}
	var builder MetricBuilder
	for i := range n {
		builder.Float(telemetry.Ticks(i*1000), &descs[rnd.IntN(len(descs))], rnd.NormFloat64(), nil)
	}
	p, _ := builder.Finish()
	return p
}

func BenchmarkMetrics(b *testing.B) {
	deps, objs := MetricLayouts()
	benchmarkEvents(b, deps, objs, metricBlock(32_000))
}

func BenchmarkThreadSpans(b *testing.B) {
	var descs []SpanDesc
	for i := range 50 {
		descs = append(descs, SpanDesc{Name: fmt.Sprint("span", i), Target: "bench", File: "bench.go", Line: uint32(i)})
	}
	var builder SpanBuilder
	for i := range 100_000 {
		builder.Begin(telemetry.Ticks(i*1000), &descs[i%50])
		builder.End(telemetry.Ticks(i*1000+500), &descs[i%50])
	}
	p, _ := builder.Finish()
	deps, objs := SpanLayouts()
	benchmarkEvents(b, deps, objs, p)
}

func BenchmarkInflate(b *testing.B) {
	p := metricBlock(32_000)
	n, err := inflate(p.Objects, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(n)))
	for b.Loop() {
		if _, err := inflate(p.Objects, 1<<30); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMetricBuilder(b *testing.B) {
	d := MetricDesc{Name: "metric", Unit: "ms", Target: "bench", File: "bench.go"}
	p := Properties{{"region", "eu"}}
	var builder MetricBuilder
	b.ReportAllocs()
	for b.Loop() {
		if builder.Float(1, &d, 2, p); builder.Len() == 30_000 {
			b.StopTimer()
			builder.Finish()
			b.StartTimer()
		}
	}
}

func BenchmarkDecodeBlock(b *testing.B) {
	p := metricBlock(32_000)
	body := EncodeBlock(telemetry.Block{}, p)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeBlock(body); err != nil {
			b.Fatal(err)
		}
	}
}
