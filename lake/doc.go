// Package lake keeps blocks and turns them into tables.
//
// Writing: a committer groups the blocks that wait into one segment object and one catalog transaction; a block is
// acknowledged after that transaction. Reading: a query takes one catalog snapshot and gets, for each relation, a set of
// local Parquet files: partitions, and the blocks that no partition holds yet, decoded on the spot.
package lake
