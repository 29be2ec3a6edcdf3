package flightsql

import (
	"context"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/denylist"
)

// denied asks the deny list about a query.
func (s *Server) denied(ctx context.Context, sql string, caller auth.Attribution) error {
	if s.denials == nil {
		return nil
	}
	return s.denials.Check(ctx, &denylist.Request{
		UserID: caller.UserID, Email: caller.UserEmail, ServiceAccount: caller.ServiceAccount,
		Client: header(ctx, "x-client-type"), Agent: header(ctx, "x-client-agent"), Entrypoint: header(ctx, "x-client-entrypoint"),
		Session: header(ctx, "x-client-session"), Notebook: header(ctx, "x-client-notebook"), Cell: header(ctx, "x-client-cell"),
		ClientIP: clientIP(ctx), SQL: sql, SQLHash: hashSQL(sql),
	}, idOf(ctx))
}

// planned asks the deny list about a statement that is to be planned, which computes what is constant in it. The context
// that it returns says whose turn it takes.
func (s *Server) planned(ctx context.Context, sql string) (context.Context, error) {
	caller, err := attribute(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.denied(ctx, sql, caller); err != nil {
		return nil, err
	}
	return query.WithCaller(ctx, turn(ctx, caller)), nil
}
