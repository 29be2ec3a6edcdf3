package flightsql

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/telemetry"
)

// header returns the first value of key in the metadata of the call, without surrounding white space.
func header(ctx context.Context, key string) string {
	if v := metadata.ValueFromIncomingContext(ctx, key); len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// preserveDictionary tells whether the caller wants dictionary types kept.
func preserveDictionary(ctx context.Context) bool {
	return strings.EqualFold(header(ctx, "preserve_dictionary"), "true")
}

// request joins the statement with what the metadata of the call says about it.
func request(ctx context.Context, sql string) (query.Request, error) {
	r := query.Request{SQL: sql, PreserveDictionary: preserveDictionary(ctx)}
	var err error
	if r.Range.Begin, err = timeHeader(ctx, "query_range_begin"); err != nil {
		return query.Request{}, err
	}
	if r.Range.End, err = timeHeader(ctx, "query_range_end"); err != nil {
		return query.Request{}, err
	}
	if text := header(ctx, "limit"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return query.Request{}, fault.Wrap(fault.Invalid,
				fmt.Sprintf("error parsing limit: %.40q is not an integer between 0 and %d", text, int64(math.MaxInt64)), err)
		}
		limit := int64(n)
		r.Limit = &limit
	}
	return r, nil
}

// timeHeader reads an RFC 3339 time; nil when it is absent or empty.
func timeHeader(ctx context.Context, key string) (*telemetry.Time, error) {
	text := header(ctx, key)
	if text == "" {
		return nil, nil
	}
	// RFC 3339 section 5.6 lets T and Z be lower case; the package time does not.
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid,
			fmt.Sprintf("Unable to parse %s as a rfc3339 datetime: %.64q is not of the form 2006-01-02T15:04:05Z", key, text), err)
	}
	at := clampTime(t)
	return &at, nil
}

// clampTime moves times that nanoseconds cannot hold, which no row has, to the nearest that they can.
func clampTime(t time.Time) telemetry.Time {
	switch {
	case t.Before(telemetry.Time(math.MinInt64).Std()):
		return math.MinInt64
	case t.After(telemetry.Time(math.MaxInt64).Std()):
		return math.MaxInt64
	}
	return telemetry.TimeOf(t)
}
