// Package lake keeps blocks and turns them into tables.
//
// # Writing
//
// [Lake.Append] puts a block into a bounded queue and waits. A committer, one goroutine, takes what waits, up to 8 MiB, writes
// the payloads into a segment (groups of tiny blocks stay in memory, for the catalog's rows), records the group in one
// catalog transaction, answers its callers, and takes what has arrived meanwhile. Where segments grow, the transaction is
// filled while the payloads are being written and committed when they are durable. A failure fails the callers of its
// group and nobody else. A segment belongs to the process that began it and gets nothing more after an error, so a catalog
// row only ever points to bytes that were durable before it.
//
// Bulk ingestion ([Lake.InsertProcesses] and its like) copies another lake by its tables, in which blocks and their payloads
// come apart, in either order and with any time between. A half is recorded and durable like anything else, but staged:
// a payload lies in a segment, or when it is tiny in a row, a block waits in a row, and neither has pending rows, so that no view,
// count or claim sees it. The transaction that brings the second half makes a block of both, with its pending rows. So a
// block is never half visible and never lost, whichever half is sent again or never comes; what waits is told in the log
// every hour. Segments of staged payloads are in use. A block that comes whole meanwhile, from its program, wins; its
// staged half is deleted. Insert times are those of the lake that is copied; age counts from when things came here.
//
// # Reading
//
// [Lake.Snapshot] reads everything that a query needs in one catalog transaction, then finds or makes local Parquet files.
//
//   - log_entries, measures: the partitions, which lie in the object store (fetched once when that is not a local
//     directory), and the pending blocks, decoded into files of this node. Such a file holds several blocks and is used as
//     long as all of them are pending in the query's snapshot; else it is thrown away and those that still are pending are
//     decoded anew. So a row is never read twice, whatever maintenance does meanwhile.
//   - thread_spans, async_events, net_spans, images: made from the blocks of the stream or process when they are asked for.
//     Consecutive blocks make a chunk, a local file that all queries on these blocks share; where chunks end, the blocks
//     themselves decide, so that a stream that grows adds chunks and only its last blocks are decoded again. Chunks hold
//     ticks, which the engine turns into time by the clock as it is known by then. What is only half in a chunk of thread
//     spans is put together with the other half for each query, without decoding; a chunk of net spans begins with what the
//     one before it left open.
//   - log_stats: sums over the counts that lie beside the partitions of log entries, written in the same pass, and over the
//     rows of pending blocks.
//   - processes, streams, blocks: straight from the catalog, row by row, into a batch in memory or, when they are many, into a
//     local file of this query's own.
//
// Files are held while a query reads them. The cache removes a file when nobody holds it and it is forgotten or the cache
// is over its bound. Each process has a folder of its own, with a locked file in it; opening a cache removes the folders
// whose owner is gone.
//
// # Damage
//
// The catalog records the checksum of each payload and each file. A payload that the store does not have, or that has another
// checksum, counts as a failed attempt to decode: after a few, with growing pauses, exactly that block is in quarantine.
// Queries leave it out and say how many blocks they left out ([Snapshot].LeftOut). A partition whose file is gone or not what
// was recorded is set aside by whoever finds it: its blocks are pending again in one transaction, the query that found it looks
// again, and maintenance makes a new file; the broken one stays for [Maintenance.KeepBroken]. Queries see what a file's size,
// beginning and end tell, and check all of it when the engine cannot make sense of one ([Snapshot.Recheck]); so do fetching and
// merging. A store that is out of reach is none of this: queries fail as
// Unavailable, work waits, with growing pauses, and nothing is blamed for it. Where the store works but fails to give out some
// payloads, these wait behind all others, however many they are, and are tried again.
//
// # Older files
//
// A partition records the version of the schema that its file was written with. A file of an older one is brought to today's form
// when it is first read on a node (columns are found by field id, those that it lacks are filled), and rewritten by maintenance,
// whatever its level. One that cannot be brought there is retired, so that its rows are made from the blocks.
//
// # Maintenance
//
// [Lake.Run] claims pending blocks and makes partitions of them, and claims partitions and merges them, one file at a time
// in a process, and renews the claims while it works. While blocks are arriving it pauses twice as long as it worked. Package catalog says why work that is done twice
// is never counted twice. Files of merged partitions are deleted after [Maintenance.KeepRetired], objects that no record
// mentions after [Maintenance.KeepOrphans].
//
// # Administration
//
// Retiring a partition by hand gives its blocks back to pending: its rows stay in every answer and are put into a partition
// again. Regenerating decodes a partition's blocks anew and replaces it, or, when one of them cannot be decoded, leaves it
// as it is.
//
// Deleting goes from the views to the bytes. Rows are taken out of a view first ("dropped"): pending blocks are no longer
// decoded, partitions are removed, or written anew from their own file without the rows. A block that no view holds any
// more is deleted from the catalog. Its bytes go when no query can read them any more: the files of the old partitions as
// after merging, a segment when no block is left in it. What is left of a segment is written into a new one when an
// administrator's deletion took blocks from it, or when half of it is gone. [Retention] does the same by age, see there. Payloads that were written although their block was known, as when a
// program sends one again, or whose staged half a whole block superseded, count as deleted. What a process leaves in the store
// that dies between two steps no record mentions; it goes after [Maintenance.KeepOrphans].
package lake
