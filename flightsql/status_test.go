package flightsql

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/internal/fault"
)

var queryID = regexp.MustCompile(` \(query_id=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\)$`)

// leak is what no answer may contain: the fakes put it into causes and panics.
var leak = regexp.MustCompile(`secret|/var/lib|\.go\b|10\.1\.2\.3|hidden|goroutine`)

func checkText(t *testing.T, err error) {
	t.Helper()
	text := status.Convert(err).Message()
	if leak.MatchString(text) {
		t.Errorf("the answer says %q", text)
	}
	if !queryID.MatchString(text) {
		t.Errorf("no query id in %q", text)
	}
}

func TestEveryKindHasItsCode(t *testing.T) {
	s := start(t, Options{Log: slog.New(slog.DiscardHandler)})
	for kind, want := range map[fault.Kind]codes.Code{
		fault.Internal:         codes.Internal,
		fault.Invalid:          codes.InvalidArgument,
		fault.Unauthenticated:  codes.Unauthenticated,
		fault.PermissionDenied: codes.PermissionDenied,
		fault.NotFound:         codes.NotFound,
		fault.TooLarge:         codes.ResourceExhausted,
		fault.Exhausted:        codes.ResourceExhausted,
		fault.Unavailable:      codes.Unavailable,
		fault.Unimplemented:    codes.Unimplemented,
		fault.Canceled:         codes.Canceled,
	} {
		t.Run(kindNames[kind], func(t *testing.T) {
			ctx, sql := within(t), "fault "+kindNames[kind]
			_, get := s.client.DoGet(ctx, ticket(sql))
			_, info := s.client.Execute(ctx, sql)
			_, prepare := s.client.Prepare(ctx, sql)
			for _, err := range []error{get, info, prepare} {
				if status.Code(err) != want {
					t.Errorf("code %v, want %v", err, want)
				}
				checkText(t, err)
				if text := status.Convert(err).Message(); kind != fault.Internal && !strings.HasPrefix(text, "told: "+kindNames[kind]+"; mend it (query_id=") {
					t.Errorf("text %q", text)
				} else if kind == fault.Internal && !strings.HasPrefix(text, "internal error (query_id=") {
					t.Errorf("text %q", text)
				}
			}
		})
	}
}

// What nobody classified, and what broke, is told as one and the same; the log has the cause under the same id.
func TestUnclassifiedErrorsAndPanics(t *testing.T) {
	for _, sql := range []string{"raw", "panic now", "explode"} {
		t.Run(sql, func(t *testing.T) {
			var log bytes.Buffer
			s := start(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			r, err := s.client.DoGet(within(t), ticket(sql))
			if err == nil {
				_, err = drain(r)
			}
			if status.Code(err) != codes.Internal || !strings.HasPrefix(status.Convert(err).Message(), "internal error (query_id=") {
				t.Errorf("error %v", err)
			}
			checkText(t, err)
			s.stop()
			if err := <-s.done; err != nil { // the log is written
				t.Fatal(err)
			}
			close(s.done)
			id := strings.Trim(queryID.FindString(status.Convert(err).Message()), " ()")
			if !strings.Contains(log.String(), `msg="call failed"`) || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "secret") {
				t.Errorf("log without the cause under %s:\n%s", id, log.String())
			}
			if sql != "raw" && !strings.Contains(log.String(), "stack=") {
				t.Errorf("log without the stack:\n%s", log.String())
			}
		})
	}
}

func TestErrorWhileStreaming(t *testing.T) {
	s := start(t, Options{})
	r, err := s.client.DoGet(within(t), ticket("late"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if len(rows) != 1 || status.Code(err) != codes.InvalidArgument {
		t.Errorf("rows %v, error %v", rows, err)
	}
	checkText(t, err)
}

// A caller that leaves while rows are sent to it is nobody's failure.
func TestLeavingIsNotLoggedAsFailure(t *testing.T) {
	var log bytes.Buffer
	s := start(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	r, err := s.client.DoGet(ctx, ticket("stream"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Next() {
		t.Fatal(r.Err())
	}
	_ = s.client.Close()
	r.Release()
	s.stop()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	close(s.done)
	if strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "status=incomplete") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestStatusOf(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		code codes.Code
		text string
	}{
		"canceled":                      {fmt.Errorf("read: %w", context.Canceled), codes.Canceled, "the query was canceled (query_id=7)"},
		"deadline":                      {fmt.Errorf("read: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "the deadline of the call has passed (query_id=7)"},
		"deadline seen as cancellation": {fault.Wrap(fault.Canceled, "canceled", context.DeadlineExceeded), codes.DeadlineExceeded, "the deadline of the call has passed (query_id=7)"},
		"budget of our own":             {fault.Wrap(fault.Exhausted, "took too long", context.DeadlineExceeded), codes.ResourceExhausted, "took too long (query_id=7)"},
		"wrapped":                       {fmt.Errorf("query: %w", fault.New(fault.Invalid, "line one\nnote: two")), codes.InvalidArgument, "line one\nnote: two (query_id=7)"},
		"a status of another server":    {fmt.Errorf("store: %w", status.Error(codes.NotFound, "secret")), codes.Internal, "internal error (query_id=7)"},
	} {
		t.Run(name, func(t *testing.T) {
			st := statusOf(tc.err, "7")
			if st.Code() != tc.code || st.Message() != tc.text {
				t.Errorf("got %v %q", st.Code(), st.Message())
			}
		})
	}
}

func TestRetryDelayTravels(t *testing.T) {
	st := statusOf(&fault.Error{Kind: fault.Exhausted, Msg: "too many queries", RetryAfter: 2 * time.Second}, "7")
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok && info.RetryDelay.AsDuration() == 2*time.Second {
			return
		}
	}
	t.Errorf("details %v", st.Details())
}

// gRPC's C core refuses trailers over 8 KiB, and then the caller sees that instead of the error.
func TestLongMessagesAreCut(t *testing.T) {
	for name, text := range map[string]string{
		"plain":        strings.Repeat("x", 100_000),
		"three a byte": strings.Repeat("%", 100_000),
		"umlauts":      strings.Repeat("ü", 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			got := fit(text, 1000)
			size := 0
			for _, b := range []byte(got) {
				if size++; b < ' ' || b > '~' || b == '%' {
					size += 2
				}
			}
			if size > 1000 || size < 980 || !strings.HasSuffix(got, "…") {
				t.Errorf("%d bytes as they travel: %q", size, got)
			}
		})
	}
	for _, text := range []string{"", "short", strings.Repeat("x", 1000)} {
		if got := fit(text, 1000); got != text {
			t.Errorf("cut without need: %q", got)
		}
	}
	if got := fit("a\xff\xfeb", 1000); got != "a\uFFFDb" { // a status is UTF-8
		t.Errorf("got %q", got)
	}
}
