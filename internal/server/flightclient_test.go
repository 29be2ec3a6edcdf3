package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	sqlclient "github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestGoClient asks as programs with the Go client of Arrow do: prepared statements with values, schemas before running,
// catalogs, and cancelling (weaknesses 3, 4 and 16 of existing servers).
func TestGoClient(t *testing.T) {
	d := openDoors(t, nil, nil)
	client := &sqlclient.Client{Client: d.flight}
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key), time.Minute)
	defer cancel()

	p, err := client.Prepare(ctx, "SELECT i * ? AS x FROM range(3) r(i) WHERE i > ?")
	if err != nil {
		t.Fatal(err)
	}
	if p.ParameterSchema() == nil || p.ParameterSchema().NumFields() != 2 {
		t.Errorf("parameters %v", p.ParameterSchema())
	}
	for n, want := range map[int64][]int64{1: {2}, 0: {1, 2}} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
			{Name: "1", Type: arrow.PrimitiveTypes.Int64}, {Name: "2", Type: arrow.PrimitiveTypes.Int64},
		}, nil))
		b.Field(0).(*array.Int64Builder).Append(1)
		b.Field(1).(*array.Int64Builder).Append(n)
		values := b.NewRecordBatch()
		b.Release()
		p.SetParameters(values)
		info, err := p.Execute(ctx)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		got, schema := int64s(t, client, ctx, info)
		if !schema.Equal(planned) || len(got) != len(want) || got[0] != want[0] {
			t.Errorf("%d: %v of %s, want %v of %s", n, got, schema, want, planned)
		}
		values.Release()
	}
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}

	// Describing needs neither a range nor the instance, and runs nothing.
	spans, err := client.Prepare(ctx, "SELECT * FROM view_instance('thread_spans', '11111111-2222-3333-4444-555555555555')")
	if err != nil || spans.DatasetSchema().NumFields() != 12 {
		t.Errorf("thread_spans: %v, %v", spans, err)
	}

	info, err := client.GetTables(ctx, &sqlclient.GetTablesOpts{IncludeSchema: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() || r.RecordBatch().NumRows() < 5 {
		t.Errorf("tables: %v", r.Err())
	}

	// A query can be cancelled by its FlightInfo, but not by somebody else.
	info, err = client.Execute(ctx, "SELECT a.range FROM range(1000000000000) a")
	if err != nil {
		t.Fatal(err)
	}
	endless, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer endless.Release()
	if !endless.Next() {
		t.Fatal(endless.Err())
	}
	other := metadata.NewOutgoingContext(ctx, metadata.Pairs("authorization", "Bearer "+readerKey))
	if _, err := client.CancelFlightInfo(other, &flight.CancelFlightInfoRequest{Info: info}); status.Code(err) != codes.NotFound {
		t.Errorf("cancelled by somebody else: %v", err)
	}
	if res, err := client.CancelFlightInfo(ctx, &flight.CancelFlightInfoRequest{Info: info}); err != nil || res.GetStatus() != flight.CancelStatusCancelling {
		t.Errorf("cancel: %v, %v", res, err)
	}
	for endless.Next() {
	}
	if endless.Err() == nil {
		t.Error("a cancelled query has ended well")
	}
}

// int64s reads the only column of an answer.
func int64s(t *testing.T, client *sqlclient.Client, ctx context.Context, info *flight.FlightInfo) ([]int64, *arrow.Schema) { //nolint:revive // the helper's order
	t.Helper()
	r, err := client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var out []int64
	for r.Next() {
		out = append(out, r.RecordBatch().Column(0).(*array.Int64).Int64Values()...)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out, r.Schema()
}
