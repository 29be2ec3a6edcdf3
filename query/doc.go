// Package query is a SQL statement on the lake: what it may contain, which relations it reads, and what its answer
// looks like to clients.
//
// # The way of a statement
//
//  1. scan splits the text into tokens, refuses what is too long, nested too deep, or more than one statement, and finds
//     out what it asks for. SHOW TABLES, SHOW COLUMNS and DESCRIBE are answered from our catalogue at once.
//  2. A session of the engine is taken: an instance that no other query has used or will use.
//  3. rewrite turns the dialect that existing statements are written in into the engine's, token by token: names in lower
//     case, view_instance('set', 'id') as a relation, nanoseconds in TIMESTAMP '…', functions under other names. Every edit
//     is remembered, so that positions in the engine's errors are told in the user's own text.
//  4. The engine parses the rewritten text and hands out the tree. A validator walks it: query nodes, tables and
//     expressions of known kinds only; tables that are ours, WITH names in their scope, and no schema; functions of
//     functions.txt. This is the proof; the tokens prove nothing.
//  5. The lake gives one snapshot for all relations of the statement: files and batches, each with the condition that
//     holds the time range. The condition is part of the relation, so that it reaches every scan, also those in subqueries.
//  6. The session attaches the relations, closes the engine (see package duck), plans and runs.
//     A statement with parameters is planned twice: once to find out what it expects of them, and again with each cast to
//     the type of its value, so that the answer has the columns that were described. Values are bound, never written into
//     the text; the engine plans with them, so that conditions on them prune like literals. With several rows of values
//     the statement runs once for each, on the same snapshot.
//  7. The edge turns batches into what clients expect, and the result streams them.
//
// # Functions of ours
//
// Functions that need nothing but their arguments live in the engine. Two kinds need more, and come with the service's
// options: a [TableFunction] stands in FROM with constant arguments, is planned from them and runs in Go when the
// statement does; a [Scalar] stands where a value stands and is called by the engine with rows. Both get the context
// of the query, with the caller in it. What is marked Admin is refused to others before anything of the statement runs.
//
// # The types of answers
//
// The engine forgets what our tables declare: dictionaries, the zone of times, NOT NULL, fixed-size ids. An inference
// follows columns through the parse tree and gives them back to columns of the answer that are plain references, or
// functions whose type existing clients know. It never guesses: where it does not know, the engine's type decides.
//
//	HUGEINT, the sum of integers   Int64, UInt64 when the summed column is unsigned; an error when it does not fit
//	DECIMAL, so also 0.5           Float64
//	TIMESTAMP of any unit          Timestamp(ns, "+00:00"); an error outside of the years 1677 to 2262
//	time - time                    Duration(ns); the engine computes with a number
//	integers made of literals      Int64
//	declared dictionaries          Dictionary(Int32, x) when the caller wants them, a new one for each batch; else x
//	lists                          child named item, or as declared
//	count(*)                       the name count(*); sum(t.a) for an unaliased sum(a) and its like
//
// Buffers are shared with the engine's where values stay as they are. A batch stays valid after its result is released
// only if it is retained.
package query
