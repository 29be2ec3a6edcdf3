package flightsql

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/micromegas-go/micromegas/telemetry"
)

func inAny(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	wrapped, err := anypb.New(m)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := proto.Marshal(wrapped)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func bare(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// get sends a ticket as it is.
func (s *service) get(ctx context.Context, ticket []byte) (*flight.Reader, error) {
	return s.client.DoGet(ctx, &flight.Ticket{Ticket: ticket})
}

func TestEveryFormOfTicket(t *testing.T) {
	s := start(t, Options{})
	handle := []byte("select 1")
	for name, ticket := range map[string][]byte{
		"statement in Any": inAny(t, &pb.TicketStatementQuery{StatementHandle: handle}),
		"statement bare":   bare(t, &pb.TicketStatementQuery{StatementHandle: handle}),
		"prepared in Any":  inAny(t, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: handle}),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := s.get(within(t), ticket)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Schema().Equal(oneSchema()) {
				t.Errorf("schema %s", r.Schema())
			}
			rows, err := drain(r)
			if err != nil || len(rows) != 1 || rows[0] != 1 {
				t.Fatalf("rows %v, error %v", rows, err)
			}
			if got := s.last().SQL; got != "select 1" {
				t.Errorf("executed %q", got)
			}
		})
	}
}

func TestFlightInfoThenGet(t *testing.T) {
	s := start(t, Options{})
	for name, preserve := range map[string]string{"plain": "", "dictionaries": "TRUE"} {
		t.Run(name, func(t *testing.T) {
			ctx := with(within(t), "preserve_dictionary", preserve)
			info, err := s.client.Execute(ctx, "logs")
			if err != nil {
				t.Fatal(err)
			}
			if len(info.Endpoint) != 1 || len(info.Endpoint[0].Location) != 0 || info.TotalRecords != -1 || info.TotalBytes != -1 {
				t.Errorf("info %v", info)
			}
			planned, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			// Existing clients of other servers decode the ticket as this message, bare.
			var ticket pb.TicketStatementQuery
			if err := proto.Unmarshal(info.Endpoint[0].Ticket.Ticket, &ticket); err != nil || string(ticket.StatementHandle) != "logs" {
				t.Errorf("ticket %v, %v", &ticket, err)
			}
			r, err := s.client.DoGet(ctx, info.Endpoint[0].Ticket)
			if err != nil {
				t.Fatal(err)
			}
			// ADBC refuses a stream whose schema is not the one of the FlightInfo.
			if want := logSchema(preserve != ""); !planned.Equal(want) || !r.Schema().Equal(want) {
				t.Errorf("planned %s\nsent %s\nwant %s", planned, r.Schema(), want)
			}
			if rows, err := drain(r); err != nil || len(rows) != 3 {
				t.Errorf("rows %v, error %v", rows, err)
			}
			res, err := s.client.GetExecuteSchema(ctx, "logs")
			if err != nil {
				t.Fatal(err)
			}
			if schema, err := flight.DeserializeSchema(res.Schema, memory.DefaultAllocator); err != nil || !schema.Equal(planned) {
				t.Errorf("GetSchema: %v, %v", schema, err)
			}
		})
	}
}

func TestFlightInfoOfAStatementThatCannotBePlanned(t *testing.T) {
	s := start(t, Options{})
	_, err := s.client.Execute(within(t), "nonsense")
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("error %v", err)
	}
	if s.opened.Load() != 0 {
		t.Error("planning ran something")
	}
}

