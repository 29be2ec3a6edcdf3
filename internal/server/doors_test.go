package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	sqlclient "github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/analytics"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
)

// both is a program with both servers, on one chain.
var both = server.Program{
	Name: "test", HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", Version: "1", Roles: []server.Role{ingestion.New, analytics.New},
}

const (
	writerKey = "writer-0123456789"
	readerKey = "reader-0123456789"
	rootKey   = "root-0123456789ab"
	somewhere = "elsewhere-0123456" // good from another network only
	doorsKeys = `[{"name":"k","key":"` + key + `"},{"name":"w","key":"` + writerKey + `","roles":["writer"]},` +
		`{"name":"r","key":"` + readerKey + `","roles":["reader"]},{"name":"root","key":"` + rootKey + `","admin":true},` +
		`{"name":"e","key":"` + somewhere + `","allowed_cidrs":["192.0.2.0/24"]}]`
	grpcHealth = "/grpc.health.v1.Health/Check"
)

// doors are both servers, running, with clients for them.
type doors struct {
	*program
	http   string // URL
	health string // URL, when asked for
	client *http.Client
	conn   *grpc.ClientConn
	flight flight.Client
	issuer *authtest.Issuer
}

// openDoors starts both servers. cfg is for the clients; nil means plaintext.
func openDoors(t *testing.T, cfg *tls.Config, env []string, args ...string) *doors {
	t.Helper()
	d := &doors{issuer: authtest.New(t)}
	env = append([]string{auth.EnvAPIKeys, doorsKeys, auth.EnvOIDCConfig, d.issuer.Config(), auth.EnvAdmins, `["root"]`}, env...)
	d.program = startProgram(t, both, filepath.Join(t.TempDir(), "lake"), environment(env...), args...)
	scheme, creds := "http://", insecure.NewCredentials()
	transport := &http.Transport{}
	if cfg != nil {
		scheme, creds = "https://", credentials.NewTLS(cfg)
		transport.TLSClientConfig, transport.ForceAttemptHTTP2 = cfg.Clone(), true
	}
	d.http = scheme + d.await("listening")["addr"].(string)
	d.addr = d.await("listening")["addr"].(string)
	for _, arg := range args {
		if strings.HasPrefix(arg, "--health-listen-addr") {
			d.health = "http://" + d.await("listening")["addr"].(string)
		}
	}
	d.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	var err error
	if d.conn, err = grpc.NewClient(d.addr, grpc.WithTransportCredentials(creds)); err != nil {
		t.Fatal(err)
	}
	d.flight = flight.NewClientFromConn(d.conn, nil)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = d.conn.Close()
	})
	return d
}

// post sends a process; headers are name and value in turn.
func (d *doors) post(t *testing.T, headers ...string) (*http.Response, string) {
	t.Helper()
	return d.do(t, http.MethodPost, d.http+"/ingestion/insert_process", bytes.NewReader(processBody()), headers...)
}

func (d *doors) do(t *testing.T, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := d.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// query runs a statement; headers as for post.
func (d *doors) query(t *testing.T, sql string, headers ...string) (rows int64, trailer metadata.MD, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), headers...), 30*time.Second)
	defer cancel()
	stream, err := d.flight.DoGet(ctx, statementTicket(t, sql), grpc.Trailer(&trailer))
	if err != nil {
		return 0, trailer, err
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		return 0, stream.Trailer(), err
	}
	defer r.Release()
	for {
		b, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, stream.Trailer(), nil
		}
		if err != nil {
			return rows, stream.Trailer(), err
		}
		rows += b.NumRows()
	}
}

