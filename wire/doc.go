// Package wire is the native block format: decoding what instrumented programs send and encoding what they could send.
// This comment is the format's specification.
//
// # Envelopes
//
// A program sends three kinds of requests; the body of each is one CBOR map (RFC 8949). Every key named below must be
// there, once, spelled exactly so; others are ignored, as is everything after the map. Lengths may be definite or
// indefinite. The tag 55799 may stand in front. A text must be valid UTF-8 without NUL.
//
//	uuid        text: hyphenated, without hyphens, in braces, or urn:uuid:, in either letter case
//	time        text: RFC 3339 with an offset, 1678 to 2261; a space or t may replace the T. Cut to microseconds
//	int64       integer in the range of the type
//	bytes       byte string, or an array of integers 0 to 255 (older clients); at most 100 MiB
//	properties  map of text to text without duplicate keys, at most 65536. Names that begin with "micromegas." are the
//	            server's own and are dropped
//
// insert_process:
//
//	process_id         uuid
//	exe, username, realname, computer, distro, cpu_brand
//	                   text, cut to 255 characters
//	tsc_frequency      int64   ticks per second; 0 or less: unknown
//	start_time         time    when start_ticks was read
//	start_ticks        int64
//	parent_process_id  uuid, "" or null
//	properties         properties
//
// insert_stream:
//
//	process_id, stream_id  uuid
//	dependencies_metadata  layout of the dependency queue of every block
//	objects_metadata       layout of the event queue of every block
//	tags                   array of text, at most 4096: what the stream holds ("log", "metrics", "cpu", "net", "image")
//	properties             properties; "thread-name" and "thread-id" on the stream of a thread
//
// insert_block:
//
//	block_id, stream_id, process_id  uuid
//	begin_time, end_time             time
//	begin_ticks, end_ticks           int64   at these times, minus start_ticks of the process; may be negative
//	payload                          map of dependencies and objects, both bytes
//	nb_objects                       int32   events in the block
//	object_offset                    int64   events in earlier blocks of the stream
//
// A layout is an array of at most 256 types; the position of a type is its index in the queue.
//
//	type    name text · size uint32, 0 = each object carries its own · members array, at most 1024 · is_reference bool
//	member  name text · type_name text · offset uint32 · size uint32 · is_reference bool
//
// Stored are: layouts as CBOR with definite lengths and the keys in the order just given (members before
// is_reference), and payloads as a map of two byte strings, dependencies first.
//
// # Queues
//
// Both parts of a payload are one LZ4 frame each (magic 04 22 4d 18, any block size, linked or independent blocks, with
// or without checksums), also when empty. Inflated, each is a queue: objects one after the other, unaligned, integers
// little endian, floats IEEE 754 binary64.
//
//	type of size n > 0   u8 index · n bytes
//	type of size 0       u8 index · u32 n · n bytes
//
// The bytes of a static object are a memory image of the client: members lie where the layout says, and what is
// between them is garbage. A member is read so:
//
//  1. offset + size must lie within the type.
//  2. is_reference: a u64 id, the member's size being at least 8. The value is the dependency with that id.
//  3. Otherwise by type_name: u8 uint8, u32 uint32, u64 uint64, i64 int64, f64; or the name of a static type of the same
//     layout, which is then nested. A nested type that is itself a reference has the value of its member "id". Any other
//     name, and a type that contains itself, cannot be read.
//
// Where a field of an event wants 32 bits, u8 and u32 do; where it wants 64 bits, u64 and i64 do, bit by bit.
//
// The members that a layout gives for dynamic types describe memory, not these bytes, and are ignored; the bytes are
// given below. A string in them is
//
//	u8 codec · u32 n · n bytes      codec 0 and 2: UTF-8; 1: UTF-16, little endian, n even
//
// Malformed text is not an error: each maximal subpart of a bad UTF-8 sequence, and each unpaired surrogate, becomes
// one U+FFFD. A string reference is the bytes of the named static type, of which only the member "id" counts.
//
// # Dependencies
//
// The dependency queue is read first, front to back. Every record has an id, unique in the block over all kinds and
// meaningless outside; a record refers only to records before it.
//
//	StaticString             dynamic   u64 id · text to the end
//	StaticStringDependency   dynamic   u64 id · string
//	PropertySetDependency    dynamic   u64 id · u32 n · n objects of type Property
//	Property                 static    name, value: references to texts
//	any other static type    static    id: u64, not a reference; further members by name
//	any other dynamic type             ignored
//
// Metadata records (LogMetadataRecord, LogMetadataDependency, MetricMetadataDependency, SpanRecord,
// SpanMetadataDependency, SpanLocationRecord, SpanLocationDependency) are such static types. They are told apart by what
// refers to them, and read by the names of their members: name, unit, target, module_path, file and fmt_str are texts,
// line and level are numbers of 8 or 32 bits; lod, the level of detail, is not used.
//
// # Events
//
// Types are known by name. "time" is always an absolute tick count of 64 bits. Static types, with the members used
// (desc: metadata record; properties: property set; other references: texts):
//
//	LogStaticStrEvent                                      desc, time; the text is fmt_str
//	LogStaticStrInteropEvent, …V2                          target, msg (references), time, level
//	TaggedLogStaticStrEvent                                desc, properties, time; the text is fmt_str
//	TaggedLogTemplateEvent                                 the same; the text is fmt_str filled in with the properties
//	IntegerMetricEvent, FloatMetricEvent                   desc, value (u64 or f64), time
//	TaggedIntegerMetricEvent, TaggedFloatMetricEvent       the same, and properties
//	BeginThreadSpanEvent, EndThreadSpanEvent               thread_span_desc, time
//	TaggedEndThreadSpanEvent                               the same, and properties
//	BeginThreadNamedSpanEvent, EndThreadNamedSpanEvent,
//	BeginThreadDynNamedSpanEvent, EndThreadDynNamedSpanEvent
//	                                                       thread_span_location, name, time
//	TaggedEndThreadNamedSpanEvent                          the same, and properties
//	BeginAsyncSpanEvent, EndAsyncSpanEvent                 span_desc, span_id, parent_span_id, depth, time
//	TaggedEndAsyncSpanEvent                                the same, and properties
//	BeginAsyncNamedSpanEvent, EndAsyncNamedSpanEvent,
//	BeginAsyncDynNamedSpanEvent, EndAsyncDynNamedSpanEvent span_location, name, span_id, parent_span_id, depth, time
//	TaggedEndAsyncNamedSpanEvent                           the same, and properties
//	NetConnectionBeginEvent                                time, connection_name, is_outgoing
//	NetObjectBeginEvent                                    time, object_name
//	NetRPCBeginEvent                                       time, function_name
//	NetPropertyEvent                                       time, property_name, bit_size
//	NetConnectionEndEvent, NetObjectEndEvent, NetRPCEndEvent
//	                                                       time, bit_size
//
// A tagged end closes an ordinary begin. Dynamic types, byte by byte (ref: a string reference, of type StaticStringRef
// except where noted; desc and set: u64 ids):
//
//	LogStringEvent            desc · i64 time · text to the end
//	LogStringEventV2          desc · i64 time · string
//	TaggedLogString           desc · set · i64 time · string
//	LogStringInteropEventV2   i64 time · u32 level · ref (of type StringId) · text to the end
//	LogStringInteropEventV3   i64 time · u8 level · ref · string
//	TaggedLogInteropEvent     i64 time · u8 level · ref · set · string
//	ImageEvent                i64 time · string name · string format · u32 n · n bytes
//
// # From event to fields
//
// The level, target, file, module path and line of a log entry are those of its metadata record, or its own where it
// has a level and target itself. In TaggedLogString, TaggedLogStaticStrEvent and TaggedLogTemplateEvent a property
// "target" replaces the target, and a property "level" with one of the texts fatal, error, warning, info, debug, trace
// replaces the level; any other text leaves the level alone. Levels count from 1, fatal, to 6, trace.
//
// In a template "{{" and "}}" are braces; "{name}", "{name:}" and "{name:?}" are replaced by the property of that name;
// everything else is copied, placeholders without a property included.
//
// The name, unit and target of a metric are those of its metadata record; properties of these names replace them in
// tagged metrics. Integer metrics in the unit "ticks" are shown in seconds, see [TicksToSeconds].
//
// The name of a span is its own, or that of its metadata record. Its place is identified by [SpanHash]. The begins and
// ends of thread spans nest within a stream, across its blocks; those of async spans belong together by span_id, of
// which each process has one sequence.
//
// Begins and ends of network events nest within a stream, across its blocks: connections hold objects and remote calls,
// which hold one another and properties. bit_size counts all that lies inside.
//
// Property sets stay complete, also where they replace something. Of equal names in a set the first counts.
//
// # Errors
//
// An event that cannot be read is counted and passed over; so is a dependency, and then the events that refer to it.
// Of two dependencies with one id the first counts. An event of an unknown type is passed over. Only a queue that
// cannot be taken apart any further ends the block. [Limits] bound the work that a block can cause.
//
// # Writing
//
// [LogBuilder], [MetricBuilder], [SpanBuilder], [NetBuilder] and [ImageBuilder] write a subset that all readers since the format's 0.30 know: ids
// count from 1 in every block, texts are UTF-8 with codec 2, every text, property set and metadata record is written
// once, before it is referred to. No nested types are used.
package wire
