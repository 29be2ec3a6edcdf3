package flightsql

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	sqlclient "github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a server on a loopback listener with a client for it.
type service struct {
	*fake
	client *sqlclient.Client
	conn   *grpc.ClientConn
	stop   context.CancelFunc
	done   chan error
}

// flight returns the client below Flight SQL, which sends what it is told.
func (s *service) flight() flight.Client { return s.client.Client }

func start(t *testing.T, o Options, opts ...grpc.ServerOption) *service {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	f := newFake()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- New(f, o).Serve(ctx, l, opts...) }()

	dial := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	client, err := sqlclient.NewClient(l.Addr().String(), nil, nil, dial...)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(l.Addr().String(), dial...)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{fake: f, client: client, conn: conn, stop: stop, done: done}
	t.Cleanup(func() {
		_ = client.Close()
		_ = conn.Close()
		stop()
		if err, ok := <-done; ok && err != nil {
			t.Errorf("Serve: %v", err)
		}
		if o, r := f.opened.Load(), f.released.Load(); o != r {
			t.Errorf("%d results were opened, %d released", o, r)
		}
	})
	return s
}

// with adds metadata to the calls made with the context.
func with(ctx context.Context, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// within bounds a test that would otherwise hang.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// drain reads everything and returns the rows of each batch.
func drain(r *flight.Reader) (rows []int64, err error) {
	defer r.Release()
	for {
		b, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, b.NumRows())
	}
}
