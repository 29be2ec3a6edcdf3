package flightsql

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/query/denylist"
	"github.com/micromegas-go/micromegas/telemetry"
)

// oneRule is a store with one rule.
type oneRule struct{ catalog.Denial }

func (s oneRule) Denials(context.Context) ([]catalog.Denial, error) {
	return []catalog.Denial{s.Denial}, nil
}

func (s oneRule) CreateDenial(context.Context, catalog.Denial, int) (catalog.Denial, error) {
	return catalog.Denial{}, nil
}

func (s oneRule) DeleteDenials(context.Context, []catalog.DenialID) ([]catalog.DenialID, error) {
	return nil, nil
}

func (s oneRule) TouchDenials(context.Context, map[catalog.DenialID]telemetry.Time) error { return nil }

// A rule sees every attribute of a request; a refused query has not begun, and its record says that it was denied.
func TestDenied(t *testing.T) {
	const sql = "SELECT one -- x"
	rule := uuid.MustParse("6e8d7c1a-0000-4000-8000-000000000001")
	list := denylist.New(oneRule{catalog.Denial{ID: rule, Reason: "why", Match: `user_id = 'u1' AND email = 'u1@example.com' AND service_account IS NULL
		AND client = 'grafana' AND agent = 'none' AND entrypoint = 'panel' AND session = 's' AND notebook = 'n' AND cell = 'c'
		AND client_ip = '127.0.0.1' AND sql = 'SELECT one -- x' AND sql_hash = '` + hashSQL(sql) + `'`}}, denylist.Options{})
	if err := list.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	caller := &auth.Identity{Subject: "u1", Email: "u1@example.com", Method: auth.MethodOIDC, Issuer: "https://idp"}
	var log bytes.Buffer
	s := start(t, Options{Denials: list, Log: slog.New(slog.NewJSONHandler(&log, nil))},
		as(caller), asUnary(caller))
	headers := []string{
		"x-client-type", "grafana", "x-client-agent", "none", "x-client-entrypoint", "panel", "x-client-session", "s",
		"x-client-notebook", "n", "x-client-cell", "c",
	}
	run := func(sql string) error {
		r, err := s.client.DoGet(with(within(t), headers...), ticket(sql))
		if err == nil {
			_, err = drain(r)
		}
		return err
	}
	err := run(sql)
	st := status.Convert(err)
	before, id, _ := bytes.Cut([]byte(st.Message()), []byte("query_id="))
	if st.Code() != codes.ResourceExhausted || string(before) != "query denied by rule "+rule.String()+
		" (reason: why); ask an admin to lift it with remove_query_denial('"+rule.String()+"'); " || len(id) < 36 {
		t.Errorf("DoGet = %v", err)
	}
	// Planning takes a slot of the engine and computes what is constant, so that it is refused, too.
	ctx := with(within(t), headers...)
	descriptor := &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: inAny(t, &pb.CommandStatementQuery{Query: sql})}
	if _, err := s.client.Client.GetFlightInfo(ctx, descriptor); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("GetFlightInfo = %v", err)
	}
	if _, err := s.client.Client.GetSchema(ctx, descriptor); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("GetSchema = %v", err)
	}
	prepare := &flight.Action{Type: actionPrepare, Body: inAny(t, &pb.ActionCreatePreparedStatementRequest{Query: sql})}
	if stream, err := s.client.Client.DoAction(ctx, prepare); err != nil {
		t.Error(err)
	} else if _, err = stream.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("CreatePreparedStatement = %v", err)
	}
	headers[1] = "python"
	if err := run(sql); status.Code(err) == codes.ResourceExhausted {
		t.Errorf("another client: %v", err)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	close(s.done)
	var rec map[string]any
	first, _, _ := bytes.Cut(log.Bytes(), []byte("\n"))
	if err := json.Unmarshal(first, &rec); err != nil || rec["status"] != "error" || rec["error_class"] != "denied" {
		t.Errorf("record %s, %v", first, err)
	}
}
