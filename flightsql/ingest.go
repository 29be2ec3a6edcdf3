package flightsql

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/bulk"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// ingestMemory bounds what the batches of bulk ingestion may allocate at a time, beside the messages themselves.
const ingestMemory = 512 << 20

// ingest takes rows of a table from an administrator and answers how many there were. It leaves an audit record, whose
// statement is "bulk ingest into <table>".
func (s *Server) ingest(cmd *pb.CommandStatementIngest, first *flight.FlightData, stream flight.FlightService_DoPutServer) (err error) {
	ctx := stream.Context()
	rec := s.newRecord(fmt.Sprintf("bulk ingest into %.64s", cmd.GetTable()))
	defer func() { rec.finish(ctx, err) }()
	defer catch(&err)

	if err := auth.RequireAdmin(ctx, "bulk ingestion (DoPut)"); err != nil {
		return err
	}
	if rec.caller, err = attribute(ctx); err != nil {
		return err
	}
	if s.sink == nil {
		return fault.New(fault.Unimplemented, "this server takes no bulk ingestion")
	}
	if err := checkIngest(cmd); err != nil {
		return err
	}
	if rec.rows, err = s.load(ctx, cmd.GetTable(), &putMessages{first: first, stream: stream}); err != nil {
		return err
	}
	result, err := proto.Marshal(&pb.DoPutUpdateResult{RecordCount: rec.rows})
	if err != nil {
		return err
	}
	return stream.Send(&flight.PutResult{AppMetadata: result})
}

func (s *Server) load(ctx context.Context, table string, in *putMessages) (int64, error) {
	r, err := in.batches(ingestMemory)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	rows, err := bulk.Load(ctx, s.sink, table, &checkedReader{r, in})
	if err != nil {
		return 0, err
	}
	return rows, nil
}

// checkedReader has the reason of the messages' end as its error.
type checkedReader struct {
	*flight.Reader
	in *putMessages
}

func (r *checkedReader) Err() error { return r.in.ended(r.Reader) }

// checkIngest refuses what a table of ours cannot do. Tables are there and rows are added: that is also what a command
// without options asks for.
func checkIngest(cmd *pb.CommandStatementIngest) error {
	options := cmd.GetTableDefinitionOptions()
	switch {
	case len(cmd.GetTransactionId()) > 0:
		return errTransactions
	case cmd.GetTemporary():
		return fault.New(fault.Unimplemented, "there are no temporary tables")
	case options.GetIfExists() == pb.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_REPLACE:
		return &fault.Error{Kind: fault.Unimplemented, Msg: "tables cannot be replaced", Fix: "append: rows that are known stay as they are"}
	case options.GetIfExists() == pb.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_FAIL:
		return &fault.Error{Kind: fault.Invalid, Msg: "the table exists", Fix: "append to it"}
	case cmd.GetCatalog() != catalogName, cmd.GetSchema() != schemaName:
		return fault.New(fault.Invalid, "tables have no catalog and no schema")
	}
	return nil
}
