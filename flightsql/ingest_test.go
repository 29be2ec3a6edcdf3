package flightsql

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/bulk"
	"github.com/micromegas-go/micromegas/lake"
)

// payloadSink counts payloads; nothing else is sent here, package bulk has the tests of tables.
type payloadSink struct {
	bulk.Sink
	mu    sync.Mutex
	bytes int
}

func (s *payloadSink) InsertPayloads(_ context.Context, next func() (*lake.BulkPayload, error)) error {
	for {
		p, err := next()
		if p == nil || err != nil {
			return err
		}
		s.mu.Lock()
		s.bytes += len(p.Stored)
		s.mu.Unlock()
	}
}

func payloadBatch(sizes ...int) arrow.RecordBatch {
	var fields []arrow.Field
	for _, name := range []string{"process_id", "stream_id", "block_id", "payload"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
	}
	fields[3].Type = arrow.BinaryTypes.Binary
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, n := range sizes {
		for c := range 3 {
			b.Field(c).(*array.StringBuilder).Append("11111111-2222-3333-4444-555555555555")
		}
		b.Field(3).(*array.BinaryBuilder).Append(make([]byte, n))
	}
	return b.NewRecordBatch()
}

func TestIngest(t *testing.T) {
	var log bytes.Buffer
	sink := &payloadSink{}
	root := &auth.Identity{Subject: "root", Admin: true}
	s := start(t, Options{Sink: sink, Log: slog.New(slog.NewJSONHandler(&log, nil))}, as(root))
	ctx := within(t)
	first, large := payloadBatch(1, 2, 3), payloadBatch(90<<20)
	defer first.Release()
	defer large.Release()
	batches := []arrow.RecordBatch{first, first, large}
	meta, err := s.put(ctx, &pb.CommandStatementIngest{Table: "payloads"}, batches, ipc.WithDictionaryDeltas(false))
	if err != nil {
		t.Fatal(err)
	}
	var result pb.DoPutUpdateResult
	if err := proto.Unmarshal(meta, &result); err != nil || result.GetRecordCount() != 7 {
		t.Errorf("answer %v, %v", &result, err)
	}
	if sink.bytes != 12+90<<20 {
		t.Errorf("%d bytes", sink.bytes)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	close(s.done)
	if text := log.String(); !strings.Contains(text, `"sql":"bulk ingest into payloads"`) || !strings.Contains(text, `"output_rows":7`) {
		t.Errorf("audit %s", text)
	}
}

func TestIngestRefused(t *testing.T) {
	root := &auth.Identity{Subject: "root", Admin: true}
	fail := pb.CommandStatementIngest_TableDefinitionOptions{IfExists: pb.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_FAIL}
	replace := pb.CommandStatementIngest_TableDefinitionOptions{IfExists: pb.CommandStatementIngest_TableDefinitionOptions_TABLE_EXISTS_OPTION_REPLACE}
	other := "x"
	for name, tc := range map[string]struct {
		who  *auth.Identity
		cmd  *pb.CommandStatementIngest
		code codes.Code
		want string
	}{
		"reader":      {&auth.Identity{Subject: "reader"}, &pb.CommandStatementIngest{Table: "payloads"}, codes.PermissionDenied, "needs an administrator"},
		"table":       {root, &pb.CommandStatementIngest{Table: "log_entries"}, codes.InvalidArgument, "not supported"},
		"column":      {root, &pb.CommandStatementIngest{Table: "processes"}, codes.InvalidArgument, "missing column 'exe'"},
		"temporary":   {root, &pb.CommandStatementIngest{Table: "payloads", Temporary: true}, codes.Unimplemented, "temporary"},
		"transaction": {root, &pb.CommandStatementIngest{Table: "payloads", TransactionId: []byte("t")}, codes.Unimplemented, "transactions"},
		"replace":     {root, &pb.CommandStatementIngest{Table: "payloads", TableDefinitionOptions: &replace}, codes.Unimplemented, "replaced"},
		"create":      {root, &pb.CommandStatementIngest{Table: "payloads", TableDefinitionOptions: &fail}, codes.InvalidArgument, "exists"},
		"schema":      {root, &pb.CommandStatementIngest{Table: "payloads", Schema: &other}, codes.InvalidArgument, "no schema"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &payloadSink{}
			s := start(t, Options{Sink: sink, Log: slog.New(slog.DiscardHandler)}, as(tc.who))
			b := payloadBatch(1)
			defer b.Release()
			_, err := s.put(within(t), tc.cmd, []arrow.RecordBatch{b})
			if status.Code(err) != tc.code || !strings.Contains(status.Convert(err).Message(), tc.want) {
				t.Errorf("%v", err)
			}
			checkText(t, err)
			if sink.bytes != 0 {
				t.Error("something came through")
			}
		})
	}
}

// A client that goes away in the middle has sent nothing.
func TestIngestThatBreaksOff(t *testing.T) {
	ended, begun := make(chan error, 1), make(chan struct{}, 1)
	s := start(t, Options{Sink: endOfPayloads{ended: ended, begun: begun}, Log: slog.New(slog.DiscardHandler)}, as(&auth.Identity{Subject: "root", Admin: true}))
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	stream, err := s.flight().DoPut(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b := payloadBatch(1)
	defer b.Release()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(b.Schema()))
	w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: inAny(t, &pb.CommandStatementIngest{Table: "payloads"})})
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	<-begun // a call that ends before it has begun is no table
	cancel()
	if err := <-ended; err == nil {
		t.Error("the table has ended well")
	}
}

// endOfPayloads tells how a table of payloads ended.
type endOfPayloads struct {
	bulk.Sink
	ended chan error
	begun chan struct{}
}

func (e endOfPayloads) InsertPayloads(_ context.Context, next func() (*lake.BulkPayload, error)) error {
	for {
		if p, err := next(); p == nil || err != nil {
			e.ended <- err
			return err
		}
		e.begun <- struct{}{}
	}
}

func TestWhatAdministratorsAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		who  *auth.Identity
		want string
	}{
		"reader":        {&auth.Identity{Subject: "reader"}, "true false"},
		"administrator": {&auth.Identity{Subject: "root", Admin: true}, "false true"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Sink: &payloadSink{}}, as(tc.who))
			_, rows := s.rows(t, &pb.CommandGetSqlInfo{Info: []uint32{
				uint32(pb.SqlInfo_FLIGHT_SQL_SERVER_READ_ONLY), uint32(pb.SqlInfo_FLIGHT_SQL_SERVER_BULK_INGESTION),
			}})
			var got []string
			for _, r := range rows {
				text := strings.Join(r, " ")
				got = append(got, strings.Trim(text[strings.LastIndexAny(text, ",[ ")+1:], "]}"))
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("%q", rows)
			}
		})
	}
}
