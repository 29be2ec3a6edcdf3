package flightsql

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"

	"github.com/micromegas-go/micromegas/auth"
)

// sqlInfo is one answer to GetSqlInfo; value is a string, bool, int64, int32 or []string, each with its own place in the
// union of FlightSql.proto.
type sqlInfo struct {
	id    pb.SqlInfo
	value any
}

// serverInfo is all that GetSqlInfo tells, by id. Name, versions and the lists of words are those of existing servers of
// this protocol: editors complete from them.
func serverInfo(name, version string) []sqlInfo {
	return []sqlInfo{
		{pb.SqlInfo_FLIGHT_SQL_SERVER_NAME, name},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_VERSION, version},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_ARROW_VERSION, "1.3"},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_READ_ONLY, true},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_SQL, true},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_SUBSTRAIT, false},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_TRANSACTION, int32(pb.SqlSupportedTransaction_SQL_SUPPORTED_TRANSACTION_NONE)},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_CANCEL, true},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_BULK_INGESTION, false},
		{pb.SqlInfo_FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT, int32(0)}, // handles are the statements: they don't expire
		{pb.SqlInfo_SQL_DDL_CATALOG, false},
		{pb.SqlInfo_SQL_DDL_SCHEMA, false},
		{pb.SqlInfo_SQL_DDL_TABLE, false},
		{pb.SqlInfo_SQL_IDENTIFIER_CASE, int64(pb.SqlSupportedCaseSensitivity_SQL_CASE_SENSITIVITY_LOWERCASE)},
		{pb.SqlInfo_SQL_IDENTIFIER_QUOTE_CHAR, `"`},
		{pb.SqlInfo_SQL_QUOTED_IDENTIFIER_CASE, int64(pb.SqlSupportedCaseSensitivity_SQL_CASE_SENSITIVITY_CASE_INSENSITIVE)},
		{pb.SqlInfo_SQL_ALL_TABLES_ARE_SELECTABLE, true},
		{pb.SqlInfo_SQL_KEYWORDS, strings.Fields(keywords)},
		{pb.SqlInfo_SQL_NUMERIC_FUNCTIONS, strings.Fields(numericFunctions)},
		{pb.SqlInfo_SQL_STRING_FUNCTIONS, strings.Fields(stringFunctions)},
		{pb.SqlInfo_SQL_SYSTEM_FUNCTIONS, strings.Fields(systemFunctions)},
		{pb.SqlInfo_SQL_DATETIME_FUNCTIONS, strings.Fields(timeFunctions)},
		{pb.SqlInfo_SQL_SEARCH_STRING_ESCAPE, `\`},
		{pb.SqlInfo_SQL_SUPPORTS_COLUMN_ALIASING, true},
		{pb.SqlInfo_SQL_TRANSACTIONS_SUPPORTED, false},
	}
}

// infoFor is what ctx's caller is told: administrators may ingest in bulk, to all others the server is read-only.
func (s *Server) infoFor(ctx context.Context) []sqlInfo {
	if s.sink == nil || auth.RequireAdmin(ctx, "") != nil {
		return s.info
	}
	all := slices.Clone(s.info)
	for i := range all {
		switch all[i].id {
		case pb.SqlInfo_FLIGHT_SQL_SERVER_READ_ONLY:
			all[i].value = false
		case pb.SqlInfo_FLIGHT_SQL_SERVER_BULK_INGESTION:
			all[i].value = true
		default:
		}
	}
	return all
}

// fillInfo writes the wanted ids that we know, in our order; none wanted means all. An id we don't know is left out, as
// clients ask for more than any server tells.
func fillInfo(b *array.RecordBuilder, all []sqlInfo, wanted []uint32) {
	names := b.Field(0).(*array.Uint32Builder)
	values := b.Field(1).(*array.DenseUnionBuilder)
	for _, info := range all {
		id := uint32(info.id)
		if len(wanted) > 0 && !slices.Contains(wanted, id) {
			continue
		}
		names.Append(id)
		switch v := info.value.(type) {
		case string:
			values.Append(0)
			values.Child(0).(*array.StringBuilder).Append(v)
		case bool:
			values.Append(1)
			values.Child(1).(*array.BooleanBuilder).Append(v)
		case int64:
			values.Append(2)
			values.Child(2).(*array.Int64Builder).Append(v)
		case int32:
			values.Append(3)
			values.Child(3).(*array.Int32Builder).Append(v)
		case []string:
			values.Append(4)
			list := values.Child(4).(*array.ListBuilder)
			list.Append(true)
			list.ValueBuilder().(*array.StringBuilder).AppendValues(v, nil)
		case conversions:
			values.Append(5)
			values.Child(5).(*array.MapBuilder).Append(true)
		}
	}
}

const (
	numericFunctions = `abs acos asin atan atan2 ceil cos exp floor ln log log10 log2 pow power round signum sin sqrt tan
		trunc`
	stringFunctions = `arrow_typeof ascii bit_length btrim char_length character_length chr concat concat_ws digest
		from_unixtime initcap left length lower lpad ltrim md5 octet_length random regexp_match regexp_replace repeat
		replace reverse right rpad rtrim sha224 sha256 sha384 sha512 split_part starts_with strpos substr to_hex translate
		trim upper uuid`
	systemFunctions = `array arrow_typeof struct`
	timeFunctions   = `current_date current_time date_bin date_part date_trunc datepart datetrunc from_unixtime now
		to_timestamp to_timestamp_micros to_timestamp_millis to_timestamp_seconds`

	// keywords are the reserved words of ISO/IEC 9075:1992 (SQL-92), section 5.2.
	keywords = `absolute action add all allocate alter and any are as asc assertion at authorization avg
		begin between bit bit_length both by
		cascade cascaded case cast catalog char character char_length character_length check close coalesce collate
		collation column commit connect connection constraint constraints continue convert corresponding count create
		cross current current_date current_time current_timestamp current_user cursor
		date day deallocate dec decimal declare default deferrable deferred delete desc describe descriptor diagnostics
		disconnect distinct domain double drop
		else end end-exec escape except exception exec execute exists external extract
		false fetch first float for foreign found from full
		get global go goto grant group
		having hour
		identity immediate in indicator initially inner input insensitive insert int integer intersect interval into is
		isolation
		join
		key
		language last leading left level like local lower
		match max min minute module month
		names national natural nchar next no not null nullif numeric
		octet_length of on only open option or order outer output overlaps
		pad partial position precision prepare preserve primary prior privileges procedure public
		read real references relative restrict revoke right rollback rows
		schema scroll second section select session session_user set size smallint some space sql sqlcode sqlerror
		sqlstate substring sum system_user
		table temporary then time timestamp timezone_hour timezone_minute to trailing transaction translate translation
		trim true
		union unique unknown update upper usage user using
		value values varchar varying view
		when whenever where with work write
		year
		zone`
)
