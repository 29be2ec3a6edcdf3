package authgrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authenv"
	"github.com/micromegas-go/micromegas/auth/authgrpc"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "0123456789abcdef0123456789abcdef"

// syncBuffer is a buffer that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// door is a gRPC server with a unary and a streaming method of service test.S, and what they saw.
type door struct {
	conn   *grpc.ClientConn
	issuer *authtest.Issuer
	log    syncBuffer

	mu    sync.Mutex
	calls int
	id    *auth.Identity
	md    metadata.MD
	who   auth.Attribution
	err   error
}

func (d *door) saw(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.id, _ = auth.From(ctx)
	d.md, _ = metadata.FromIncomingContext(ctx)
	d.who, d.err = authgrpc.Attribution(ctx)
}

func newDoor(t *testing.T, disabled bool) *door {
	t.Helper()
	d := &door{issuer: authtest.New(t)}
	log := slog.New(slog.NewTextHandler(&d.log, nil))
	chain, err := authenv.Open(t.Context(), func(name string) string {
		switch name {
		case auth.EnvAPIKeys:
			return fmt.Sprintf(`[{"name": "svc", "key": %q}]`, key)
		case auth.EnvOIDCConfig:
			return d.issuer.Config()
		case auth.EnvAdmins:
			return `["root"]`
		}
		return ""
	}, authenv.Options{Disabled: disabled, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(authgrpc.ServerOptions(chain, log)...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.S",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(srv any, ctx context.Context, dec func(any) error, icpt grpc.UnaryServerInterceptor) (any, error) {
			in := new(emptypb.Empty)
			if err := dec(in); err != nil {
				return nil, err
			}
			return icpt(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.S/Unary"}, func(ctx context.Context, _ any) (any, error) {
				d.saw(ctx)
				return new(emptypb.Empty), nil
			})
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Stream", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			d.saw(stream.Context())
			return nil
		}}},
	}, struct{}{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	d.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.conn.Close()
		server.Stop()
		wg.Wait()
		_ = chain.Close()
	})
	return d
}

// call invokes a method with metadata, name and value in turn.
func (d *door) call(ctx context.Context, method string, pairs ...string) error {
	return d.conn.Invoke(metadata.AppendToOutgoingContext(ctx, pairs...), method, new(emptypb.Empty), new(emptypb.Empty))
}

// stream opens a stream and waits for its end.
func (d *door) stream(ctx context.Context, method string, pairs ...string) error {
	s, err := d.conn.NewStream(metadata.AppendToOutgoingContext(ctx, pairs...), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	err = s.RecvMsg(new(emptypb.Empty))
	if err != nil && err.Error() == "EOF" {
		return nil
	}
	return err
}

func TestRefused(t *testing.T) {
	d := newDoor(t, false)
	for name, pairs := range map[string][]string{
		"A73 nothing":         nil,
		"A73 another scheme":  {"authorization", "Basic dTpw"},
		"A73 unknown key":     {"authorization", "Bearer nope"},
		"A75 expired":         {"authorization", "Bearer " + d.issuer.Sign(t, authtest.Claims{"exp": 1})},
		"A75 other audience":  {"authorization", "Bearer " + d.issuer.Sign(t, authtest.Claims{"aud": "x"})},
		"A29 twice":           {"authorization", "Bearer " + key, "authorization", "Bearer " + key},
		"A70 forged identity": {"x-auth-subject", "root", "x-auth-is-admin", "true"},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, err := range map[string]error{
				"unary":      d.call(t.Context(), "/test.S/Unary", pairs...),
				"A77 stream": d.stream(t.Context(), "/test.S/Stream", pairs...),
				"A82 other":  d.stream(t.Context(), "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", pairs...),
				"A82 list":   d.call(t.Context(), "/grpc.health.v1.Health/List", pairs...),
				"unknown":    d.call(t.Context(), "/test.S/healthy", pairs...),
			} {
				if s := status.Convert(err); s.Code() != codes.Unauthenticated || s.Message() != "invalid token" {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
	if d.calls != 0 { // A76
		t.Errorf("a handler ran %d times", d.calls)
	}
	if !strings.Contains(d.log.String(), "no such API key") || !strings.Contains(d.log.String(), "127.0.0.1") || strings.Contains(d.log.String(), "nope") {
		t.Errorf("log: %s", d.log.String()) // A84
	}
}

func TestAccepted(t *testing.T) {
	d := newDoor(t, false)
	for name, tc := range map[string]struct {
		credential, subject string
		admin               bool
	}{
		"A1 key":   {key, "svc", false},
		"A1 token": {d.issuer.Sign(t, nil), "alice", false},
		"A17 root": {d.issuer.Sign(t, authtest.Claims{"sub": "root"}), "root", true},
	} {
		t.Run(name, func(t *testing.T) {
			pairs := []string{
				"authorization", "Bearer " + tc.credential, "x-auth-subject", "x", "x-auth-email", "x", "x-auth-issuer", "x",
				"x-auth-is-admin", "true", "x-allow-delegation", "true", "x-other", "kept",
			}
			for kind, call := range map[string]func() error{
				"unary":  func() error { return d.call(t.Context(), "/test.S/Unary", pairs...) },
				"stream": func() error { return d.stream(t.Context(), "/test.S/Stream", pairs...) },
			} {
				if err := call(); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if d.id == nil || d.id.Subject != tc.subject || d.id.Admin != tc.admin {
					t.Errorf("%s: identity %+v", kind, d.id)
				}
				for _, name := range append(auth.IdentityHeaders(), "authorization") { // A70
					if len(d.md[name]) > 0 {
						t.Errorf("%s: the handler saw %s", kind, name)
					}
				}
				if len(d.md["x-other"]) != 1 {
					t.Errorf("%s: other metadata is gone", kind)
				}
			}
		})
	}
	if !strings.Contains(d.log.String(), "level=INFO msg=authenticated") || strings.Contains(d.log.String(), key) {
		t.Errorf("log: %s", d.log.String()) // A83
	}
}

func TestHealth(t *testing.T) {
	d := newDoor(t, false)
	for _, pairs := range [][]string{nil, {"authorization", "Bearer wrong"}} {
		if err := d.call(t.Context(), "/grpc.health.v1.Health/Check", pairs...); err != nil {
			t.Errorf("A82 Check: %v", err)
		}
		for _, path := range []string{"/any.Service/health", "/grpc.health/health"} {
			if err := d.stream(t.Context(), path, pairs...); err != nil {
				t.Errorf("A81 %s: %v", path, err)
			}
		}
		ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), pairs...))
		watch, err := healthpb.NewHealthClient(d.conn).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := watch.Recv(); err != nil || r.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("A82 Watch: %v, %v", r, err)
		}
		cancel()
	}
}

