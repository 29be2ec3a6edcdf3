// Package duck runs queries on DuckDB in this process; it is the only package that imports it.
//
// # One instance a query
//
// Each query has a database of its own, in memory, with one connection; after the query it is closed. Nothing is left
// for the next query to find, memory and spilled files go with it, and the settings below can be different for every one.
// Opening one takes about ten milliseconds, so a few are kept ready and are replaced in the background; functions of ours
// are made when a statement mentions them (define.go). A statement that is only described runs nothing and needs no rows: it
// is planned in a database that all such share, on a connection of its own, whose tables are empty and end with it
// (planner.go).
//
// MaxConcurrent queries run; MaxWaiting wait for their turn; more are told to come back. Callers take turns, and none holds
// all slots (queue.go). After half a second the workers of a statement have a lower priority than other threads (account.go).
//
// # How the engine is closed
//
// Callers' SQL must reach the relations of the query and nothing else: no file, no setting, no other database, no
// extension, no rows that a relation's condition leaves out. Several layers stand behind each other:
//
//  1. Package query admits one statement of a query kind, and of that only node kinds, tables and functions on its lists.
//     This layer alone keeps a statement from reading a relation's files past its condition: the engine must be able
//     to open those, so settings cannot forbid it.
//  2. The parse tree that was checked is of the very text that runs, from DuckDB's own parser; prepare refuses text that
//     DuckDB splits into several statements.
//  3. allowed_paths holds exactly the query's files; enable_external_access = false forbids all others, ATTACH, COPY, and
//     extensions. DuckDB also allows the folder for spilling, which is why every instance has its own, and layer 1.
//  4. autoinstall_known_extensions, autoload_known_extensions and allow_community_extensions are off from the start.
//  5. lock_configuration = true: none of it can be changed by a statement.
//  6. memory_limit is the budget divided by MaxConcurrent; max_temp_directory_size bounds what is spilled. Both end the
//     query with fault.Exhausted. So does the account of the instance, which covers what memory_limit does not; see below.
//  7. The context ends everything: a running statement is interrupted, again and again until it has stopped.
//
// # How memory is bounded
//
// DuckDB's memory limit covers tables, sorts, joins and aggregates. It does not cover the values that an expression makes
// for one chunk of up to 2048 rows, what exact quantiles keep, plans, or rows on their way out; and between two chunks nothing can
// interrupt a statement. A text that is doubled with || some times takes more than a machine has within one chunk.
//
//   - Every allocation of an instance goes to its account (memory_linux.c), also the ones within DuckDB's own limit. One that would
//     bring the account over its limit is refused, as if the machine had no more; DuckDB makes an error of that statement of
//     it and gives back what it holds. The limit is the share of the query and half as much again (Options.statementLimit), so that DuckDB
//     spills before it comes to it. Threads of an instance are ours, so that each knows its account.
//   - All accounts together have a bound, too, which the guard (guard.go) sets twenty times a second while queries run, from what
//     the machine, the control groups and the process have room for. When it is reached, the queries that hold more than their
//     share of it are refused more, and small ones go on. When there is no room all the same, the query that holds the most is ended,
//     also one that only waits to be read.
//   - Functions that make much of little have bounds of their own (scalar_text.go, scalar_jsonpath.go, macros.sql) or are not on
//     the list; the bins of a query's histograms have a budget (histogram.go). They say so with more to the point than an account
//     can, and functions in Go must have bounds: while one runs, nothing is refused (callback.c).
//   - The stack is memory, too: statements and their parentheses are bounded by package query, expressions to 1000 levels by
//     DuckDB, the levels of JSON here (json_linux.c).
//
// Accounts and the bound of JSON need DuckDB as it is linked on Linux. Elsewhere they do not exist, and callers must be trusted.
//
// # How rows come in
//
// Files become a view over read_parquet with the list of paths: columns and conditions are pushed down into the files.
// A relation may also be a query of ours over several lists of files, which is the view's body.
// Batches are copied into a table by CREATE TABLE … AS SELECT * from a stream. The stream itself never meets callers' SQL:
// with a selection of columns DuckDB 1.5 reads it wrongly, and it can be read once only. No rows become an empty table.
//
// # How rows go out
//
// Results stream: DuckDB computes ahead by a small buffer and waits. Chunks of 2048 rows are put together into larger
// batches; the first one goes out at once. Batches own their memory and outlive the instance.
//
// # Who locks what
//
// A session and its instance belong to one goroutine. A reader may be released from another: Release interrupts, then
// waits for Next to return. The guard may end a session: it cancels instance.doomed, which interrupts what runs, and waits for
// reader.mu to let go of what is left; instance.mu is for reading the last statement's cost meanwhile. guard.mu is for the sessions
// that it knows; an instance is closed after its session has left. queue.mu guards the slots and who waits for them, Engine.mu only whether the engine is closed.
// DuckDB's own threads call Go only in the exported functions of callback.go and aggregate.go, which touch nothing but
// their vectors and states and recover from panics.
//
// # Aggregates
//
// make_histogram and sum_histograms are aggregates of DuckDB's C interface, so that FILTER, DISTINCT and OVER work. The
// binding does not cover that part of the interface; aggregate.go declares what it needs of it. A state is a struct of C's
// that DuckDB may move; its bins are in C's heap and freed by a destructor in C.
package duck
