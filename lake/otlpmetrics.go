package lake

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// addOTLP adds the points of an OpenTelemetry block. Sums and gauges are a row each; of summaries and histograms the
// number, the sum, and the smallest and largest value are, under names of their own. Points without a time are left out.
func (r *measureRows) addOTLP(s *source) error {
	var metrics metricspb.ResourceMetrics
	if err := s.message(&metrics); err != nil {
		return err
	}
	r.origin.start(s)
	p := otlpPoints{measureRows: r, source: s, docs: documents{room: blockText}}
	for _, scope := range metrics.GetScopeMetrics() {
		p.docs.enter(scope.GetScope(), scope.GetSchemaUrl())
		p.target = scope.GetScope().GetName()
		for _, m := range scope.GetMetrics() {
			if err := p.metric(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// otlpPoints adds rows of points.
type otlpPoints struct {
	*measureRows
	source *source
	docs   documents
	target string
}

func (p *otlpPoints) metric(m *metricspb.Metric) error {
	switch data := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		return p.numbers(m, data.Gauge.GetDataPoints(), map[string]any{"otel.metric.kind": "gauge"})
	case *metricspb.Metric_Sum:
		return p.numbers(m, data.Sum.GetDataPoints(), map[string]any{
			"otel.metric.kind": "sum", "otel.metric.aggregation_temporality": int64(data.Sum.GetAggregationTemporality()),
			"otel.metric.is_monotonic": data.Sum.GetIsMonotonic(),
		})
	case *metricspb.Metric_Summary:
		kind := map[string]any{"otel.metric.kind": "summary"}
		for _, point := range data.Summary.GetDataPoints() {
			sum := point.GetSum()
			d := distribution{count: point.GetCount(), sum: &sum}
			for _, q := range point.GetQuantileValues() {
				value := q.GetValue()
				switch q.GetQuantile() {
				case 0:
					d.min = &value
				case 1:
					d.max = &value
				}
			}
			if err := p.distribution(m, point.GetTimeUnixNano(), point.GetFlags(), point.GetAttributes(), kind, d); err != nil {
				return err
			}
		}
	case *metricspb.Metric_Histogram:
		kind := map[string]any{
			"otel.metric.kind": "histogram", "otel.metric.aggregation_temporality": int64(data.Histogram.GetAggregationTemporality()),
		}
		for _, point := range data.Histogram.GetDataPoints() {
			d := distribution{point.GetCount(), point.Sum, point.Min, point.Max}
			if err := p.distribution(m, point.GetTimeUnixNano(), point.GetFlags(), point.GetAttributes(), kind, d); err != nil {
				return err
			}
		}
	case *metricspb.Metric_ExponentialHistogram:
		kind := map[string]any{
			"otel.metric.kind":                    "exponential_histogram",
			"otel.metric.aggregation_temporality": int64(data.ExponentialHistogram.GetAggregationTemporality()),
		}
		for _, point := range data.ExponentialHistogram.GetDataPoints() {
			d := distribution{point.GetCount(), point.Sum, point.Min, point.Max}
			if err := p.distribution(m, point.GetTimeUnixNano(), point.GetFlags(), point.GetAttributes(), kind, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing reports whether a point says that there was no value.
func missing(flags uint32) bool {
	return flags&uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK) != 0
}

func (p *otlpPoints) numbers(m *metricspb.Metric, points []*metricspb.NumberDataPoint, kind map[string]any) error {
	for _, point := range points {
		at, ok := otlpTime(point.GetTimeUnixNano())
		value := point.GetAsDouble()
		if v, isInt := point.GetValue().(*metricspb.NumberDataPoint_AsInt); isInt {
			value = float64(v.AsInt)
		}
		if !ok || missing(point.GetFlags()) || point.GetValue() == nil {
			p.source.stats.Skipped++
			continue
		}
		properties, err := p.docs.properties(point.GetAttributes(), kind)
		if err != nil {
			return err
		}
		p.row(int64(at), m.GetName(), m.GetUnit(), value, properties)
		p.source.stats.Decoded++
	}
	return nil
}

// distribution is what is shown of many values.
type distribution struct {
	count         uint64
	sum, min, max *float64
}

func (p *otlpPoints) distribution(m *metricspb.Metric, nanos uint64, flags uint32, of []*commonpb.KeyValue, kind map[string]any,
	d distribution,
) error {
	at, ok := otlpTime(nanos)
	if !ok || missing(flags) {
		p.source.stats.Skipped++
		return nil
	}
	properties, err := p.docs.properties(of, kind)
	if err != nil {
		return err
	}
	p.row(int64(at), m.GetName()+"_count", "", float64(d.count), properties)
	for _, part := range []struct {
		suffix string
		value  *float64
	}{{"_sum", d.sum}, {"_min", d.min}, {"_max", d.max}} {
		if part.value != nil {
			p.row(int64(at), m.GetName()+part.suffix, m.GetUnit(), *part.value, properties)
		}
	}
	p.source.stats.Decoded++
	return nil
}

func (p *otlpPoints) row(at int64, name, unit string, value float64, properties string) {
	p.origin.add()
	p.time.add(at)
	p.measureRows.target.add(p.target)
	p.name.add(name)
	p.unit.add(unit)
	p.value.add(value)
	p.properties.col.add(properties)
}
