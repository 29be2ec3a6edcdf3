package otelbridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/analytics"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
)

// lakehouse is the real program, in this process.
type lakehouse struct {
	url    string
	flight flight.Client
}

func startLakehouse(t *testing.T) *lakehouse {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	program := server.Program{Name: "test", HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", Version: "1", Roles: []server.Role{ingestion.New, analytics.New}}
	dir := t.TempDir()
	go func() {
		err := server.Run(ctx, program, []string{"--disable-auth", "--log-format=json", "--data-dir", dir}, func(string) string { return "" }, io.Discard, w)
		_ = w.Close()
		ended <- err
	}()
	addrs := make(chan string, 2)
	go func() {
		defer close(addrs)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			var line struct{ Msg, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				addrs <- line.Addr
			}
		}
	}()
	l := &lakehouse{url: "http://" + <-addrs}
	conn, err := grpc.NewClient(<-addrs, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	l.flight = flight.NewClientFromConn(conn, nil)
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l
}

// query returns the rows of an answer, the values of each separated by |.
func (l *lakehouse) query(t *testing.T, sql string) []string {
	t.Helper()
	cmd, err := anypb.New(&pb.TicketStatementQuery{StatementHandle: []byte(sql)})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := proto.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := l.flight.DoGet(t.Context(), &flight.Ticket{Ticket: ticket})
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Release()
	var rows []string
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			var values []string
			for _, c := range batch.Columns() {
				values = append(values, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(values, "|"))
		}
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}
