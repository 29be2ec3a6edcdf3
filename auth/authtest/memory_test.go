package authtest_test

import (
	"testing"

	"github.com/micromegas-go/micromegas/auth/authtest"
)

func TestHolds(t *testing.T) {
	type inner struct{ secret any }
	self := &inner{}
	self.secret = self
	for name, tc := range map[string]struct {
		v    any
		want bool
	}{
		"text":        {inner{"has hush in it"}, true},
		"bytes":       {&inner{[]byte("hush")}, true},
		"an array":    {inner{[4]byte{'h', 'u', 's', 'h'}}, true},
		"a key":       {map[string]int{"hush": 1}, true},
		"a value":     {map[int]*inner{1: {"hush"}}, true},
		"a list":      {[]any{nil, 1, inner{"hush"}}, true},
		"nothing":     {inner{[]any{"hus", "h", (*inner)(nil)}}, false},
		"a cycle":     {self, false},
		"other bytes": {[]byte("hu"), false},
	} {
		if got := authtest.Holds(tc.v, "silence", "hush"); got != tc.want {
			t.Errorf("%s: Holds = %v, want %v", name, got, tc.want)
		}
	}
}