func TestPreparedStatement(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	p, err := s.client.Prepare(ctx, "logs now")
	if err != nil {
		t.Fatal(err)
	}
	if string(p.Handle()) != "logs now" {
		t.Errorf("handle %q", p.Handle())
	}
	if !p.DatasetSchema().Equal(logSchema(true)) {
		t.Errorf("dataset schema %s", p.DatasetSchema())
	}
	if p.ParameterSchema() != nil {
		t.Errorf("parameter schema %s", p.ParameterSchema())
	}
	info, err := p.Execute(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := drain(r); err != nil || len(rows) != 3 {
		t.Errorf("rows %v, error %v", rows, err)
	}
	if err := p.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestRequestMetadata(t *testing.T) {
	s := start(t, Options{})
	at := func(n int64) *telemetry.Time { v := telemetry.Time(n); return &v }
	ten := int64(10)
	for name, tc := range map[string]struct {
		pairs    []string
		rng      telemetry.Range
		limit    *int64
		preserve bool
	}{
		"none":              {},
		"empty is absent":   {pairs: []string{"query_range_begin", "", "query_range_end", "", "limit", "", "preserve_dictionary", ""}},
		"range in ns":       {pairs: []string{"query_range_begin", "1970-01-01T00:00:00.000000001Z", "query_range_end", "1970-01-01T00:00:01Z"}, rng: telemetry.Range{Begin: at(1), End: at(1e9)}},
		"other offset":      {pairs: []string{"query_range_begin", "1970-01-01T05:30:00+05:30"}, rng: telemetry.Range{Begin: at(0)}},
		"end alone":         {pairs: []string{"query_range_end", "1970-01-01t00:00:01z"}, rng: telemetry.Range{End: at(1e9)}},
		"all time":          {pairs: []string{"query_range_begin", "0001-01-01T00:00:00Z", "query_range_end", "9999-12-31T23:59:59Z"}},
		"before all time":   {pairs: []string{"query_range_end", "0001-01-01T00:00:00Z"}, rng: telemetry.Range{End: at(earliest.UnixNano())}},
		"after all time":    {pairs: []string{"query_range_begin", "9999-12-31T23:59:59Z"}, rng: telemetry.Range{Begin: at(latest.UnixNano())}},
		"limit":             {pairs: []string{"limit", "10"}, limit: &ten},
		"dictionaries":      {pairs: []string{"preserve_dictionary", "True"}, preserve: true},
		"no dictionaries":   {pairs: []string{"preserve_dictionary", "1"}},
		"headers of others": {pairs: []string{"x-org-id", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := s.get(with(within(t), tc.pairs...), bare(t, &pb.TicketStatementQuery{StatementHandle: []byte("one")}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := drain(r); err != nil {
				t.Fatal(err)
			}
			got := s.last()
			same := func(a, b *telemetry.Time) bool { return a == b || a != nil && b != nil && *a == *b }
			if !same(got.Range.Begin, tc.rng.Begin) || !same(got.Range.End, tc.rng.End) {
				t.Errorf("range %v, want %v", got.Range, tc.rng)
			}
			if (got.Limit == nil) != (tc.limit == nil) || got.Limit != nil && *got.Limit != *tc.limit {
				t.Errorf("limit %v, want %v", got.Limit, tc.limit)
			}
			if got.PreserveDictionary != tc.preserve {
				t.Errorf("preserve dictionary %v", got.PreserveDictionary)
			}
		})
	}
}

func TestBadRequestMetadata(t *testing.T) {
	s := start(t, Options{})
	for _, tc := range []struct{ key, value, prefix string }{
		{"query_range_begin", "yesterday", "Unable to parse query_range_begin as a rfc3339 datetime: "},
		{"query_range_end", "2024-01-01T00:00:00", "Unable to parse query_range_end as a rfc3339 datetime: "},
		{"query_range_end", "2024-13-01T00:00:00Z", "Unable to parse query_range_end as a rfc3339 datetime: "},
		{"limit", "-1", "error parsing limit: "},
		{"limit", "9223372036854775808", "error parsing limit: "},
		{"limit", "ten", "error parsing limit: "},
	} {
		t.Run(tc.key+" "+tc.value, func(t *testing.T) {
			ctx := with(within(t), tc.key, tc.value)
			_, get := s.get(ctx, bare(t, &pb.TicketStatementQuery{StatementHandle: []byte("one")}))
			_, info := s.client.Execute(ctx, "one")
			for _, err := range []error{get, info} {
				if status.Code(err) != codes.InvalidArgument || len(status.Convert(err).Message()) < len(tc.prefix) ||
					status.Convert(err).Message()[:len(tc.prefix)] != tc.prefix {
					t.Errorf("error %v", err)
				}
			}
		})
	}
	if s.opened.Load() != 0 {
		t.Error("a refused request ran")
	}
}

// Zero rows are a schema and nothing else: the published client builds its table from the schema of the stream.
func TestZeroRows(t *testing.T) {
	s := start(t, Options{})
	raw, err := s.flight().DoGet(within(t), &flight.Ticket{Ticket: bare(t, &pb.TicketStatementQuery{StatementHandle: []byte("nologs")})})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := raw.Recv(); err != nil || len(m.DataHeader) == 0 || len(m.DataBody) != 0 {
		t.Fatalf("first message %v, %v", m, err)
	}
	if m, err := raw.Recv(); err == nil {
		t.Errorf("second message %v", m)
	}
}

// Two batches whose dictionaries differ must each be read with its own.
func TestDictionariesAreReplaced(t *testing.T) {
	s := start(t, Options{})
	r, err := s.get(with(within(t), "preserve_dictionary", "true"), bare(t, &pb.TicketStatementQuery{StatementHandle: []byte("logs")}))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var got []string
	for r.Next() {
		target := r.RecordBatch().Column(2).(*array.Dictionary)
		values := target.Dictionary().(*array.String)
		for i := range target.Len() {
			got = append(got, values.Value(target.GetValueIndex(i)))
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "a", "c", "d", "d", "c", "d", "c", "e"}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestUnpackedAtAnyDepth(t *testing.T) {
	d := func(v arrow.DataType) arrow.DataType {
		return &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: v}
	}
	build := func(text arrow.DataType) *arrow.Schema {
		pair := arrow.StructOf(arrow.Field{Name: "k", Type: text}, arrow.Field{Name: "v", Type: text, Nullable: true})
		meta := arrow.NewMetadata([]string{"a"}, []string{"b"})
		return arrow.NewSchema([]arrow.Field{
			{Name: "s", Type: pair, Nullable: true},
			{Name: "l", Type: arrow.ListOfField(arrow.Field{Name: "Property", Type: pair, Nullable: false})},
			{Name: "ll", Type: arrow.LargeListOf(text)},
			{Name: "f", Type: arrow.FixedSizeListOf(2, text)},
			{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, text)},
			{Name: "n", Type: utc, Nullable: true},
		}, &meta)
	}
	got, want := unpacked(build(d(arrow.BinaryTypes.String))), build(arrow.BinaryTypes.String)
	if !got.Equal(want) || !got.Metadata().Equal(want.Metadata()) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := unpacked(arrow.NewSchema([]arrow.Field{{Name: "l", Type: d(arrow.ListOf(d(arrow.BinaryTypes.Binary)))}}, nil)); !arrow.TypeEqual(
		got.Field(0).Type, arrow.ListOf(arrow.BinaryTypes.Binary)) {
		t.Errorf("got %s", got)
	}
}
