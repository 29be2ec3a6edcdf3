// Package catalog is the metadata database: which processes, streams and blocks exist, where their payloads lie, and
// which blocks each view already holds in partitions. It runs on SQLite (one file) and on PostgreSQL.
//
// # Coverage
//
// A view is a table made from blocks ([LogEntries], [Measures]). For each view that a block feeds, the transaction that
// records the block adds a pending row. Materialising claims pending rows, writes a Parquet file outside, and in one
// transaction deletes those rows and inserts the partition with its members. The invariant, in every snapshot:
//
//	for each (view, block that feeds it), exactly one of
//	  - a pending row
//	  - membership of one live partition
//
// Identity decides, never clocks, counts or ranges. A primary key on (view, block) of the members enforces "one".
//
// A block may arrive before its stream or process. Its pending row then has no view yet ([Unresolved]); readers and
// claims resolve it through the stream's tags as soon as the stream is there. A block whose process is missing waits.
//
// # Claims
//
// Any replica may do maintenance. Work is claimed by a row update with an owner and an expiry; a commit checks that the
// claim still holds, so that work done twice is thrown away and never counted twice.
package catalog
