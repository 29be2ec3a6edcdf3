// Package admin is the SQL functions that tell about partitions and change them.
//
// Everybody may call list_partitions and list_view_sets. The others are for administrators alone, which package query
// enforces before it plans anything. Operations report while they work, one row for each thing done, with the names,
// arguments and texts that existing clients know:
//
//	retire_partitions(set, instance, begin, end)              time, msg
//	materialize_partitions(set, begin, end, delta_seconds)    time, msg
//	regenerate_partitions(set, begin, end, delta_seconds)     time, msg
//	retire_partition_by_file(path)                            text: SUCCESS: … or ERROR: …
//	retire_partition_by_metadata(set, instance, begin, end [, schema_hash])
//	list_quarantined_blocks()                                 blocks that could not be decoded, and why
//	requeue_quarantined_blocks(set)                           time, msg
//	deny_queries(match_expr, reason)                          time, msg: the id of the new rule; see package denylist
//	list_query_denials()                                      the rules
//	remove_query_denial(rule_id)                              text: SUCCESS: … or ERROR: …
//	delete_process(process_id)                                time, msg
//	delete_blocks_before(time)                                time, msg
//
// An operation that fails fails the query. Each call is logged with who, what and its result, beside the audit record of
// the query. The scalar functions are one transaction for each chunk of rows that the engine hands over, up to 2048;
// they answer after it has been committed, or rolled back for all rows.
package admin
