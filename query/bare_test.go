package query

import "testing"

func TestBare(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1":          "SELECT 1",
		"  SELECT\n\t1 ;\n": "SELECT 1 ;",
		"SELECT/* a /* nested */ comment */1--end": "SELECT 1",
		"SELECT 'a  --b', \"x  y\", $$ /* */ $$":   "SELECT 'a  --b', \"x  y\", $$ /* */ $$",
		"FROM\u00a0log_entries":                    "FROM log_entries",
		"a-- x\r\nb":                               "a b",
		"SELECT 'it''s  '  ||  E'\\'  '":           "SELECT 'it''s  ' || E'\\'  '",
		"SELECT 'no end  ":                         "SELECT 'no end  ",
		"SELECT /* no end":                         "SELECT /* no end",
		"":                                         "",
		"-- nothing":                               "",
	} {
		if got := Bare(sql); got != want {
			t.Errorf("Bare(%q) = %q, want %q", sql, got, want)
		}
	}
}