func statementTicket(t *testing.T, sql string) *flight.Ticket {
	t.Helper()
	cmd, err := anypb.New(&pb.TicketStatementQuery{StatementHandle: []byte(sql)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return &flight.Ticket{Ticket: b}
}

// info is a unary call.
func (d *doors) info(t *testing.T, headers ...string) error {
	t.Helper()
	cmd, err := anypb.New(&pb.CommandStatementQuery{Query: "SELECT 1"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.flight.GetFlightInfo(metadata.AppendToOutgoingContext(t.Context(), headers...), &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b})
	return err
}

func (d *doors) processes(t *testing.T) int64 {
	t.Helper()
	n, _, err := d.query(t, "SELECT process_id FROM processes", "authorization", "Bearer "+key)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Both doors answer alike to whatever is presented.
func TestBothDoors(t *testing.T) {
	d := openDoors(t, nil, nil)
	token := func(c authtest.Claims) string { return d.issuer.Sign(t, c) }
	const denied = codes.PermissionDenied
	for name, tc := range map[string]struct {
		credentials []string // values of Authorization
		http        int
		grpc        codes.Code
		says        string // what the denied one is told
	}{
		"A1 key":                  {[]string{"Bearer " + key}, 200, codes.OK, ""},
		"A1 token":                {[]string{"Bearer " + token(nil)}, 200, codes.OK, ""},
		"A154 administrator":      {[]string{"Bearer " + token(authtest.Claims{"sub": "root"})}, 200, codes.OK, ""},
		"A28 letter case, blanks": {[]string{"bEARER   " + key}, 200, codes.OK, ""},
		"A29 nothing":             {nil, 401, codes.Unauthenticated, ""},
		"A29 another scheme":      {[]string{"Basic " + key}, 401, codes.Unauthenticated, ""},
		"A29 no scheme":           {[]string{key}, 401, codes.Unauthenticated, ""},
		"A29 empty":               {[]string{"Bearer"}, 401, codes.Unauthenticated, ""},
		"A29 twice":               {[]string{"Bearer " + key, "Bearer " + key}, 401, codes.Unauthenticated, ""},
		"A27 trailing letter":     {[]string{"Bearer " + key + "x"}, 401, codes.Unauthenticated, ""},
		"A75 unknown key":         {[]string{"Bearer nope"}, 401, codes.Unauthenticated, ""},
		"A75 expired":             {[]string{"Bearer " + token(authtest.Claims{"exp": 1})}, 401, codes.Unauthenticated, ""},
		"A75 other audience":      {[]string{"Bearer " + token(authtest.Claims{"aud": "x"})}, 401, codes.Unauthenticated, ""},
		"A75 unknown issuer":      {[]string{"Bearer " + token(authtest.Claims{"iss": "https://x"})}, 401, codes.Unauthenticated, ""},
		"A75 signature":           {[]string{"Bearer " + token(nil) + "AAAA"}, 401, codes.Unauthenticated, ""},
		"B27 other network":       {[]string{"Bearer " + somewhere}, 401, codes.Unauthenticated, ""},
		"B19 writer":              {[]string{"Bearer " + writerKey}, 200, denied, "needs the role reader"},
		"B19 reader":              {[]string{"Bearer " + readerKey}, 403, codes.OK, "needs the role writer"},
		"B19 admin key":           {[]string{"Bearer " + rootKey}, 200, codes.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			// A70: forged identities change nothing, whoever sends them.
			headers := []string{"x-auth-subject", "root", "x-auth-is-admin", "true", "x-allow-delegation", "true"}
			for _, c := range tc.credentials {
				headers = append(headers, "authorization", c)
			}
			before := d.processes(t)
			resp, text := d.post(t, headers...)
			if resp.StatusCode != tc.http || tc.http == 401 && text != "Invalid token\n" || tc.http == 403 && !strings.Contains(text, tc.says) {
				t.Errorf("http %d %q, want %d", resp.StatusCode, text, tc.http)
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); (challenge != "") != (tc.http == 401) { // A74
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			_, _, stream := d.query(t, "SELECT 1", headers...)
			for kind, err := range map[string]error{"A77 stream": stream, "unary": d.info(t, headers...)} {
				s := status.Convert(err)
				if s.Code() != tc.grpc || tc.grpc == codes.Unauthenticated && s.Message() != "invalid token" ||
					tc.grpc == denied && !strings.Contains(s.Message(), tc.says) {
					t.Errorf("%s: %v, want %v", kind, err, tc.grpc)
				}
			}
			for _, c := range tc.credentials { // A78
				if secret := strings.TrimPrefix(c, "Bearer "); len(secret) > 8 && strings.Contains(text+status.Convert(stream).Message(), secret) {
					t.Error("the answer repeats the credential")
				}
			}
			if stored := d.processes(t) - before; (stored == 1) != (tc.http == 200) { // A76
				t.Errorf("%d processes stored", stored)
			}
		})
	}
}

// A57: an issuer that cannot be reached is no reason to throw data away.
func TestA57BothDoorsUnavailable(t *testing.T) {
	d := openDoors(t, nil, nil)
	d.issuer.Behave(authtest.Behaviour{Status: 500})
	bearer := []string{"authorization", "Bearer " + d.issuer.Sign(t, nil)}
	resp, text := d.post(t, bearer...)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(text, "temporarily unavailable") {
		t.Errorf("http %d %q", resp.StatusCode, text)
	}
	_, trailer, err := d.query(t, "SELECT 1", bearer...)
	if s := status.Convert(err); s.Code() != codes.Unavailable || !strings.Contains(s.Message(), "temporarily unavailable") || len(trailer["retry-after"]) != 1 {
		t.Errorf("grpc %v, trailer %v", err, trailer)
	}
}

// B25: failures of an address are counted over both doors; what is valid is never limited.
func TestB25BothDoorsLimit(t *testing.T) {
	d := openDoors(t, nil, []string{auth.EnvFailureRate, "0.01", auth.EnvFailureBurst, "3"})
	wrong := []string{"authorization", "Bearer wrong"}
	for i := range 3 {
		if i%2 == 0 {
			if resp, _ := d.post(t, wrong...); resp.StatusCode != 401 {
				t.Errorf("failure %d: %d", i, resp.StatusCode)
			}
		} else if _, _, err := d.query(t, "SELECT 1", wrong...); status.Code(err) != codes.Unauthenticated {
			t.Errorf("failure %d: %v", i, err)
		}
	}
	resp, text := d.post(t, wrong...)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || !strings.Contains(text, "too many") {
		t.Errorf("http %d %q, Retry-After %q", resp.StatusCode, text, resp.Header.Get("Retry-After"))
	}
	_, trailer, err := d.query(t, "SELECT 1", wrong...)
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || len(trailer["retry-after"]) != 1 || len(s.Details()) != 1 {
		t.Errorf("grpc %v, trailer %v", err, trailer)
	} else if info, ok := s.Details()[0].(*errdetails.RetryInfo); !ok || info.RetryDelay.AsDuration() < time.Second {
		t.Errorf("details %v", s.Details())
	}
	for _, headers := range [][]string{{"authorization", "Bearer " + key}, {"authorization", "Bearer " + d.issuer.Sign(t, nil)}} {
		if resp, text := d.post(t, headers...); resp.StatusCode != 200 {
			t.Errorf("valid: http %d %q", resp.StatusCode, text)
		}
		if _, _, err := d.query(t, "SELECT 1", headers...); err != nil {
			t.Errorf("valid: grpc %v", err)
		}
	}
	// A missing credential is no guess.
	if resp, _ := d.post(t); resp.StatusCode != 401 {
		t.Errorf("no credential: %d", resp.StatusCode)
	}
}

// A79–A82: what is public stays so with a wrong credential and after too many failures, and nothing else is.
func TestHealthOfBothDoors(t *testing.T) {
	d := openDoors(t, nil, []string{auth.EnvFailureRate, "0.01", auth.EnvFailureBurst, "1"}, "--health-listen-addr=127.0.0.1:0")
	wrong := []string{"authorization", "Bearer wrong"}
	for _, headers := range [][]string{nil, wrong, wrong, wrong} {
		d.post(t, headers...)
		for _, base := range []string{d.http, d.health} {
			for _, path := range []string{"/health", "/ready"} {
				if resp, text := d.do(t, http.MethodGet, base+path, nil, headers...); resp.StatusCode != 200 {
					t.Errorf("%s%s = %d %q", base, path, resp.StatusCode, text)
				}
			}
		}
		for _, method := range []string{grpcHealth, "/any.Service/health"} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
			if err := d.conn.Invoke(ctx, method, &flight.Empty{}, &flight.Empty{}); err != nil {
				t.Errorf("%s = %v", method, err)
			}
		}
	}
	for _, method := range []string{"/grpc.health.v1.Health/List", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/x.Y/healthy"} {
		err := d.conn.Invoke(t.Context(), method, &flight.Empty{}, &flight.Empty{})
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s = %v", method, err)
		}
	}
}

// A4, A5, B43: with --disable-auth anything goes and everybody is an administrator.
func TestA5DisabledDoors(t *testing.T) {
	d := openDoors(t, nil, []string{auth.EnvAPIKeys, "{broken", auth.EnvOIDCConfig, "[", auth.EnvTrustedProxies, "nonsense"}, "--disable-auth")
	for _, headers := range [][]string{nil, {"authorization", "Bearer anything"}, {"authorization", "Basic x"}} {
		if resp, text := d.post(t, headers...); resp.StatusCode != 200 {
			t.Errorf("%v: http %d %q", headers, resp.StatusCode, text)
		}
		if _, _, err := d.query(t, "SELECT 1", headers...); err != nil {
			t.Errorf("%v: grpc %v", headers, err)
		}
		if _, _, err := d.query(t, "SELECT * FROM retire_partitions('log_entries', 'global', '1999-01-01', '1999-01-02')", headers...); err != nil {
			t.Errorf("%v: %v", headers, err)
		}
	}
}

// A66–A68: who may use operations of administrators, and what the audit says of those who may not.
func TestA67OperationsOfAdministrators(t *testing.T) {
	d := openDoors(t, nil, nil)
	for name, tc := range map[string]struct {
		credential string
		want       codes.Code
		says       []string
		audit      map[string]any // identity in the line
	}{
		"A68 key":           {key, codes.PermissionDenied, []string{"retire_partitions needs an administrator", auth.EnvAllowKeyAdmin}, map[string]any{"method": "api_key", "subject": "k", "admin": false, "issuer": "api_key"}},
		"A67 user":          {d.issuer.Sign(t, authtest.Claims{"sub": "u", "email": "u@x.y"}), codes.PermissionDenied, []string{"retire_partitions needs an administrator", auth.EnvAdmins}, map[string]any{"method": "oidc", "subject": "u", "email": "u@x.y", "admin": false, "issuer": d.issuer.URL()}},
		"A65 administrator": {d.issuer.Sign(t, authtest.Claims{"sub": "root"}), codes.OK, nil, nil},
		"B19 admin key":     {rootKey, codes.OK, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bearer := []string{"authorization", "Bearer " + tc.credential}
			_, _, err := d.query(t, "SELECT * FROM retire_partitions('log_entries', 'global', '1999-01-01', '1999-01-02')", bearer...)
			s := status.Convert(err)
			if s.Code() != tc.want {
				t.Errorf("retire_partitions = %v", err)
			}
			for _, text := range tc.says {
				if !strings.Contains(s.Message(), text) {
					t.Errorf("%q does not say %q", s.Message(), text)
				}
			}
			if tc.audit != nil {
				line := d.await("authorization refused")
				id, _ := line["identity"].(map[string]any)
				for k, want := range tc.audit {
					if id[k] != want {
						t.Errorf("audit: %s = %v, want %v", k, id[k], want)
					}
				}
				if line["outcome"] != "denied" || line["client_addr"] != "127.0.0.1" || !strings.Contains(line["reason"].(string), "retire_partitions") {
					t.Errorf("audit %v", line)
				}
			}
			refused := tc.want == codes.PermissionDenied
			if err := d.put(t, bearer...); (status.Code(err) == codes.PermissionDenied) != refused || refused && !strings.Contains(err.Error(), "DoPut") {
				t.Errorf("DoPut = %v", err)
			}
			if tc.audit != nil {
				if line := d.await("authorization refused"); !strings.Contains(line["reason"].(string), "DoPut") {
					t.Errorf("audit %v", line)
				}
			}
		})
	}
}

// put begins a bulk ingestion.
func (d *doors) put(t *testing.T, headers ...string) error {
	t.Helper()
	cmd, err := anypb.New(&pb.CommandStatementIngest{Table: "processes"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := d.flight.DoPut(metadata.AppendToOutgoingContext(t.Context(), headers...))
	if err != nil {
		return err
	}
	if err := stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}}); err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// A84, B26: one line for a refused call, on both servers, with where it came from.
func TestAuditOfRefusals(t *testing.T) {
	d := openDoors(t, nil, nil, "--trusted-proxies=127.0.0.0/8")
	headers := []string{"authorization", "Bearer " + d.issuer.Sign(t, authtest.Claims{"exp": 1}), "x-forwarded-for", "6.6.6.6, 203.0.113.9"}
	check := func(operation string) {
		t.Helper()
		line := d.await("authentication refused")
		for k, want := range map[string]any{
			"level": "WARN", "outcome": "unauthenticated", "operation": operation, "client_addr": "203.0.113.9", "issuer": d.issuer.URL(),
		} {
			if line[k] != want {
				t.Errorf("%s = %v, want %v", k, line[k], want)
			}
		}
		if !strings.Contains(line["reason"].(string), "expired") || !strings.HasPrefix(line["remote_addr"].(string), "127.0.0.1:") || line["kid"] == nil {
			t.Errorf("line %v", line)
		}
	}
	d.post(t, headers...)
	check("POST /ingestion/insert_process")
	_, _, _ = d.query(t, "SELECT 1", headers...)
	check("/arrow.flight.protocol.FlightService/DoGet")

	// A writer at the reader's door: known, and denied.
	d.query(t, "SELECT 1", "authorization", "Bearer "+writerKey)
	if line := d.await("authorization refused"); line["identity"].(map[string]any)["subject"] != "w" || line["outcome"] != "denied" {
		t.Errorf("line %v", line)
	}

	// A71: the audit of a query says who asked, how that was proved, and from where.
	if _, _, err := d.query(t, "SELECT 1", "authorization", "Bearer "+d.issuer.Sign(t, authtest.Claims{"sub": "u", "email": "u@x.y"}), "x-forwarded-for", "203.0.113.9"); err != nil {
		t.Fatal(err)
	}
	line := d.await("query audit")
	for line["error_class"] != nil {
		line = d.await("query audit")
	}
	for k, want := range map[string]any{
		"user": "u", "email": "u@x.y", "auth_method": "oidc", "issuer": d.issuer.URL(), "admin": false, "client_ip": "203.0.113.9", "status": "ok",
	} {
		if line[k] != want {
			t.Errorf("query audit: %s = %v, want %v", k, line[k], want)
		}
	}
}

// B39: clients that know a user and a password send the key or token as the password.
func TestB39Handshake(t *testing.T) {
	d := openDoors(t, nil, nil)
	token := d.issuer.Sign(t, nil)
	for name, tc := range map[string]struct {
		user, password string
		want           codes.Code
	}{
		"key":             {"anybody", key, codes.OK},
		"token":           {"", token, codes.OK},
		"wrong":           {"anybody", "wrong", codes.Unauthenticated},
		"no password":     {"anybody", "", codes.Unauthenticated},
		"key as the user": {key, "x", codes.Unauthenticated},
		"B19 writer":      {"x", writerKey, codes.PermissionDenied},
	} {
		t.Run("header "+name, func(t *testing.T) {
			client, err := sqlclient.NewClient(d.addr, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			ctx, err := client.Client.AuthenticateBasicToken(t.Context(), tc.user, tc.password)
			if status.Code(err) != tc.want || tc.want == codes.Unauthenticated && status.Convert(err).Message() != "invalid token" {
				t.Fatalf("AuthenticateBasicToken = %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			md, _ := metadata.FromOutgoingContext(ctx)
			if got := md["authorization"]; len(got) != 1 || got[0] != "Bearer "+tc.password {
				t.Errorf("the answer has another token")
			}
			if _, err := client.Execute(ctx, "SELECT 1"); err != nil {
				t.Errorf("with the token: %v", err)
			}
		})
		t.Run("payload "+name, func(t *testing.T) {
			payload, err := proto.Marshal(&flight.BasicAuth{Username: tc.user, Password: tc.password})
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.handshake(t, payload)
			if status.Code(err) != tc.want {
				t.Fatalf("handshake = %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			if got != tc.password {
				t.Error("the answer is another token")
			}
			// What such clients send from then on.
			if _, _, err := d.query(t, "SELECT 1", "auth-token-bin", got); err != nil {
				t.Errorf("with the token: %v", err)
			}
		})
	}
	for name, payload := range map[string][]byte{"nothing": nil, "no protobuf": {0xff}, "text": []byte(key)} {
		if _, err := d.handshake(t, payload); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tc := range map[string]struct {
		headers []string
		want    codes.Code
	}{
		"bearer":               {[]string{"authorization", "Bearer " + key}, codes.OK},
		"A29 wrong bearer":     {[]string{"authorization", "Bearer x"}, codes.Unauthenticated},
		"A29 another scheme":   {[]string{"authorization", "Digest x"}, codes.Unauthenticated},
		"A29 no base64":        {[]string{"authorization", "Basic ?"}, codes.Unauthenticated},
		"A29 no colon":         {[]string{"authorization", "Basic eA=="}, codes.Unauthenticated},
		"A29 twice":            {[]string{"authorization", "Bearer " + key, "authorization", "Bearer " + key}, codes.Unauthenticated},
		"A29 basic and bearer": {[]string{"authorization", "Bearer " + key, "authorization", "Basic eDp4"}, codes.Unauthenticated},
		"A31 old header wrong": {[]string{"auth-token-bin", "x"}, codes.Unauthenticated},
	} {
		stream, err := d.flight.Handshake(metadata.AppendToOutgoingContext(t.Context(), tc.headers...))
		if err == nil {
			_ = stream.CloseSend()
			_, err = stream.Recv()
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	// A31: there is no session, and basic credentials are for the handshake alone.
	for _, headers := range [][]string{nil, {"authorization", "Basic eDow"}, {"authorization", "Basic " + "eDo" + "wMTIzNDU2Nzg5YWJjZGVm"}} {
		if _, _, err := d.query(t, "SELECT 1", headers...); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%v: %v", headers, err)
		}
	}
}

// handshake sends one message and returns the answer's payload.
func (d *doors) handshake(t *testing.T, payload []byte) (string, error) {
	t.Helper()
	stream, err := d.flight.Handshake(t.Context())
	if err != nil {
		return "", err
	}
	if payload != nil {
		if err := stream.Send(&flight.HandshakeRequest{Payload: payload}); err != nil {
			return "", err
		}
	}
	if payload == nil {
		_ = stream.CloseSend()
	}
	m, err := stream.Recv()
	if err != nil {
		return "", err
	}
	_ = stream.CloseSend()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(m.GetPayload()), nil
}

// B38: where to log in.
func TestB38ProtectedResource(t *testing.T) {
	d := openDoors(t, nil, nil, "--health-listen-addr=127.0.0.1:0", "--trusted-proxies=127.0.0.1")
	const path = "/.well-known/oauth-protected-resource"
	for name, tc := range map[string]struct {
		base    string
		headers []string
		want    string // resource; "" means 404
	}{
		"ingestion":                 {d.http, nil, d.http},
		"health port of flight":     {d.health, nil, d.health},
		"a wrong credential":        {d.http, []string{"Authorization", "Bearer x"}, d.http},
		"behind a proxy with TLS":   {d.http, []string{"Host", "telemetry.example.com", "X-Forwarded-Proto", "https"}, "https://telemetry.example.com"},
		"a host that is none":       {d.http, []string{"Host", `x"y`}, ""},
		"two schemes are no scheme": {d.http, []string{"Host", "a.b", "X-Forwarded-Proto", "https", "X-Forwarded-Proto", "https"}, "http://a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, text := d.do(t, http.MethodGet, tc.base+path, nil, tc.headers...)
			if tc.want == "" {
				if resp.StatusCode == 200 {
					t.Errorf("%d %q", resp.StatusCode, text)
				}
				return
			}
			var got struct {
				Resource string   `json:"resource"`
				Servers  []string `json:"authorization_servers"`
				Methods  []string `json:"bearer_methods_supported"`
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || resp.StatusCode != 200 {
				t.Fatalf("%d %q %v", resp.StatusCode, text, err)
			}
			if got.Resource != tc.want || len(got.Servers) != 1 || got.Servers[0] != d.issuer.URL() || len(got.Methods) != 1 || got.Methods[0] != "header" {
				t.Errorf("%+v, want %s", got, tc.want)
			}
		})
	}
	if resp, _ := d.do(t, http.MethodPost, d.http+path, nil); resp.StatusCode != 405 {
		t.Errorf("POST = %d", resp.StatusCode)
	}
	resp, _ := d.post(t)
	if got, want := resp.Header.Get("WWW-Authenticate"), `Bearer realm="micromegas", resource_metadata="`+d.http+path+`"`; got != want {
		t.Errorf("WWW-Authenticate %q, want %q", got, want)
	}
	resp, _ = d.post(t, "Authorization", "Bearer x")
	if got, want := resp.Header.Get("WWW-Authenticate"), `Bearer realm="micromegas", error="invalid_token", resource_metadata="`+d.http+path+`"`; got != want {
		t.Errorf("WWW-Authenticate %q, want %q", got, want)
	}
}

// B38: without issuers there is nowhere to log in.
func TestB38NothingWithoutIssuers(t *testing.T) {
	d := openDoors(t, nil, []string{auth.EnvOIDCConfig, "", auth.EnvAdmins, ""})
	if resp, text := d.do(t, http.MethodGet, d.http+"/.well-known/oauth-protected-resource", nil); resp.StatusCode != 404 {
		t.Errorf("%d %q", resp.StatusCode, text)
	}
	if resp, _ := d.post(t); resp.Header.Get("WWW-Authenticate") != `Bearer realm="micromegas"` {
		t.Errorf("WWW-Authenticate %q", resp.Header.Get("WWW-Authenticate"))
	}
}
