package lake

import (
	"fmt"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/wire"
)

// addOTLP adds the log records of an OpenTelemetry block.
func (r *logRows) addOTLP(s *source) error {
	var logs logspb.ResourceLogs
	if err := s.message(&logs); err != nil {
		return err
	}
	r.origin.start(s)
	docs := documents{room: blockText}
	for _, scope := range logs.GetScopeLogs() {
		docs.enter(scope.GetScope(), scope.GetSchemaUrl())
		for _, record := range scope.GetLogRecords() {
			properties, err := docs.properties(record.GetAttributes(), logProperties(record))
			if err != nil {
				return err
			}
			msg, err := logBody(record.GetBody())
			if err != nil {
				return err
			}
			at, ok := otlpTime(record.GetTimeUnixNano(), record.GetObservedTimeUnixNano())
			if !ok {
				at = s.Block.BeginTime
			}
			r.origin.add()
			r.time.add(int64(at))
			r.target.add(scope.GetScope().GetName())
			r.level.add(logLevel(record.GetSeverityNumber()))
			r.msg.add(msg)
			r.properties.col.add(properties)
			s.stats.Decoded++
		}
	}
	return nil
}

func logProperties(record *logspb.LogRecord) map[string]any {
	more := map[string]any{}
	for key, value := range map[string]string{
		"otel.trace_id":      hexID(record.GetTraceId(), traceIDBytes),
		"otel.span_id":       hexID(record.GetSpanId(), spanIDBytes),
		"otel.severity_text": record.GetSeverityText(),
		"otel.event_name":    record.GetEventName(),
	} {
		if value != "" {
			more[key] = value
		}
	}
	return more
}

// logBody returns a string as it is, and anything else as JSON.
func logBody(body *commonpb.AnyValue) (string, error) {
	switch v := anyValue(body).(type) {
	case string:
		return v, nil
	case nil:
		return "", nil
	default:
		doc, err := jsonb.Append(nil, v)
		if err == nil {
			doc, err = jsonb.AppendJSON(nil, doc)
		}
		if err != nil {
			return "", &decodeError{err: fmt.Errorf("body of a log record: %w", err)}
		}
		return string(doc), nil
	}
}

// logLevel returns the level of a severity number (OpenTelemetry logs data model, "Field: SeverityNumber").
func logLevel(n logspb.SeverityNumber) int32 {
	switch {
	case n >= 1 && n <= 4:
		return wire.LevelTrace
	case n >= 5 && n <= 8:
		return wire.LevelDebug
	case n >= 13 && n <= 16:
		return wire.LevelWarn
	case n >= 17 && n <= 20:
		return wire.LevelError
	case n >= 21 && n <= 24:
		return wire.LevelFatal
	default:
		return wire.LevelInfo
	}
}
