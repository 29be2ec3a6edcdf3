// Package static keeps the tables that operators supply as files: names of machines, owners of builds, whatever is to be
// joined with telemetry.
//
// # From a file to a table
//
// Every .csv and .json file of a folder is a table that is named by the file's stem. It is copied to this machine, checked,
// read twice, once to learn its columns and once for its rows, and written as a Parquet file. Queries read that file and
// nothing else, so that the engine needs no right to anything but Parquet files of this machine, as for the tables of the
// lake, and a file that is replaced or damaged in the middle of a query does not matter to it.
//
// # Types
//
// A column's type is one that holds all of its values, every one looked at; it is never guessed from the first rows, and no
// value changes by being read. What has no such type is text, as it is written.
//
//	CSV   true and false in any case                          Boolean
//	      whole numbers of 64 bits without leading zeros      Int64
//	      fractions, also with whole numbers up to 2^53       Float64
//	      2026-01-31                                          Date32
//	      2026-01-31T12:00:00, with fraction and zone or not  Timestamp(ns, "+00:00"); UTC without a zone
//	      an empty field                                      NULL
//	JSON  true, false, numbers                                as above
//	      text                                                text, also when it looks like a time
//	      lists, objects                                      List, Struct
//	      null, a missing key                                 NULL
//
// # Changes
//
// At the start, every mistake in every file is reported at once, with its line and what to do, and stops the server. Later
// the folder is looked at again and again. A file that has changed replaces its table whole; one that has become unusable is
// logged, and the table stays what it was. Names never hide the lake's: a file whose name is taken is refused.
//
// # Who locks what
//
// Tables.mu guards the map of tables and the readers of each version. A version's file is removed when it has been replaced
// and its last reader has left. The folder is looked at by one goroutine at a time, Open's or Run's.
package static