func TestUnknownMethod(t *testing.T) {
	d := newDoor(t, false)
	if err := d.call(t.Context(), "/test.S/Nothing", "authorization", "Bearer "+key); status.Code(err) != codes.Unimplemented {
		t.Errorf("call = %v", err)
	}
}

func TestA4Disabled(t *testing.T) {
	d := newDoor(t, true)
	for _, pairs := range [][]string{nil, {"authorization", "Bearer wrong"}, {"x-auth-subject", "root"}} {
		if err := d.stream(t.Context(), "/test.S/Stream", pairs...); err != nil {
			t.Fatal(err)
		}
		if !d.id.Admin || d.id.Method != auth.MethodNone || len(d.md["x-auth-subject"]) != 0 {
			t.Errorf("%+v, %v", d.id, d.md)
		}
	}
}

func TestA57Unavailable(t *testing.T) {
	d := newDoor(t, false)
	d.issuer.Behave(authtest.Behaviour{Status: 500})
	err := d.call(t.Context(), "/test.S/Unary", "authorization", "Bearer "+d.issuer.Sign(t, nil))
	if s := status.Convert(err); s.Code() != codes.Unavailable || !strings.Contains(s.Message(), "temporarily unavailable") ||
		strings.Contains(s.Message(), "127.0.0.1") {
		t.Errorf("call = %v", err)
	}
}

func TestA72Attribution(t *testing.T) {
	d := newDoor(t, false)
	if err := d.call(t.Context(), "/test.S/Unary", "authorization", "Bearer "+key, "x-user-id", "u%20v", "x-user-email", "u@x.y", "x-user-name", "U"); err != nil {
		t.Fatal(err)
	}
	want := auth.Attribution{UserID: "u v", UserEmail: "u@x.y", UserName: "U", ServiceAccount: "svc"}
	if d.who != want || d.err != nil {
		t.Errorf("attribution %+v, %v", d.who, d.err)
	}
	if err := d.call(t.Context(), "/test.S/Unary", "authorization", "Bearer "+d.issuer.Sign(t, nil), "x-user-id", "root"); err != nil {
		t.Fatal(err)
	}
	if s := status.Convert(authgrpc.Status(d.err)); s.Code() != codes.PermissionDenied || !strings.Contains(s.Message(), "x-user-id") {
		t.Errorf("attribution %v", d.err)
	}
}

func TestA78StatusHidesCauses(t *testing.T) {
	if s := status.Convert(authgrpc.Status(fmt.Errorf("needle"))); s.Code() != codes.Internal || s.Message() != "internal error" {
		t.Errorf("status %v", s)
	}
}
