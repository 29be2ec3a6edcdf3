// Package query is a SQL statement on the lake: what it may contain, which relations it reads, and what its answer
// looks like to clients.
package query
