package lake

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Blocks of OpenTelemetry hold one ResourceLogs, ResourceMetrics or ResourceSpans of the OpenTelemetry protocol 1.x in
// protobuf. Their times are nanoseconds since 1970, and what describes the resource lies in the process.

// message decodes the block as protobuf.
func (s *source) message(m proto.Message) error {
	if err := proto.Unmarshal(s.payload.Objects, m); err != nil {
		return &decodeError{err: fmt.Errorf("block %s: %w", s.Block.ID, err)}
	}
	s.stats = wire.Stats{}
	return nil
}

// documents makes JSONB documents of what records carry. Their scope is repeated in each, so that a small block can make
// much of them; the texts of a block are bounded as those of native ones are.
type documents struct {
	scope map[string]any
	room  int
}

var errTooMuchText = errors.New("the properties of the records exceed the limit")

// enter begins the records of a scope.
func (d *documents) enter(scope *commonpb.InstrumentationScope, schemaURL string) {
	d.scope = map[string]any{}
	set := func(key, value string) {
		if value != "" {
			d.scope[key] = value
		}
	}
	set("otel.scope.name", scope.GetName())
	set("otel.scope.version", scope.GetVersion())
	set("otel.scope.schema_url", schemaURL)
	for key, value := range attributes(scope.GetAttributes()) {
		d.scope["otel.scope.attr."+key] = value
	}
}

// properties returns the object of a record's attributes, its scope and more.
func (d *documents) properties(of []*commonpb.KeyValue, more map[string]any) (string, error) {
	all := maps.Clone(d.scope)
	maps.Copy(all, attributes(of))
	maps.Copy(all, more)
	return d.document(all)
}

// document returns v as JSONB.
func (d *documents) document(v any) (string, error) {
	b, err := jsonb.Append(nil, v)
	if err != nil {
		return "", &decodeError{err: err}
	}
	if d.room -= len(b); d.room < 0 {
		return "", &decodeError{err: errTooMuchText}
	}
	return string(b), nil
}

// attributes returns the values by their keys. Of equal keys the first counts.
func attributes(list []*commonpb.KeyValue) map[string]any {
	m := make(map[string]any, len(list))
	for _, kv := range list {
		if _, known := m[kv.GetKey()]; !known {
			m[kv.GetKey()] = anyValue(kv.GetValue())
		}
	}
	return m
}

// anyValue returns v as JSON has it: bytes in base 64, as in the protocol's own JSON.
func anyValue(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return base64.StdEncoding.EncodeToString(v.BytesValue)
	case *commonpb.AnyValue_ArrayValue:
		list := make([]any, 0, len(v.ArrayValue.GetValues()))
		for _, e := range v.ArrayValue.GetValues() {
			list = append(list, anyValue(e))
		}
		return list
	case *commonpb.AnyValue_KvlistValue:
		return attributes(v.KvlistValue.GetValues())
	default:
		return nil
	}
}

// hexID returns an id in hexadecimal; "" when it does not have n bytes.
func hexID(id []byte, n int) string {
	if len(id) != n {
		return ""
	}
	return hex.EncodeToString(id)
}

// The lengths of ids in bytes.
const (
	traceIDBytes = 16
	spanIDBytes  = 8
)

// otlpTime returns the first of times that is one; false when none is.
func otlpTime(times ...uint64) (telemetry.Time, bool) {
	for _, t := range times {
		if t > 0 && t <= math.MaxInt64 {
			return telemetry.Time(t), true
		}
	}
	return 0, false
}
