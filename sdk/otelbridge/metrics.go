package otelbridge

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/micromegas-go/micromegas/wire"
)

// Metrics is an exporter for a periodic reader.
func (b *Bridge) Metrics() sdkmetric.Exporter { return (*metricExporter)(b) }

type metricExporter Bridge

// Temporality implements [sdkmetric.Exporter]: what is added up afterwards must not be added up before.
func (e *metricExporter) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DeltaTemporalitySelector(k)
}

// Aggregation implements [sdkmetric.Exporter].
func (e *metricExporter) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

// Export implements [sdkmetric.Exporter].
func (e *metricExporter) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	if rm == nil {
		return errNothing
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			s := sampler{e, wire.MetricDesc{Name: text(m.Name), Unit: text(m.Unit), Target: text(scope.Scope.Name), LOD: lod}}
			switch data := m.Data.(type) {
			case metricdata.Summary:
				quantiles(s, data.DataPoints)
			default: // of integers or of floats
				aggregation[int64](s, data)
				aggregation[float64](s, data)
			}
		}
	}
	return nil
}

// aggregation records what was aggregated of numbers of the type N, and nothing else.
func aggregation[N int64 | float64](s sampler, data metricdata.Aggregation) {
	switch data := data.(type) {
	case metricdata.Gauge[N]:
		points(s, data.DataPoints)
	case metricdata.Sum[N]:
		points(s, data.DataPoints)
	case metricdata.Histogram[N]:
		histogram(s, data.DataPoints)
	case metricdata.ExponentialHistogram[N]:
		exponential(s, data.DataPoints)
	}
}

// ForceFlush implements [sdkmetric.Exporter].
func (e *metricExporter) ForceFlush(ctx context.Context) error { return (*Bridge)(e).Flush(ctx) }

// Shutdown implements [sdkmetric.Exporter]; the bridge goes on.
func (e *metricExporter) Shutdown(ctx context.Context) error { return e.ForceFlush(ctx) }

// sampler records samples of one metric.
type sampler struct {
	exporter *metricExporter
	desc     wire.MetricDesc
}

// named is a sampler of a metric that belongs to this one.
func (s sampler) named(suffix, unit string) sampler {
	s.desc.Name += suffix
	s.desc.Unit = unit
	return s
}

type number interface{ ~int64 | ~uint64 | ~float64 }

func record[N number](s sampler, at time.Time, v N, p wire.Properties) {
	t := (*Bridge)(s.exporter).ticks(at)
	s.exporter.metrics.add(1, t, t, func(w *wire.MetricBuilder) {
		switch n := any(v).(type) {
		case uint64:
			w.Integer(t, &s.desc, n, p)
		case int64:
			if n >= 0 { // integers of the format have no sign
				w.Integer(t, &s.desc, uint64(n), p)
				return
			}
			w.Float(t, &s.desc, float64(n), p)
		case float64:
			w.Float(t, &s.desc, n, p)
		}
	})
}

func points[N int64 | float64](s sampler, list []metricdata.DataPoint[N]) {
	for _, d := range list {
		record(s, d.Time, d.Value, attributes(d.Attributes))
	}
}

func histogram[N int64 | float64](s sampler, list []metricdata.HistogramDataPoint[N]) {
	for _, d := range list {
		p := attributes(d.Attributes)
		summary(s, d.Time, d.Count, d.Sum, d.Min, d.Max, p)
		for i, n := range d.BucketCounts {
			bound := math.Inf(1)
			if i < len(d.Bounds) {
				bound = d.Bounds[i]
			}
			bucket(s, d.Time, bound, n, p)
		}
	}
}

// exponential counts buckets by their bounds: the i-th from the offset on reaches up to base^(offset+i+1), with the base
// 2^(2^-scale). See the data model of OpenTelemetry's metrics.
func exponential[N int64 | float64](s sampler, list []metricdata.ExponentialHistogramDataPoint[N]) {
	for _, d := range list {
		p := attributes(d.Attributes)
		summary(s, d.Time, d.Count, d.Sum, d.Min, d.Max, p)
		step := math.Exp2(-float64(d.Scale))
		for i, n := range d.NegativeBucket.Counts { // bounds nearer to zero are the upper ones
			bucket(s, d.Time, -math.Exp2(step*float64(int(d.NegativeBucket.Offset)+i)), n, p)
		}
		bucket(s, d.Time, d.ZeroThreshold, d.ZeroCount, p)
		for i, n := range d.PositiveBucket.Counts {
			bucket(s, d.Time, math.Exp2(step*float64(int(d.PositiveBucket.Offset)+i+1)), n, p)
		}
	}
}

// quantiles records summaries, which no instrument makes but other libraries have.
func quantiles(s sampler, list []metricdata.SummaryDataPoint) {
	for _, d := range list {
		p := attributes(d.Attributes)
		record(s.named("_count", "count"), d.Time, d.Count, p)
		record(s.named("_sum", s.desc.Unit), d.Time, d.Sum, p)
		for _, q := range d.QuantileValues {
			record(s, d.Time, q.Value, with(p, "quantile", q.Quantile))
		}
	}
}

func summary[N int64 | float64](s sampler, at time.Time, count uint64, sum N, least, most metricdata.Extrema[N], p wire.Properties) {
	record(s.named("_count", "count"), at, count, p)
	record(s.named("_sum", s.desc.Unit), at, sum, p)
	if v, ok := least.Value(); ok {
		record(s.named("_min", s.desc.Unit), at, v, p)
	}
	if v, ok := most.Value(); ok {
		record(s.named("_max", s.desc.Unit), at, v, p)
	}
}

func bucket(s sampler, at time.Time, bound float64, n uint64, p wire.Properties) {
	if n == 0 {
		return
	}
	record(s.named("_bucket", "count"), at, n, with(p, "le", bound))
}

// with is p and a number.
func with(p wire.Properties, name string, v float64) wire.Properties {
	return append(slices.Clip(p), wire.Property{Name: name, Value: strconv.FormatFloat(v, 'g', -1, 64)})
}

func attributes(set attribute.Set) wire.Properties { return appendAttributes(nil, set.ToSlice()) }
