package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// command runs a command on a lake and returns what it wrote.
func (c *adminLake) command(args ...string) (string, error) {
	var out, errs bytes.Buffer
	err := run(c.Context(), args, func(name string) string { return c.env[name] }, &out, &errs)
	return out.String() + errs.String(), err
}

type adminLake struct {
	*testing.T
	env map[string]string
}

func newAdminLake(t *testing.T) *adminLake {
	t.Helper()
	return &adminLake{t, map[string]string{"MICROMEGAS_DATA_DIR": filepath.Join(t.TempDir(), "lake")}}
}

func TestMigrateCommand(t *testing.T) {
	c := newAdminLake(t)
	out, err := c.command("migrate")
	if err != nil || !strings.HasPrefix(out, "0001_schema  pending\n") || !strings.HasSuffix(out, "nothing was changed; --apply does it\n") {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	if out, err := c.command("retention", "--rules", "*=30d"); err == nil || !strings.Contains(err.Error(), "there is no catalog") {
		t.Errorf("retention without a lake: %v\n%s", err, out)
	}
	out, err = c.command("migrate", "--apply")
	if err != nil || !strings.Contains(out, "0003_administration  applied now\n") {
		t.Errorf("migrate --apply: %v\n%s", err, out)
	}
	out, err = c.command("migrate", "--plan")
	if err != nil || strings.Contains(out, "pending") || !strings.HasSuffix(out, "the schema is up to date\n") {
		t.Errorf("migrate --plan: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"--plan", "--apply"}, {"now"}, {"--force"}} {
		if _, err := c.command(append([]string{"migrate"}, args...)...); exitStatus(err) != 2 {
			t.Errorf("migrate %q = %v, want a usage error", args, err)
		}
	}
	if out, err := c.command("migrate", "--help"); err != nil || !strings.Contains(out, "  --apply") {
		t.Errorf("migrate --help: %v\n%s", err, out)
	}
}

func TestDeleteAndRetentionCommands(t *testing.T) {
	c := newAdminLake(t)
	if _, err := c.command("migrate", "--apply"); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_600_000_000, 0)
	db, err := catalog.Open(t.Context(), catalog.Options{
		DSN: filepath.Join(c.env["MICROMEGAS_DATA_DIR"], "catalog.db"), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p := telemetry.Process{ID: telemetry.ProcessID(uuid.New())}
	s := telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: p.ID, Tags: []string{"log"}, Format: telemetry.FormatNative}
	block := func() {
		t.Helper()
		b := catalog.BlockRecord{Block: telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: p.ID, PayloadSize: 10}}
		if _, err := db.Append(context.WithoutCancel(t.Context()), []catalog.BlockRecord{b}); err != nil {
			t.Fatal(err)
		}
	}
	_, err1 := db.InsertProcess(t.Context(), p)
	_, err2 := db.InsertStream(t.Context(), s)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	block()
	now = time.Now()
	block()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"nothing chosen": {[]string{"delete"}, "give --process, --before, or both"},
		"both wrong":     {[]string{"delete", "--process", "me", "--before", "yesterday"}, "is not the id of a process\n--before"},
		"the future":     {[]string{"delete", "--before", "2999-01-01T00:00:00Z"}, "not in the past"},
		"wrong rules":    {[]string{"retention", "--rules", "log=3d"}, `there is no signal "log"`},
	} {
		if out, err := c.command(tc.args...); exitStatus(err) != 2 || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out, err := c.command("retention"); err != nil || !strings.Contains(out, "there are no rules") {
		t.Errorf("retention without rules: %v\n%s", err, out)
	}
	c.env["MICROMEGAS_RETENTION"] = "logs=30d"
	const one = "blocks of logs (tag log) older than 30d: 1 blocks with 10 bytes of payload"
	if out, err := c.command("retention", "--plan"); err != nil || !strings.Contains(out, one) || !strings.Contains(out, "nothing was changed") {
		t.Errorf("retention --plan: %v\n%s", err, out)
	}
	if out, err := c.command("retention", "--apply"); err != nil || !strings.Contains(out, one) || strings.Contains(out, "nothing was changed") {
		t.Errorf("retention --apply: %v\n%s", err, out)
	}
	if out, err := c.command("delete", "--process", p.ID.String()); err != nil || !strings.Contains(out, "to delete: 1 blocks with 10 bytes") {
		t.Errorf("delete --plan: %v\n%s", err, out)
	}
	if out, err := c.command("delete", "--process", p.ID.String(), "--apply"); err != nil || !strings.Contains(out, "deleted: 1 blocks with 10 bytes") || !strings.Contains(out, "1 processes, 1 streams") {
		t.Errorf("delete --apply: %v\n%s", err, out)
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}
}
