package flightsql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	sqlclient "github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql/schema_ref"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"
)

// rows runs a metadata command as clients do, and checks that the stream has the schema that was announced.
func (s *service) rows(t *testing.T, cmd proto.Message) (*arrow.Schema, [][]string) {
	t.Helper()
	ctx := within(t)
	info, err := s.flight().GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: inAny(t, cmd)})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Schema().Equal(planned) {
		t.Errorf("planned %s, sent %s", planned, r.Schema())
	}
	var rows [][]string
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			rows = append(rows, row)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return planned, rows
}

func TestTables(t *testing.T) {
	s := start(t, Options{})
	empty, other, any, exact, underscore, none := "", "datafusion", "%", "log_entries", "log_entrie_", "m"
	for name, tc := range map[string]struct {
		cmd  *pb.CommandGetTables
		want string
	}{
		"all, sorted":             {&pb.CommandGetTables{}, "log_entries measures"},
		"catalog":                 {&pb.CommandGetTables{Catalog: &empty}, "log_entries measures"},
		"other catalog":           {&pb.CommandGetTables{Catalog: &other}, ""},
		"any schema":              {&pb.CommandGetTables{DbSchemaFilterPattern: &any}, "log_entries measures"},
		"no schema":               {&pb.CommandGetTables{DbSchemaFilterPattern: &empty}, "log_entries measures"},
		"other schema":            {&pb.CommandGetTables{DbSchemaFilterPattern: &other}, ""},
		"any name":                {&pb.CommandGetTables{TableNameFilterPattern: &any}, "log_entries measures"},
		"one name":                {&pb.CommandGetTables{TableNameFilterPattern: &exact}, "log_entries"},
		"one character":           {&pb.CommandGetTables{TableNameFilterPattern: &underscore}, "log_entries"},
		"only a prefix":           {&pb.CommandGetTables{TableNameFilterPattern: &none}, ""},
		"types of Grafana":        {&pb.CommandGetTables{TableTypes: []string{"BASE TABLE", "table"}}, "log_entries measures"},
		"types in capitals":       {&pb.CommandGetTables{TableTypes: []string{"TABLE"}}, "log_entries measures"},
		"other types":             {&pb.CommandGetTables{TableTypes: []string{"VIEW"}}, ""},
		"all filters at a time":   {&pb.CommandGetTables{Catalog: &empty, DbSchemaFilterPattern: &any, TableNameFilterPattern: &exact, TableTypes: []string{"table"}}, "log_entries"},
		"schemas do not add rows": {&pb.CommandGetTables{IncludeSchema: true}, "log_entries measures"},
	} {
		t.Run(name, func(t *testing.T) {
			_, rows := s.rows(t, tc.cmd)
			var names []string
			for _, r := range rows {
				if r[0] != "" || r[1] != "" || r[3] != "table" {
					t.Errorf("row %q", r)
				}
				names = append(names, r[2])
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTableSchemasKeepDictionaries(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	info, err := s.client.GetTables(ctx, &sqlclient.GetTablesOpts{IncludeSchema: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatal(r.Err())
	}
	got, err := flight.DeserializeSchema(r.RecordBatch().Column(4).(*array.Binary).Value(0), memory.DefaultAllocator)
	if err != nil || !got.Equal(logSchema(true)) {
		t.Errorf("schema %v, %v", got, err)
	}
}

func TestCatalogsSchemasTypes(t *testing.T) {
	s := start(t, Options{})
	empty, other, any := "", "x", "%"
	table := "log_entries"
	for name, tc := range map[string]struct {
		cmd    proto.Message
		schema *arrow.Schema
		want   [][]string
	}{
		"catalogs":              {&pb.CommandGetCatalogs{}, schema_ref.Catalogs, [][]string{{""}}},
		"schemas":               {&pb.CommandGetDbSchemas{}, schema_ref.DBSchemas, [][]string{{"", ""}}},
		"schemas of a catalog":  {&pb.CommandGetDbSchemas{Catalog: &empty, DbSchemaFilterPattern: &any}, schema_ref.DBSchemas, [][]string{{"", ""}}},
		"schemas of no catalog": {&pb.CommandGetDbSchemas{Catalog: &other}, schema_ref.DBSchemas, nil},
		"no schemas":            {&pb.CommandGetDbSchemas{DbSchemaFilterPattern: &other}, schema_ref.DBSchemas, nil},
		"table types":           {&pb.CommandGetTableTypes{}, schema_ref.TableTypes, [][]string{{"table"}}},
		"primary keys":          {&pb.CommandGetPrimaryKeys{Table: table}, schema_ref.PrimaryKeys, nil},
		"imported keys":         {&pb.CommandGetImportedKeys{Table: table}, schema_ref.ImportedKeys, nil},
		"exported keys":         {&pb.CommandGetExportedKeys{Table: table}, schema_ref.ExportedKeys, nil},
		"cross reference":       {&pb.CommandGetCrossReference{PkTable: table, FkTable: table}, schema_ref.CrossReference, nil},
	} {
		t.Run(name, func(t *testing.T) {
			schema, rows := s.rows(t, tc.cmd)
			if !schema.Equal(tc.schema) {
				t.Errorf("schema %s", schema)
			}
			if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", tc.want) {
				t.Errorf("rows %q, want %q", rows, tc.want)
			}
		})
	}
}

func TestXdbcTypes(t *testing.T) {
	s := start(t, Options{})
	schema, rows := s.rows(t, &pb.CommandGetXdbcTypeInfo{})
	if !schema.Equal(schema_ref.XdbcTypeInfo) || len(rows) < 5 {
		t.Errorf("schema %s, rows %q", schema, rows)
	}
	id := int32(pb.XdbcDataType_XDBC_VARCHAR)
	if _, rows := s.rows(t, &pb.CommandGetXdbcTypeInfo{DataType: &id}); len(rows) != 1 || rows[0][0] != "varchar" || rows[0][3] != "'" {
		t.Errorf("rows %q", rows)
	}
}

func TestSqlInfo(t *testing.T) {
	s := start(t, Options{})
	_, all := s.rows(t, &pb.CommandGetSqlInfo{})
	if len(all) < 11 {
		t.Errorf("%d values", len(all))
	}
	ask := func(ids ...pb.SqlInfo) string {
		cmd := &pb.CommandGetSqlInfo{}
		for _, id := range ids {
			cmd.Info = append(cmd.Info, uint32(id))
		}
		_, rows := s.rows(t, cmd)
		return fmt.Sprint(rows)
	}
	for id, want := range map[pb.SqlInfo]string{
		pb.SqlInfo_FLIGHT_SQL_SERVER_NAME:          "Micromegas Flight SQL Server",
		pb.SqlInfo_FLIGHT_SQL_SERVER_VERSION:       "1",
		pb.SqlInfo_FLIGHT_SQL_SERVER_ARROW_VERSION: "1.3",
		pb.SqlInfo_FLIGHT_SQL_SERVER_READ_ONLY:     "true",
		pb.SqlInfo_FLIGHT_SQL_SERVER_TRANSACTION:   "0",
		pb.SqlInfo_SQL_DATETIME_FUNCTIONS:          "to_timestamp_seconds",
		pb.SqlInfo_SQL_NUMERIC_FUNCTIONS:           "trunc",
		pb.SqlInfo_SQL_STRING_FUNCTIONS:            "uuid",
		pb.SqlInfo_SQL_SYSTEM_FUNCTIONS:            "struct",
	} {
		if got := ask(id); !strings.Contains(got, want) {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := ask(9999, pb.SqlInfo_FLIGHT_SQL_SERVER_NAME); strings.Count(got, "Micromegas") != 1 {
		t.Errorf("unknown ids: %s", got)
	}
	words := strings.Fields(keywords)
	slices.Sort(words)
	if len(slices.Compact(words)) != 227 {
		t.Errorf("%d keywords, SQL-92 has 227", len(words))
	}
	named := start(t, Options{ServerName: "other", Version: "2.3"})
	if _, rows := named.rows(t, &pb.CommandGetSqlInfo{Info: []uint32{0, 1}}); !strings.Contains(fmt.Sprint(rows), "other") || !strings.Contains(fmt.Sprint(rows), "2.3") {
		t.Errorf("rows %q", rows)
	}
}

func TestListActions(t *testing.T) {
	s := start(t, Options{})
	stream, err := s.flight().ListActions(within(t), &flight.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		a, err := stream.Recv()
		if err != nil {
			break
		}
		names = append(names, a.Type)
	}
	if got := strings.Join(names, " "); got != "CreatePreparedStatement ClosePreparedStatement CancelFlightInfo CancelQuery" {
		t.Errorf("actions %s", got)
	}
}

func TestLike(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"%", "", true},
		{"%", "abc", true},
		{"%%", "a", true},
		{"_", "", false},
		{"_", "a", true},
		{"_", "ü", true},
		{"__", "ü", false},
		{"a%", "abc", true},
		{"a%", "ba", false},
		{"%c", "abc", true},
		{"%c", "abcd", false},
		{"%b%", "abc", true},
		{"a%b%c", "axxbyyc", true},
		{"a%b%c", "axxbyy", false},
		{"%ab", "aab", true},
		{"%a_c", "abcabc", true},
		{"log_entries", "log_entries", true},
		{`log\_entries`, "log_entries", true},
		{`log\_entries`, "logXentries", false},
		{`100\%`, "100%", true},
		{`100\%`, "100x", false},
		{`a\\b`, `a\b`, true},
		{`\`, `\`, true},
		{"abc", "ABC", false},
		{`\%%`, "%x", true},
		{`%\_x`, "a_x", true},
	} {
		if got := like(tc.pattern, tc.text); got != tc.want {
			t.Errorf("like(%q, %q) = %v", tc.pattern, tc.text, got)
		}
	}
	if like(strings.Repeat("%a", 100), strings.Repeat("a", 5000)+"b") { // quick, whatever the caller sends
		t.Error("matched")
	}
}
