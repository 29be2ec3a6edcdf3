package flightsql

import (
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
)

// conversions is which types CONVERT takes to which; there is no CONVERT here.
type conversions struct{}

// sqlInfos tell what the dialect can do, for drivers that fall over what they are not told: the JDBC driver answers half of
// DatabaseMetaData from here. Masks have a bit for each value of the enumeration that their name says; 0 among the
// lengths means without a limit, or that there is no such thing.
func sqlInfos() []sqlInfo {
	infos := []sqlInfo{
		{pb.SqlInfo_SQL_NULL_ORDERING, int64(pb.SqlNullOrdering_SQL_NULLS_SORTED_HIGH)},
		{pb.SqlInfo_SQL_EXTRA_NAME_CHARACTERS, ""},
		{pb.SqlInfo_SQL_SUPPORTS_CONVERT, conversions{}},
		{pb.SqlInfo_SQL_SUPPORTED_GROUP_BY, mask(pb.SqlSupportedGroupBy_SQL_GROUP_BY_UNRELATED, pb.SqlSupportedGroupBy_SQL_GROUP_BY_BEYOND_SELECT)},
		{pb.SqlInfo_SQL_SUPPORTED_GRAMMAR, mask(pb.SupportedSqlGrammar_SQL_MINIMUM_GRAMMAR, pb.SupportedSqlGrammar_SQL_CORE_GRAMMAR)},
		{pb.SqlInfo_SQL_ANSI92_SUPPORTED_LEVEL, mask(pb.SupportedAnsi92SqlGrammarLevel_ANSI92_ENTRY_SQL)},
		{pb.SqlInfo_SQL_OUTER_JOINS_SUPPORT_LEVEL, mask(pb.SqlOuterJoinsSupportLevel_SQL_LIMITED_OUTER_JOINS, pb.SqlOuterJoinsSupportLevel_SQL_FULL_OUTER_JOINS)},
		{pb.SqlInfo_SQL_SCHEMA_TERM, "schema"},
		{pb.SqlInfo_SQL_PROCEDURE_TERM, "procedure"},
		{pb.SqlInfo_SQL_CATALOG_TERM, "catalog"},
		{pb.SqlInfo_SQL_SCHEMAS_SUPPORTED_ACTIONS, int32(0)},
		{pb.SqlInfo_SQL_CATALOGS_SUPPORTED_ACTIONS, int32(0)},
		{pb.SqlInfo_SQL_SUPPORTED_POSITIONED_COMMANDS, int32(0)},
		{pb.SqlInfo_SQL_SUPPORTED_SUBQUERIES, mask(
			pb.SqlSupportedSubqueries_SQL_SUBQUERIES_IN_COMPARISONS, pb.SqlSupportedSubqueries_SQL_SUBQUERIES_IN_EXISTS,
			pb.SqlSupportedSubqueries_SQL_SUBQUERIES_IN_INS, pb.SqlSupportedSubqueries_SQL_SUBQUERIES_IN_QUANTIFIEDS)},
		{pb.SqlInfo_SQL_SUPPORTED_UNIONS, mask(pb.SqlSupportedUnions_SQL_UNION, pb.SqlSupportedUnions_SQL_UNION_ALL)},
		{pb.SqlInfo_SQL_MAX_STATEMENT_LENGTH, int64(1 << 20)}, // package query's limit
		{pb.SqlInfo_SQL_DEFAULT_TRANSACTION_ISOLATION, int64(pb.SqlTransactionIsolationLevel_SQL_TRANSACTION_NONE)},
		{pb.SqlInfo_SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS, mask(pb.SqlTransactionIsolationLevel_SQL_TRANSACTION_NONE)},
		{pb.SqlInfo_SQL_SUPPORTED_RESULT_SET_TYPES, mask(pb.SqlSupportedResultSetType_SQL_RESULT_SET_TYPE_FORWARD_ONLY)},
		{pb.SqlInfo_SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED, int32(0)},
		{pb.SqlInfo_SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY, mask(pb.SqlSupportedResultSetConcurrency_SQL_RESULT_SET_CONCURRENCY_READ_ONLY)},
		{pb.SqlInfo_SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE, int32(0)},
		{pb.SqlInfo_SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE, int32(0)},
	}
	for _, id := range []pb.SqlInfo{
		pb.SqlInfo_SQL_NULL_PLUS_NULL_IS_NULL, pb.SqlInfo_SQL_SUPPORTS_TABLE_CORRELATION_NAMES,
		pb.SqlInfo_SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY, pb.SqlInfo_SQL_SUPPORTS_ORDER_BY_UNRELATED,
		pb.SqlInfo_SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE, pb.SqlInfo_SQL_SUPPORTS_NON_NULLABLE_COLUMNS, pb.SqlInfo_SQL_CATALOG_AT_START,
		pb.SqlInfo_SQL_CORRELATED_SUBQUERIES_SUPPORTED, pb.SqlInfo_SQL_MAX_ROW_SIZE_INCLUDES_BLOBS,
	} {
		infos = append(infos, sqlInfo{id, true})
	}
	for _, id := range []pb.SqlInfo{
		pb.SqlInfo_SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES, pb.SqlInfo_SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY,
		pb.SqlInfo_SQL_SELECT_FOR_UPDATE_SUPPORTED, pb.SqlInfo_SQL_STORED_PROCEDURES_SUPPORTED,
		pb.SqlInfo_SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT, pb.SqlInfo_SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED,
		pb.SqlInfo_SQL_BATCH_UPDATES_SUPPORTED, pb.SqlInfo_SQL_SAVEPOINTS_SUPPORTED, pb.SqlInfo_SQL_NAMED_PARAMETERS_SUPPORTED,
		pb.SqlInfo_SQL_LOCATORS_UPDATE_COPY, pb.SqlInfo_SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED,
	} {
		infos = append(infos, sqlInfo{id, false})
	}
	for _, id := range []pb.SqlInfo{
		pb.SqlInfo_SQL_MAX_BINARY_LITERAL_LENGTH, pb.SqlInfo_SQL_MAX_CHAR_LITERAL_LENGTH, pb.SqlInfo_SQL_MAX_COLUMN_NAME_LENGTH,
		pb.SqlInfo_SQL_MAX_COLUMNS_IN_GROUP_BY, pb.SqlInfo_SQL_MAX_COLUMNS_IN_INDEX, pb.SqlInfo_SQL_MAX_COLUMNS_IN_ORDER_BY,
		pb.SqlInfo_SQL_MAX_COLUMNS_IN_SELECT, pb.SqlInfo_SQL_MAX_COLUMNS_IN_TABLE, pb.SqlInfo_SQL_MAX_CONNECTIONS,
		pb.SqlInfo_SQL_MAX_CURSOR_NAME_LENGTH, pb.SqlInfo_SQL_MAX_INDEX_LENGTH, pb.SqlInfo_SQL_DB_SCHEMA_NAME_LENGTH,
		pb.SqlInfo_SQL_MAX_PROCEDURE_NAME_LENGTH, pb.SqlInfo_SQL_MAX_CATALOG_NAME_LENGTH, pb.SqlInfo_SQL_MAX_ROW_SIZE,
		pb.SqlInfo_SQL_MAX_STATEMENTS, pb.SqlInfo_SQL_MAX_TABLE_NAME_LENGTH, pb.SqlInfo_SQL_MAX_TABLES_IN_SELECT,
		pb.SqlInfo_SQL_MAX_USERNAME_LENGTH,
	} {
		infos = append(infos, sqlInfo{id, int64(0)})
	}
	return infos
}

// mask has the bits of the values.
func mask[E ~int32](values ...E) int32 {
	var m int32
	for _, v := range values {
		m |= 1 << v
	}
	return m
}
