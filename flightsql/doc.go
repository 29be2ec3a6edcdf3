// Package flightsql answers SQL over Arrow Flight: the Flight SQL protocol in front of package query, and the only
// package that imports Flight.
//
// # Calls
//
// A command is a message of arrow.flight.protocol.sql inside google.protobuf.Any. A statement is UTF-8 SQL text; it is
// also its own handle: a prepared statement is known by its text, and one with values bound to its parameters by a handle
// that holds text and values (see [handle]), so that no server keeps state between calls and any replica can answer.
//
//	DoGet            TicketStatementQuery, bare (first field = the statement) or inside Any; the published Python
//	                 client sends the latter without asking for a FlightInfo. CommandPreparedStatementQuery and
//	                 the metadata commands below, inside Any.
//	GetFlightInfo    CommandStatementQuery, CommandPreparedStatementQuery: plans without a range and runs nothing;
//	                 the schema the stream will have, one endpoint without a location, the ticket
//	                 TicketStatementQuery bare, -1 records, -1 bytes. The metadata commands: the ticket is the command.
//	GetSchema        the same commands, only the schema.
//	                 Of a statement with parameters they tell the types that values have given, or without values, in
//	                 GetSchema only, those that the statement expects. Running one without values is refused.
//	DoAction         CreatePreparedStatement (handle = text; dataset_schema an IPC stream with dictionary types kept;
//	                 parameter_schema has a field for each ?, $1 and $name, and is empty without any),
//	                 ClosePreparedStatement (always OK), CancelFlightInfo, CancelQuery.
//	DoPut            CommandPreparedStatementQuery with batches: a column for each parameter, by number, or by name where
//	                 the statement has $name. The answer is DoPutPreparedStatementResult with another handle, which the
//	                 calls that follow use. The statement runs once for each row, and the answers follow one another. At
//	                 most 1 MiB and 10 000 rows.
//	                 CommandStatementIngest with the batches of a table (package bulk says which): all rows in one
//	                 transaction; the answer is DoPutUpdateResult with how many came, those that were known included.
//	metadata         CommandGetSqlInfo, CommandGetCatalogs, CommandGetDbSchemas, CommandGetTables,
//	                 CommandGetTableTypes, CommandGetPrimaryKeys, CommandGetImportedKeys, CommandGetExportedKeys,
//	                 CommandGetCrossReference (no keys: empty results), CommandGetXdbcTypeInfo.
//	                 Tables have the empty catalog and the empty schema, and the type "table".
//	Handshake        for clients that know names and passwords: the password is the key or token, any name will do. Basic
//	                 credentials in the header, or a BasicAuth message as the first payload. The answer's header has
//	                 "authorization: Bearer <password>" for the calls that follow, and with messages the payload <password>.
//	                 There is no session: nothing is remembered.
//	administrators   statements that call retire_partitions and its like, CREATE and DROP MATERIALIZED VIEW, DoPut with
//	                 CommandStatementIngest: PERMISSION_DENIED to everybody else.
//	UNIMPLEMENTED    updates, DoExchange, transactions, savepoints, Substrait, sessions, renewal.
//
// Arrow messages of callers are verified ([verifyHeader]) and read within a limit of memory, before the library takes
// their word for sizes.
//
// ListFlights is empty; ListActions names the actions above. grpc.health.v1.Health and every call whose path ends in
// "/health" answer OK without a credential (package auth/authgrpc lets them through).
//
// # Request metadata
//
//	query_range_begin, query_range_end   RFC 3339, any offset, up to ns. Each alone is an open range; empty is absent;
//	                                     so is a bound that excludes nothing that nanoseconds can tell.
//	limit                                decimal integer >= 0: at most so many rows
//	preserve_dictionary                  "true" in any case: dictionary columns are sent as dictionaries
//	x-client-type, -agent, -entrypoint, -session, -notebook, -cell; x-user-id, -email, -name; x-request-id
//	                                     for the audit record, never for access
//	forwarded, x-forwarded-for, x-real-ip   count only from trusted proxies, see [auth.Proxies]
//
// # Answers
//
// The schema is sent at once, then batches, pulled from the query only when the transport takes them; a batch over 2 MiB
// is cut by rows without copying. Dictionaries are sent again whenever a batch brings another one (replacement, never
// delta). A result without rows is its schema. The end of the call, whoever causes it, ends the query.
//
// An error is a gRPC status, possibly after batches: the code by its fault.Kind, the public message, and
// " (query_id=<uuid>)". An error nobody classified, or a panic, is INTERNAL with only the id; its cause is logged under
// the same id. Messages are cut so that they fit the 8 KiB that gRPC clients accept as metadata.
package flightsql
