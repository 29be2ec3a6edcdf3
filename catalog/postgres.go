package catalog

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

var postgresDialect = &dialect{
	name:          "postgres",
	numbered:      true,
	rowLocks:      true,
	migrations:    postgresMigrations,
	hasMigrations: "SELECT to_regclass('schema_migrations') IS NOT NULL",
	lockMigrations: func(ctx context.Context, s *session) error {
		_, err := s.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock)
		return err
	},
	checkWritable: func(ctx context.Context, s *session) error {
		var readOnly string
		if err := s.tx.QueryRowContext(ctx, "SHOW transaction_read_only").Scan(&readOnly); err != nil {
			return err
		}
		if readOnly != "off" {
			return fmt.Errorf("%w: the server is read-only", ErrUnavailable)
		}
		return nil
	},
	transient: postgresTransient,
	retry:     postgresRetry,
}

// migrationLock is the key of the advisory lock that a migrating transaction holds: "micromeg" in ASCII.
const migrationLock int64 = 0x6d6963726f6d6567

// openPostgres connects a pool for both purposes; pgx prepares statements and keeps them per connection.
func openPostgres(ctx context.Context, o Options) (*DB, error) {
	if err := CheckDSN(o.DSN); err != nil {
		return nil, fmt.Errorf("open catalog: the connection string %w", err)
	}
	config, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return nil, errors.New("open catalog: the connection string is malformed")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "micromegas"
	}
	conns := stdlib.OpenDB(*config)
	conns.SetMaxOpenConns(o.Conns)
	conns.SetMaxIdleConns(o.Conns)
	conns.SetConnMaxIdleTime(5 * time.Minute)
	db := &DB{dialect: postgresDialect, writer: pool{DB: conns}, reader: pool{DB: conns}}
	if err := conns.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the catalog: %w", db.unavailable(connectCause(err))), conns.Close())
	}
	return db, nil
}

// CheckDSN looks for mistakes in a postgres:// connection string, without connecting. The error goes on from a name of the
// string, and shows nothing of it but the names of its parameters.
func CheckDSN(dsn string) error {
	if _, err := pgx.ParseConfig(dsn); err == nil {
		return nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return errors.New("is not a valid URL; special characters in the password must be percent-encoded")
	}
	var wrong []string
	for name, values := range u.Query() {
		alone := url.URL{Scheme: u.Scheme, Host: "localhost", Path: "/name", RawQuery: url.Values{name: values}.Encode()}
		if _, err := pgx.ParseConfig(alone.String()); err != nil {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return errors.New("is malformed; it must be like postgres://user:password@host:5432/name")
	}
	slices.Sort(wrong)
	return fmt.Errorf("has a wrong value of %s", strings.Join(wrong, ", "))
}

// connectCause is err without what pgx says about user, database and host, which the caller knows, and says once for each
// address and again without TLS.
func connectCause(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return failed
	}
	return err
}

// postgresTransient tells lost connections and the SQLSTATE classes that mean "not now"
// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
func postgresTransient(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch class := e.Code[:min(2, len(e.Code))]; class {
		case "08", // connection
			"53", // insufficient resources: disk full, too many connections
			"57", // operator intervention: shutting down, starting up, cancelled
			"58": // system error: input or output
			return true
		}
		return postgresRetry(err) || e.Code == "55P03" || e.Code == "25006" // lock not available; read-only
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed")
}

// postgresRetry tells serialisation failures and deadlocks, after which the server has rolled everything back.
func postgresRetry(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "40001" || e.Code == "40P01")
}
