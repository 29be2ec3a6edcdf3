package lake

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestColumnsAreDocumented looks for every column of every view set in its section of the page for users.
func TestColumnsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range regexp.MustCompile(`(?m)^##+ `).Split(string(page), -1) {
		title, text, _ := strings.Cut(s, "\n")
		sections[title] = text
	}
	for _, s := range ViewSets() {
		for _, f := range s.Schema.Fields() {
			if !strings.Contains(sections[s.Name], "`"+f.Name+"`") {
				t.Errorf("column %s of %s is not explained in docs/sql.md", f.Name, s.Name)
			}
		}
	}
}

// TestViewSets holds the hashes, which clients compare with those of partitions, against what they have known so far.
func TestViewSets(t *testing.T) {
	want := map[string]ViewSet{
		"log_entries":  {Hash: []byte{7}, Instances: true, Global: true},
		"measures":     {Hash: []byte{8}, Instances: true, Global: true},
		"blocks":       {Hash: []byte{5}, Global: true},
		"thread_spans": {Hash: []byte{4}, Instances: true},
		"async_events": {Hash: []byte{4}, Instances: true},
		"net_spans":    {Hash: []byte{2}, Instances: true},
		"images":       {Hash: []byte{2}, Instances: true},
		"otel_spans":   {Hash: []byte{1}, Instances: true},
		"processes":    {Global: true},
		"streams":      {Global: true},
		"log_stats":    {Global: true},
	}
	sets := ViewSets()
	if len(sets) != len(want) {
		t.Errorf("%d view sets, want %d", len(sets), len(want))
	}
	for i, s := range sets {
		w, ok := want[s.Name]
		if !ok || s.Instances != w.Instances || s.Global != w.Global || s.Schema.NumFields() == 0 {
			t.Errorf("view set %+v, want %+v", s, w)
		}
		if w.Hash == nil {
			if len(s.Hash) != 8 {
				t.Errorf("%s: hash %x, want 8 bytes", s.Name, s.Hash)
			}
		} else if !bytes.Equal(s.Hash, w.Hash) {
			t.Errorf("%s: hash %x, want %x", s.Name, s.Hash, w.Hash)
		}
		if i > 0 && sets[i-1].Name >= s.Name {
			t.Errorf("%s comes before %s", sets[i-1].Name, s.Name)
		}
	}
}
