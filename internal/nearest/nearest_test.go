package nearest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/internal/nearest"
)

func TestName(t *testing.T) {
	names := []string{"log_entries", "log_stats", "measures", "processes", "date_bin", "date_trunc", "count", "serve"}
	for text, want := range map[string]string{
		"log_entry":              "log_entries",
		"LOG_ENTRIES":            "log_entries",
		"mesures":                "measures",
		"prcoesses":              "processes",
		"data_bin":               "date_bin",
		"cuont":                  "count",
		"srve":                   "serve",
		"logs":                   "", // half of it would have to change
		"x":                      "",
		"":                       "",
		"quarterly":              "",
		strings.Repeat("x", 500): "",
	} {
		if got := nearest.Name(text, slices.Values(names)); got != want {
			t.Errorf("Name(%.20q) = %q, want %q", text, got, want)
		}
	}
}
