package flightsql

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"
)

// answer is what a metadata command is answered with: small, so built whole.
type answer struct {
	schema *arrow.Schema
	fill   func(context.Context, *array.RecordBuilder) // nil: no rows
}

// metadata returns the answer to cmd, or nil when it is not a metadata command that we know.
func (s *Server) metadata(cmd proto.Message) *answer {
	switch cmd := cmd.(type) {
	case *pb.CommandGetSqlInfo:
		return &answer{schema_ref.SqlInfo, func(ctx context.Context, b *array.RecordBuilder) { fillInfo(b, s.infoFor(ctx), cmd.GetInfo()) }}
	case *pb.CommandGetCatalogs:
		return &answer{schema_ref.Catalogs, fillCatalogs}
	case *pb.CommandGetDbSchemas:
		return &answer{schema_ref.DBSchemas, func(_ context.Context, b *array.RecordBuilder) { fillSchemas(b, cmd) }}
	case *pb.CommandGetTables:
		schema := schema_ref.Tables
		if cmd.GetIncludeSchema() {
			schema = schema_ref.TablesWithIncludedSchema
		}
		return &answer{schema, func(ctx context.Context, b *array.RecordBuilder) { fillTables(b, cmd, s.queries.Tables(ctx)) }}
	case *pb.CommandGetTableTypes:
		return &answer{schema_ref.TableTypes, fillTableTypes}
	case *pb.CommandGetXdbcTypeInfo:
		return &answer{schema_ref.XdbcTypeInfo, func(_ context.Context, b *array.RecordBuilder) { fillTypes(b, cmd) }}
	case *pb.CommandGetPrimaryKeys:
		return &answer{schema_ref.PrimaryKeys, nil}
	case *pb.CommandGetImportedKeys, *pb.CommandGetExportedKeys, *pb.CommandGetCrossReference:
		return &answer{schema_ref.ImportedExportedKeysAndCrossReference, nil}
	}
	return nil
}

// send builds the answer and streams it.
func (a *answer) send(ctx context.Context, stream sender) error {
	w, err := newWriter(stream, a.schema)
	if err != nil {
		return err
	}
	defer w.close()
	if a.fill == nil {
		return nil
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, a.schema)
	defer b.Release()
	a.fill(ctx, b)
	batch := b.NewRecordBatch()
	defer batch.Release()
	return w.write(batch)
}
