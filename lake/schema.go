package lake

import (
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/catalog"
)

// The types of columns as clients see them.
var (
	typeText   arrow.DataType = arrow.BinaryTypes.String
	typeBytes  arrow.DataType = arrow.BinaryTypes.Binary
	typeCoded                 = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	typeJSONB                 = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.Binary}
	typeTime   arrow.DataType = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "+00:00"}
	typeTimeNZ arrow.DataType = &arrow.TimestampType{Unit: arrow.Nanosecond}
	typeInt32                 = arrow.PrimitiveTypes.Int32
	typeUint32                = arrow.PrimitiveTypes.Uint32
	typeInt64                 = arrow.PrimitiveTypes.Int64
	typeFloat                 = arrow.PrimitiveTypes.Float64
	typeTags   arrow.DataType = arrow.ListOfField(arrow.Field{Name: "tag", Type: arrow.BinaryTypes.String})
	typeBool   arrow.DataType = arrow.FixedWidthTypes.Boolean
)

// fixedBytes returns the type of ids of n bytes.
func fixedBytes(n int) arrow.DataType { return &arrow.FixedSizeBinaryType{ByteWidth: n} }

// view describes one table: the schema that clients see, and how its rows lie in files.
type view struct {
	name    string
	version int // of the schema, recorded with every partition and part of cached files' names
	schema  *arrow.Schema
	sorted  []string // columns by which the rows of a file are sorted; nil when in order of arrival
	times   string   // the column of the event time
	ends    string   // the column of the end of a row's time; "": the same. See TimeColumns
	begins  string   // the column of its begin, when that is not times; files know nothing about it
	plain   []string // columns whose values rarely repeat: no dictionary in files
	bloom   []string // columns looked up by value

	// What files of older versions of the schema lack, and the oldest version that can be brought up to date without the
	// blocks; those before it are made anew from them.
	added  []addition
	oldest int

	hash     uint8  // by which clients know the schema; 0: they know a hash of it. See ViewSet
	instance string // what an instance is one of, "process" or "stream"; "": there are no instances
	bare     string // what is said when the table without instance is asked for; "": there is one
}

