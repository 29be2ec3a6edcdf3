package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/lake"
)

// everything is a program with every flag.
var everything = server.Program{
	Name: "test serve", Summary: "Does all.", HTTP: "127.0.0.1:9000", GRPC: "127.0.0.1:50051",
}

func environment(pairs ...string) func(string) string {
	m := map[string]string{"HOME": "/home/me", auth.EnvAPIKeys: `[{"name":"k","key":"0123456789abcdef"}]`}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestLoad(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		env  []string
		want func(*server.Config)
	}{
		"defaults": {nil, nil, func(*server.Config) {}},
		"blank variables count as unset": {
			nil, []string{server.EnvDataDir, " ", server.EnvSQL, "", server.EnvGrace, "\n", server.EnvQueryMemory, " "}, func(*server.Config) {},
		},
		"variables": {nil, []string{
			server.EnvDataDir, "/data", server.EnvGrace, "7", server.EnvQueryMemory, "512", server.EnvQueryTimeout, "9", server.EnvQueryLimit, "3",
			server.EnvDenyRules, "7", server.EnvDenyRefresh, "4", server.EnvRetention, "logs=30d, *=1w", server.EnvMigrate, "manual",
		}, func(c *server.Config) {
			c.DataDir, c.SQL, c.Objects = "/data", "/data/catalog.db", "file:///data/objects"
			c.Grace = 7 * time.Second
			c.Query = server.QueryLimits{MemoryBytes: 512 << 20, Timeout: 9 * time.Second, Concurrency: 3, DenyRules: 7, DenyRefresh: 4 * time.Second}
			c.Retention, _ = lake.ParseRetention("*=7d,logs=30d")
			c.KeepSchema = true
		}},
		"a flag beats its variable": {
			[]string{"--data-dir", "/other", "--shutdown-grace-period-seconds=8"},
			[]string{server.EnvDataDir, "/data", server.EnvGrace, "7"},
			func(c *server.Config) {
				c.DataDir, c.SQL, c.Objects, c.Grace = "/other", "/other/catalog.db", "file:///other/objects", 8*time.Second
			},
		},
		"both ways to write a flag": {
			[]string{"--listen-endpoint-http=:1", "--listen-endpoint-grpc", "[::1]:2", "-health-listen-addr", "localhost:3", "--no-maintenance", "--log-format=json", "--log-level", "debug"},
			nil, func(c *server.Config) {
				c.HTTP, c.GRPC, c.Health, c.Maintenance = ":1", "[::1]:2", "localhost:3", false
				c.Log = server.LogConfig{JSON: true, Level: slog.LevelDebug}
			},
		},
		"no-maintenance=false": {[]string{"--no-maintenance=false"}, nil, func(*server.Config) {}},
		"production stores": {nil, []string{
			server.EnvSQL, "postgres://u:p%40ss@db:5432/lake?sslmode=require", server.EnvObjects, "s3://bucket/prefix",
		}, func(c *server.Config) {
			c.SQL, c.Objects = "postgres://u:p%40ss@db:5432/lake?sslmode=require", "s3://bucket/prefix"
		}},
		"home is expanded": {nil, []string{server.EnvDataDir, "~/x"}, func(c *server.Config) {
			c.DataDir, c.SQL, c.Objects = "/home/me/x", "/home/me/x/catalog.db", "file:///home/me/x/objects"
		}},
		"without authentication its variables don't matter": {
			[]string{"--disable-auth"},
			[]string{auth.EnvAPIKeys, "{broken", auth.EnvOIDCConfig, "{broken"},
			func(c *server.Config) { c.DisableAuth, c.Auth = true, auth.Config{} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := server.Config{
				DataDir: "/home/me/.micromegas/lake", SQL: "/home/me/.micromegas/lake/catalog.db", Objects: "file:///home/me/.micromegas/lake/objects",
				HTTP: "127.0.0.1:9000", GRPC: "127.0.0.1:50051", Maintenance: true, Grace: 25 * time.Second,
				Auth:  auth.Config{APIKeys: []auth.APIKey{{Name: "k"}}},
				Query: server.QueryLimits{Timeout: 5 * time.Minute},
			}
			tc.want(&want)
			got, err := server.Load(everything, tc.args, environment(tc.env...), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.SQL) != string(want.SQL) {
				t.Errorf("SQL = %s, want %s", string(got.SQL), string(want.SQL))
			}
			if len(got.Auth.APIKeys) != len(want.Auth.APIKeys) {
				t.Errorf("%d keys, want %d", len(got.Auth.APIKeys), len(want.Auth.APIKeys))
			}
			got.SQL, want.SQL, got.Auth, want.Auth = "", "", auth.Config{}, auth.Config{}
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
				t.Errorf("Load = %s\nwant   %s", g, w)
			}
		})
	}
}

