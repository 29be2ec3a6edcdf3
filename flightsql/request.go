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
	begin, err := timeHeader(ctx, "query_range_begin")
	if err != nil {
		return query.Request{}, err
	}
	end, err := timeHeader(ctx, "query_range_end")
	if err != nil {
		return query.Request{}, err
	}
	// A bound beyond all time that can be told in nanoseconds bounds nothing.
	if begin != nil && !begin.Before(earliest) {
		r.Range.Begin = clampTime(*begin)
	}
	if end != nil && !end.After(latest) {
		r.Range.End = clampTime(*end)
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
func timeHeader(ctx context.Context, key string) (*time.Time, error) {
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
	return &t, nil
}

// earliest and latest are a day inside the range of [telemetry.Time]: SQL engines keep the values at its ends for
// infinity. No row is outside.
var (
	earliest = telemetry.Time(math.MinInt64).Std().AddDate(0, 0, 1)
	latest   = telemetry.Time(math.MaxInt64).Std().AddDate(0, 0, -1)
)

// clampTime returns t, or what is nearest to it between earliest and latest.
func clampTime(t time.Time) *telemetry.Time {
	if t.Before(earliest) {
		t = earliest
	}
	if t.After(latest) {
		t = latest
	}
	at := telemetry.TimeOf(t)
	return &at
}