func required(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }
func optional(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// The views' columns, order, types and nullability are what existing clients expect. The number of a column in its view
// is its Parquet field id for ever: new columns go to the end.
var (
	logEntries = &view{
		name: string(catalog.LogEntries), version: 1, hash: 7, instance: "process", times: "time",
		sorted: []string{"process_id", "time"}, plain: []string{"time", "msg"}, bloom: []string{"process_id"},
		added: []addition{{column: "audience", since: 1, text: unstamped}},
		schema: ofBlocks(
			required("time", typeTime),
			required("target", typeCoded),
			required("level", typeInt32),
			required("msg", typeText),
			required("properties", typeJSONB),
			required("process_properties", typeJSONB),
			required("audience", typeCoded),
		),
	}

	measures = &view{
		name: string(catalog.Measures), version: 1, hash: 8, instance: "process", times: "time",
		sorted: []string{"name", "process_id", "time"}, plain: []string{"time", "value"}, bloom: []string{"process_id", "name"},
		added: []addition{{column: "audience", since: 1, text: unstamped}},
		schema: ofBlocks(
			required("time", typeTime),
			required("target", typeCoded),
			required("name", typeCoded),
			required("unit", typeCoded),
			required("value", typeFloat),
			required("properties", typeJSONB),
			required("process_properties", typeJSONB),
			required("audience", typeCoded),
		),
	}

	threadSpans = &view{
		name: "thread_spans", version: 1, hash: 4, instance: "stream", times: "begin", ends: "end",
		bare:   "the global view is not implemented for thread spans",
		sorted: []string{"begin"}, plain: []string{"id", "parent", "begin", "end", "duration"},
		schema: arrow.NewSchema([]arrow.Field{
			required("id", typeInt64),
			required("parent", typeInt64),
			required("depth", typeUint32),
			required("hash", typeUint32),
			required("begin", typeTime),
			required("end", typeTime),
			required("duration", typeInt64),
			required("name", typeCoded),
			required("target", typeCoded),
			required("filename", typeCoded),
			required("line", typeUint32),
			required("properties", typeJSONB),
		}, nil),
	}

	asyncEvents = &view{
		name: "async_events", version: 1, hash: 4, instance: "process", times: "time",
		bare:  "AsyncEventsView does not support global view access",
		plain: []string{"time", "span_id", "parent_span_id"},
		schema: arrow.NewSchema([]arrow.Field{
			required("stream_id", typeCoded),
			required("block_id", typeCoded),
			required("time", typeTime),
			required("event_type", typeCoded),
			required("span_id", typeInt64),
			required("parent_span_id", typeInt64),
			required("depth", typeUint32),
			required("hash", typeUint32),
			required("name", typeCoded),
			required("filename", typeCoded),
			required("target", typeCoded),
			required("line", typeUint32),
			required("properties", typeJSONB),
		}, nil),
	}

	netSpans = &view{
		name: "net_spans", version: 1, hash: 2, instance: "process", times: "begin_time", ends: "end_time",
		bare:  "NetSpansView does not support global view access",
		plain: []string{"span_id", "parent_span_id", "begin_bits", "end_bits", "bit_size", "begin_time", "end_time"},
		schema: arrow.NewSchema([]arrow.Field{
			required("process_id", typeCoded),
			required("stream_id", typeCoded),
			required("span_id", typeInt64),
			required("parent_span_id", typeInt64),
			required("depth", typeUint32),
			required("kind", typeCoded),
			required("name", typeCoded),
			required("connection_name", typeCoded),
			required("is_outgoing", typeBool),
			required("begin_bits", typeInt64),
			required("end_bits", typeInt64),
			required("bit_size", typeInt64),
			required("begin_time", typeTime),
			required("end_time", typeTime),
		}, nil),
	}

	images = &view{
		name: "images", version: 1, hash: 2, instance: "process", times: "time",
		bare:  "ImagesView does not support global view access",
		plain: []string{"time", "name", "payload_size", "data"},
		schema: ofBlocks(
			required("time", typeTime),
			required("name", typeText),
			required("format", typeCoded),
			required("payload_size", typeInt64),
			required("data", typeBytes),
		),
	}

	otelSpans = &view{
		name: "otel_spans", version: 1, hash: 1, instance: "process", times: "start_time", ends: "end_time",
		bare:  "OtelSpansView does not support global view access",
		plain: []string{"trace_id", "span_id", "parent_span_id", "start_time", "end_time", "duration", "events", "links"},
		schema: arrow.NewSchema([]arrow.Field{
			required("process_id", typeCoded),
			required("stream_id", typeCoded),
			required("block_id", typeCoded),
			required("insert_time", typeTime),
			required("exe", typeText),
			required("username", typeText),
			required("computer", typeText),
			required("process_properties", typeJSONB),
			required("trace_id", fixedBytes(16)),
			required("span_id", fixedBytes(8)),
			optional("parent_span_id", fixedBytes(8)),
			required("start_time", typeTime),
			required("end_time", typeTime),
			required("duration", typeInt64),
			required("name", typeCoded),
			required("kind", typeCoded),
			required("status", typeCoded),
			optional("status_message", typeText),
			required("properties", typeJSONB),
			required("events", typeBytes),
			required("links", typeBytes),
		}, nil),
	}

	logStats = &view{
		name: "log_stats", version: 1, times: "time_bin",
		sorted: []string{"time_bin", "process_id", "level", "target"}, plain: []string{"time_bin", "count"},
		schema: arrow.NewSchema([]arrow.Field{
			required("time_bin", typeTime),
			required("process_id", typeCoded),
			required("level", typeInt32),
			required("target", typeCoded),
			required("count", typeInt64),
			required("audience", typeCoded),
		}, nil),
	}

	// The three views whose times come from the clock of the whole process are kept in chunks with ticks instead, relative
	// to the start of the process: a process that does not know its clock's frequency gets another estimate with each
	// block. See clocked.
	threadChunks = &view{
		name: "thread_chunks", version: 1, times: "begin",
		sorted: []string{"begin"}, plain: []string{"id", "parent", "begin", "end"},
		schema: arrow.NewSchema([]arrow.Field{
			required("segment", typeInt64),
			required("id", typeInt64),
			required("parent", typeInt64),
			required("depth", typeInt64),
			required("hash", typeUint32),
			required("begin", typeInt64),
			required("end", typeInt64),
			required("name", typeCoded),
			required("target", typeCoded),
			required("filename", typeCoded),
			required("line", typeUint32),
			required("properties", typeJSONB),
		}, nil),
	}

	threadLinks = &view{
		name: "thread_links", version: 1, times: "segment",
		schema: arrow.NewSchema([]arrow.Field{
			required("segment", typeInt64),
			required("parent", typeInt64),
			required("depth", typeInt64),
		}, nil),
	}

	asyncChunks = inTicks(asyncEvents, "time")
	netChunks   = inTicks(netSpans, "begin_time", "end_time")

	processes = &view{
		name: "processes", version: 1, begins: "insert_time", ends: "last_update_time",
		schema: arrow.NewSchema([]arrow.Field{
			required("process_id", typeText),
			optional("exe", typeText),
			optional("username", typeText),
			optional("realname", typeText),
			optional("computer", typeText),
			optional("distro", typeText),
			optional("cpu_brand", typeText),
			optional("tsc_frequency", typeInt64),
			optional("start_time", typeTime),
			optional("start_ticks", typeInt64),
			optional("insert_time", typeTime),
			optional("parent_process_id", typeText),
			optional("properties", typeJSONB),
			optional("last_update_time", typeTime),
			optional("last_block_end_ticks", typeInt64),
			optional("last_block_end_time", typeTime),
			optional("audience", typeCoded),
		}, nil),
	}

	streams = &view{
		name: "streams", version: 1, begins: "insert_time", ends: "last_update_time",
		schema: arrow.NewSchema([]arrow.Field{
			required("stream_id", typeText),
			optional("process_id", typeText),
			optional("dependencies_metadata", typeBytes),
			optional("objects_metadata", typeBytes),
			optional("tags", typeTags),
			optional("properties", typeJSONB),
			optional("insert_time", typeTime),
			optional("format", typeText),
			optional("last_update_time", typeTime),
			optional("audience", typeCoded),
		}, nil),
	}

	blocks = &view{
		name: "blocks", version: 1, begins: "begin_time", ends: "insert_time", hash: 5,
		schema: arrow.NewSchema([]arrow.Field{
			required("block_id", typeText),
			required("stream_id", typeText),
			required("process_id", typeText),
			required("begin_time", typeTime),
			required("begin_ticks", typeInt64),
			required("end_time", typeTime),
			required("end_ticks", typeInt64),
			required("nb_objects", typeInt32),
			required("object_offset", typeInt64),
			required("payload_size", typeInt64),
			required("insert_time", typeTime),
			required("streams.dependencies_metadata", typeBytes),
			required("streams.objects_metadata", typeBytes),
			required("streams.tags", typeTags),
			required("streams.properties", typeJSONB),
			required("streams.insert_time", typeTime),
			required("streams.format", typeText),
			required("processes.start_time", typeTime),
			required("processes.start_ticks", typeInt64),
			required("processes.tsc_frequency", typeInt64),
			required("processes.exe", typeText),
			required("processes.username", typeText),
			required("processes.realname", typeText),
			required("processes.computer", typeText),
			required("processes.distro", typeText),
			required("processes.cpu_brand", typeText),
			required("processes.insert_time", typeTime),
			optional("processes.parent_process_id", typeText),
			required("processes.properties", typeJSONB),
			required("audience", typeCoded),
		}, nil),
	}

	allViews = []*view{
		logEntries, measures, threadSpans, asyncEvents, netSpans, images, otelSpans, logStats, processes, streams, blocks,
	}
)

// inTicks returns the view of v's chunks, in which some times are ticks.
func inTicks(v *view, columns ...string) *view {
	chunks := *v
	fields := slices.Clone(v.schema.Fields())
	for i := range fields {
		if slices.Contains(columns, fields[i].Name) {
			fields[i].Type = typeInt64
		}
	}
	chunks.schema = arrow.NewSchema(fields, nil)
	return &chunks
}

// ofBlocks returns a schema that begins with the columns that tell where a row comes from; see origin.
func ofBlocks(more ...arrow.Field) *arrow.Schema {
	return arrow.NewSchema(append([]arrow.Field{
		required("process_id", typeCoded),
		required("stream_id", typeCoded),
		required("block_id", typeCoded),
		required("insert_time", typeTime),
		required("exe", typeCoded),
		required("username", typeCoded),
		required("computer", typeCoded),
	}, more...), nil)
}

// fieldIDKey is where the Parquet writer of arrow-go looks for a column's field id.
const fieldIDKey = "PARQUET:field_id"

// fileSchema returns the schema of v's files: as clients see it, except that timestamps carry no zone, which Parquet
// writes as "not adjusted to UTC", the only kind that the engine reads to the nanosecond; and with field ids.
func (v *view) fileSchema() *arrow.Schema {
	fields := make([]arrow.Field, v.schema.NumFields())
	for i, f := range v.schema.Fields() {
		f.Type = fileType(f.Type)
		f.Metadata = arrow.NewMetadata([]string{fieldIDKey}, []string{strconv.Itoa(i + 1)})
		fields[i] = f
	}
	return arrow.NewSchema(fields, nil)
}

func fileType(t arrow.DataType) arrow.DataType {
	if t.ID() == arrow.TIMESTAMP {
		return typeTimeNZ
	}
	return t
}

// batchSchema returns the schema of v's rows as a batch in memory: plain types only.
func (v *view) batchSchema() *arrow.Schema {
	fields := make([]arrow.Field, v.schema.NumFields())
	for i, f := range v.schema.Fields() {
		f.Type = fileType(f.Type)
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			f.Type = d.ValueType
		}
		fields[i] = f
	}
	return arrow.NewSchema(fields, nil)
}
