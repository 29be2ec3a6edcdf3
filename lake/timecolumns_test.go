package lake

import "testing"

// TestTimeColumns: whatever has a time has both ends of it, in columns that are times; those of records are what the catalog
// compares a range with.
func TestTimeColumns(t *testing.T) {
	for _, v := range allViews {
		begin, end := TimeColumns(v.name)
		for _, name := range []string{begin, end} {
			f, ok := v.schema.FieldsByName(name)
			if !ok || f[0].Type != typeTime {
				t.Errorf("%s has no time %q", v.name, name)
			}
		}
	}
	for name, want := range map[string][2]string{
		"log_entries": {"time", "time"}, "thread_spans": {"begin", "end"}, "blocks": {"begin_time", "insert_time"},
		"__processes__partitions": {"insert_time", "last_update_time"}, "__log_stats__partitions": {"time_bin", "time_bin"}, "else": {},
	} {
		if begin, end := TimeColumns(name); begin != want[0] || end != want[1] {
			t.Errorf("%s reaches from %q to %q, want %v", name, begin, end, want)
		}
	}
}
