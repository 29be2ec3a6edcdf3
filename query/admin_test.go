package query

import (
	"context"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// engineless fails the test when a statement reaches the engine.
type engineless struct{ t *testing.T }

func (e engineless) Session(context.Context, string) (Session, error) {
	e.t.Error("the statement has reached the engine")
	return nil, fault.New(fault.Internal, "no engine")
}

func (e engineless) Planner(ctx context.Context, caller string) (Session, error) {
	return e.Session(ctx, caller)
}

// A66, A67: nobody but an administrator learns more than that one is needed, and nothing is executed for anybody.
func TestA67AdminOnly(t *testing.T) {
	s := New(nil, engineless{t}, Options{})
	statements := map[string]string{
		"CREATE MATERIALIZED VIEW": "create materialized view v as select 1",
		"DROP MATERIALIZED VIEW":   "DROP MATERIALIZED VIEW v",
	}
	for name := range adminFunctions {
		statements[name] = "SELECT * FROM " + name + "('log_entries', 'global')"
	}
	callers := map[string]struct {
		id   *auth.Identity
		kind fault.Kind
		text string
	}{
		"nobody":        {nil, fault.PermissionDenied, auth.EnvAdmins},
		"user":          {&auth.Identity{Subject: "u", Method: auth.MethodOIDC, Roles: auth.RoleDefault}, fault.PermissionDenied, auth.EnvAdmins},
		"A68 key":       {&auth.Identity{Subject: "k", Method: auth.MethodAPIKey, Roles: auth.RoleDefault}, fault.PermissionDenied, auth.EnvAllowKeyAdmin},
		"key manager":   {&auth.Identity{Subject: "m", Method: auth.MethodOIDC, Roles: auth.RoleKeyManager}, fault.PermissionDenied, auth.EnvAdmins},
		"administrator": {&auth.Identity{Subject: "a", Method: auth.MethodOIDC, Admin: true}, fault.Unimplemented, "comes in a later version"},
	}
	for op, sql := range statements {
		for who, tc := range callers {
			t.Run(op+", "+who, func(t *testing.T) {
				ctx := t.Context()
				if tc.id != nil {
					ctx = auth.With(ctx, tc.id)
				}
				_, executed := s.Execute(ctx, Request{SQL: sql})
				_, described := s.Describe(ctx, sql)
				for call, err := range map[string]error{"Execute": executed, "Describe": described} {
					f := fault.Of(err)
					if f == nil || f.Kind != tc.kind || !strings.Contains(f.Public(), op) || !strings.Contains(f.Public(), tc.text) {
						t.Errorf("%s = %v, want kind %v naming %s and %s", call, err, tc.kind, op, tc.text)
					}
					if tc.kind == fault.PermissionDenied && !strings.Contains(f.Public(), "needs an administrator") {
						t.Errorf("%s = %v", call, err)
					}
				}
			})
		}
	}
}

// However the function is written, the answer is the same.
func TestA67Spellings(t *testing.T) {
	s := New(nil, engineless{t}, Options{})
	for _, sql := range []string{
		"select RETIRE_PARTITION_BY_FILE('x')",
		`select "retire_partition_by_file" ('x')`,
		"select main.retire_partition_by_file/* c */('x')",
		"explain select retire_partition_by_file('x')",
		"explain analyze select * from (select retire_partition_by_file('x'))",
		"with a as (select retire_partition_by_file('x')) select * from a",
		"call retire_partition_by_file('x')",
		"select 1 where exists (select retire_partition_by_file('x')) -- no more",
		"select retire_partition_by_file('x') nonsense the engine would not parse",
		"select 1 union all select retire_partition_by_file('x')",
		"select retire_partition_by_file('x');",
	} {
		_, err := s.Execute(t.Context(), Request{SQL: sql})
		if f := fault.Of(err); f == nil || f.Kind != fault.PermissionDenied || !strings.Contains(f.Msg, "retire_partition_by_file") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"select 'retire_partitions(' as x", "select 1 as retire_partitions", "select 1 -- retire_partitions(", "select list_partitions()",
	} {
		if stmt, err := scan(sql); err != nil || stmt.admin != nil {
			t.Errorf("%s: %v, %v", sql, stmt, err)
		}
	}
}
