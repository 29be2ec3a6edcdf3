package flightsql

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/micromegas-go/micromegas/query"
)

// Every table has the empty catalog and the empty schema, which in Flight SQL reads "without", and one type. Catalogs
// and schemas are listed as such, because ADBC looks for tables only under what is listed.
const (
	catalogName = ""
	schemaName  = ""
	tableType   = "table"
)

func fillCatalogs(_ context.Context, b *array.RecordBuilder) {
	b.Field(0).(*array.StringBuilder).Append(catalogName)
}

func fillTableTypes(_ context.Context, b *array.RecordBuilder) {
	b.Field(0).(*array.StringBuilder).Append(tableType)
}

func fillSchemas(b *array.RecordBuilder, cmd *pb.CommandGetDbSchemas) {
	if cmd.Catalog != nil && cmd.GetCatalog() != catalogName {
		return
	}
	if cmd.DbSchemaFilterPattern != nil && !like(cmd.GetDbSchemaFilterPattern(), schemaName) {
		return
	}
	b.Field(0).(*array.StringBuilder).Append(catalogName)
	b.Field(1).(*array.StringBuilder).Append(schemaName)
}

func fillTables(b *array.RecordBuilder, cmd *pb.CommandGetTables, tables []query.TableInfo) {
	if cmd.Catalog != nil && cmd.GetCatalog() != catalogName {
		return
	}
	if cmd.DbSchemaFilterPattern != nil && !like(cmd.GetDbSchemaFilterPattern(), schemaName) {
		return
	}
	isTable := func(t string) bool { return strings.EqualFold(t, tableType) }
	if types := cmd.GetTableTypes(); len(types) > 0 && !slices.ContainsFunc(types, isTable) {
		return
	}
	tables = slices.Clone(tables)
	slices.SortFunc(tables, func(a, b query.TableInfo) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range tables {
		if cmd.TableNameFilterPattern != nil && !like(cmd.GetTableNameFilterPattern(), t.Name) {
			continue
		}
		for i, text := range []string{catalogName, schemaName, t.Name, tableType} {
			b.Field(i).(*array.StringBuilder).Append(text)
		}
		if cmd.GetIncludeSchema() {
			b.Field(4).(*array.BinaryBuilder).Append(flight.SerializeSchema(t.Schema, memory.DefaultAllocator))
		}
	}
}
