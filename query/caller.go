package query

import (
	"context"

	"github.com/micromegas-go/micromegas/auth"
)

type callerKey struct{}

// WithCaller says whom the queries of ctx count for where callers take turns. name is any text that tells callers apart,
// such as a user on whose behalf a service asks.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// caller returns whom a query counts for: what WithCaller said, else the subject that was authenticated.
func caller(ctx context.Context) string {
	if name, ok := ctx.Value(callerKey{}).(string); ok {
		return name
	}
	if id, ok := auth.From(ctx); ok {
		return id.Subject
	}
	return ""
}
