// Package perfetto writes traces in the protobuf format of Perfetto (perfetto.dev, protos/perfetto/trace).
//
// A trace is a sequence of packets, each field 1 of the message Trace, so that traces can be put together from pieces. This
// package writes the few messages that slices on tracks need, by hand with protowire:
//
//	TracePacket      timestamp 8, trusted_packet_sequence_id 10, track_event 11, interned_data 12, sequence_flags 13,
//	                 track_descriptor 60
//	TrackDescriptor  uuid 1, name 2, process 3, thread 4, parent_uuid 5
//	ProcessDescriptor  pid 1, cmdline 2, process_name 6, process_labels 8
//	ThreadDescriptor   pid 1, tid 2, thread_name 5
//	TrackEvent       category_iids 3, debug_annotations 4, type 9 (1 begin, 2 end), name_iid 10, track_uuid 11,
//	                 source_location_iid 34
//	InternedData     event_categories 1, event_names 2, debug_annotation_names 3, source_locations 4
//	EventCategory, EventName, DebugAnnotationName  iid 1, name 2
//	SourceLocation   iid 1, file_name 2, function_name 3, line_number 4
//	DebugAnnotation  name_iid 1, bool_value 2, uint_value 3, int_value 4, double_value 5, string_value 6, legacy_json_value 9
//
// All packets belong to one sequence; the first clears its state. Names, categories and source locations are interned:
// each is written once, in the packet that needs it first. Times are nanoseconds since 1970.
package perfetto
