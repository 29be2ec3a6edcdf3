package sdk_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports lists what a program compiles that uses the SDK: it is a promise, see docs/sdk.md.
func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
		"./", "./sdkhttp", "./sdktest").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"github.com/micromegas-go/micromegas/sdk",
		"github.com/micromegas-go/micromegas/wire",
		"github.com/micromegas-go/micromegas/telemetry",
		"github.com/google/uuid",
		"github.com/pierrec/lz4/v4",  // the compression of blocks
		"github.com/OneOfOne/xxhash", // spans' hashes in wire
	}
	for path := range strings.FieldsSeq(string(out)) {
		if !slices.ContainsFunc(allowed, func(a string) bool { return path == a || strings.HasPrefix(path, a+"/") }) {
			t.Errorf("programs that use the SDK compile %s", path)
		}
	}
}
