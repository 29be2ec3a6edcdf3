package sdk_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/wire"
)

// FuzzText records any text as message, name and value, and finds it again; only what is not UTF-8 may change.
func FuzzText(f *testing.F) {
	f.Add("message", "name", "value")
	f.Add("", "", "")
	f.Add("seven b", "a.b", "line\nline\x00")
	f.Add("\xff\xfe", "\xc3", strings.Repeat("x", 70_000))
	r, s := newRecorder(f, sdk.Options{})
	log := r.NewLogger("fuzz")
	f.Fuzz(func(t *testing.T, msg, name, value string) {
		before := len(s.Events())
		log.Info(msg, slog.String(name, value), slog.Int("n", 1))
		span := r.Root(outer)
		span.EndWith(sdk.PropsOnce(name, value))
		flush(t, r)
		got := s.Events()[before:]
		if len(got) != 3 {
			t.Fatalf("%d events, want 3", len(got))
		}
		same := func(what, got, want string) {
			t.Helper()
			if want == strings.ToValidUTF8(want, "") && got != want {
				t.Errorf("%s %q, want %q", what, got, want)
			}
		}
		for _, e := range got {
			if e.Kind == wire.KindBeginAsyncSpan {
				continue
			}
			if e.Kind == wire.KindLog {
				same("message", e.Msg, msg)
			}
			if len(e.Properties) == 0 {
				t.Fatalf("%s has no properties", e.Type)
			}
			same("name", e.Properties[0].Name, name)
			same("value", e.Properties[0].Value, value)
		}
	})
}