// Every mistake is found at once, each with its place; what may be a secret is not shown.
func TestLoadReportsEveryMistake(t *testing.T) {
	const secret = "hunter2"
	_, err := server.Load(everything, []string{
		"--no-such-flag", secret, "--password=" + secret, "stray", "--listen-endpoint-http", "nowhere", "--listen-endpoint-grpc=1.2.3.4:99999",
		"--disable-auth=perhaps", "--no-maintenance=7", "--log-format", "xml", "--log-level=loud", "--query-concurrency=0", "--query-timeout-seconds=0",
		"--retention=log=30d,metrics=x", "--migrate=never",
		"--health-listen-addr",
	}, environment(
		server.EnvSQL, "mysql://root:"+secret+"@db/lake", server.EnvObjects, "s3://id:"+secret+"@bucket", server.EnvGrace, "soon",
		server.EnvQueryMemory, "12", auth.EnvAPIKeys, `[{"name":"a"},{"name":"b","key":"`+secret+` é"}]`, auth.EnvAdmins, "{",
		auth.EnvOIDCConfig, `{"issuers":[{"issuer":"nowhere"}]}`,
	), io.Discard)
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for _, want := range []string{
		"--no-such-flag", "--password", `"stray"`, "--listen-endpoint-http: ", "--listen-endpoint-grpc: ", "--disable-auth: ", "--no-maintenance: ",
		"--log-format: ", "--log-level: ", "--query-concurrency: ", "--query-timeout-seconds: ",
		`--retention: rule 1, "log=30d"`, `rule 2, "metrics=x"`, "--migrate: ", "--health-listen-addr needs a value",
		server.EnvSQL + ": ", server.EnvObjects + ": ", server.EnvGrace + ": ", server.EnvQueryMemory + ": ",
		auth.EnvAPIKeys, auth.EnvAdmins, "issuers[0].issuer", "issuers[0].audience", "test serve --help",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the error does not mention %s", want)
		}
	}
	if strings.Contains(text, secret) {
		t.Errorf("the error shows a secret")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestLoadMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		env  []string
		want string
	}{
		"no method of authentication": {nil, []string{auth.EnvAPIKeys, ""}, "MICROMEGAS_API_KEYS or MICROMEGAS_OIDC_CONFIG, or start with --disable-auth"},
		"one address twice":           {[]string{"--listen-endpoint-grpc=127.0.0.1:9000"}, nil, "--listen-endpoint-http and --listen-endpoint-grpc are both 127.0.0.1:9000"},
		"no home":                     {nil, []string{"HOME", ""}, "MICROMEGAS_DATA_DIR is not set and there is no home directory"},
		"database without name":       {nil, []string{server.EnvSQL, "postgres://u:hunter2@db"}, "names no database"},
		"unreadable url":              {nil, []string{server.EnvSQL, "postgres://u:hunter2%@db/x"}, "percent-encoded"},
		"relative file":               {nil, []string{server.EnvSQL, "lake.db"}, "absolute path"},
		"file with two slashes":       {nil, []string{server.EnvObjects, "file://data/objects"}, "three slashes"},
		"store with a query":          {nil, []string{server.EnvObjects, "s3://bucket?secret=hunter2"}, "neither query nor fragment"},
		"no bucket":                   {nil, []string{server.EnvObjects, "s3:///prefix"}, "names no bucket"},
		"other store":                 {nil, []string{server.EnvObjects, "gs://bucket"}, "must begin with file:// or s3://"},
		"wrong values in the url":     {nil, []string{server.EnvSQL, "postgres://u:hunter2@db/x?sslmode=perhaps&connect_timeout=soon"}, "has a wrong value of connect_timeout, sslmode"},
		"endpoint of the store":       {nil, []string{server.EnvObjects, "s3://bucket", "AWS_ENDPOINT_URL", "http://id:hunter2@host"}, "AWS_ENDPOINT_URL, is not a URL like https://host:port"},
		"half a credential":           {nil, []string{server.EnvObjects, "s3://bucket", "AWS_SECRET_ACCESS_KEY", "hunter2"}, "belong together"},
		"misspelled flag":             {[]string{"--log-levle=debug"}, nil, "--log-levle is not a flag; is --log-level meant?"},
		"empty flag":                  {[]string{"--listen-endpoint-http="}, nil, `--listen-endpoint-http: "" is not host:port`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := server.Load(everything, tc.args, environment(tc.env...), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Load = %v, want it to mention %q", err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "1 mistake in the configuration")) {
				t.Errorf("Load = %v", err)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	_, err := server.Load(everything, []string{"--log-level=loud", "--help"}, environment(), &out)
	if !errors.Is(err, server.ErrHelp) {
		t.Fatalf("Load = %v", err)
	}
	for _, want := range []string{
		"Does all.", "Usage: test serve [flags]", "--listen-endpoint-http <host:port>", "127.0.0.1:9000", "--listen-endpoint-grpc", "--health-listen-addr",
		"--disable-auth\n", "--shutdown-grace-period-seconds <seconds>", server.EnvGrace, server.EnvDataDir, server.EnvSQL, server.EnvObjects,
		auth.EnvAPIKeys, auth.EnvOIDCConfig, auth.EnvAdmins, "--log-format <text|json>", "--no-maintenance",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help does not mention %s", want)
		}
	}
	out.Reset()
	_, _ = server.Load(server.Program{Name: "x", HTTP: ":1"}, []string{"-h"}, environment(), &out)
	if strings.Contains(out.String(), "grpc") || strings.Contains(out.String(), "query") {
		t.Errorf("help of a program without queries mentions them: %s", out.String())
	}
}

func TestDSNDoesNotPrintPasswords(t *testing.T) {
	dsn := server.DSN("postgres://user:hunter2@db:5432/lake?password=hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "dsn", dsn)
	for _, text := range []string{
		fmt.Sprintf("%v %s %q %+v %#v %x %d", dsn, dsn, dsn, dsn, dsn, dsn, dsn), fmt.Sprint(server.Config{SQL: dsn}), log.String(),
	} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "db:5432/lake") {
			t.Errorf("printed as %s", text)
		}
	}
	if got := fmt.Sprint(server.DSN(filepath.Join("/data", "catalog.db"))); got != "/data/catalog.db" {
		t.Errorf("a path is printed as %s", got)
	}
}
