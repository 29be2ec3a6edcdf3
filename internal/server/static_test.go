package server_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/internal/server"
)

// Mistakes in files of static tables stop the server before it opens a port, all of them at once.
func TestStaticTablesMistakes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"log_entries.csv": "a\n", "broken.json": `{"a": }`, "good.csv": "a\n1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, want := range map[string][]string{
		dir:             {server.EnvStatic, "broken.json, line 1: this is no JSON", `log_entries.csv: "log_entries" is the name of a view of the lake; rename the file`},
		dir + "/gone":   {server.EnvStatic + ": the folder cannot be read", "no such file"},
		"gs://bucket/x": {server.EnvStatic + ": must begin with file:// or s3://"},
	} {
		var log strings.Builder
		err := server.Run(t.Context(), both, []string{"--data-dir", filepath.Join(t.TempDir(), "lake"), "--disable-auth"},
			environment(server.EnvStatic, folder), io.Discard, &log)
		if err == nil || strings.Contains(log.String(), "listening") {
			t.Fatalf("%s: Run = %v, log %s", folder, err, &log)
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v lacks %q", folder, err, text)
			}
		}
	}
}
