// Package bulk reads processes, streams, blocks and payloads from tables, as administrators copy them from one lake to
// another.
//
// # Tables
//
// A table is any number of Arrow batches with at least these columns; others are ignored, so that what SELECT * answers on
// one lake can be sent to another.
//
//	processes   process_id, exe, username, realname, computer, distro, cpu_brand, tsc_frequency, start_time, start_ticks,
//	            insert_time, parent_process_id, properties
//	streams     stream_id, process_id, dependencies_metadata, objects_metadata, tags, properties, insert_time, format
//	blocks      block_id, stream_id, process_id, begin_time, begin_ticks, end_time, end_ticks, nb_objects, object_offset,
//	            payload_size, insert_time
//	payloads    process_id, stream_id, block_id, payload
//
// A column may have any type that holds the same:
//
//	ids          text in any form of a UUID, 16 bytes
//	texts        Utf8, LargeUtf8, Utf8View; NULL is the empty text
//	bytes        Binary, LargeBinary, BinaryView, FixedSizeBinary; NULL is empty
//	integers     any integer type; the value must fit
//	times        Timestamp of any unit, which is UTC with or without a zone
//	tags         any list of texts; NULL is none
//	properties   JSONB bytes, a list of key and value, a map, a struct, JSON text; NULL, the empty list of any type, and
//	             empty bytes are none. Values that are no texts become JSON text
//
// and any of them dictionaries of these. parent_process_id may be NULL or empty. Other ids, times and numbers must be there.
//
// The column audience may be missing. Rows with another audience than "public" are refused: this lake keeps nothing from
// those who may read it, and whoever restricted them wanted that.
//
// # What a call does
//
// All rows are recorded in one transaction, or none. Ids that are known are left as they are; a table can be sent again.
// Blocks and payloads are told apart by nothing but their table: see package lake.
package bulk
