package wire

import (
	"strings"
	"testing"
)

// TestLossyUTF8 has the examples of the Unicode standard, section 3.9, tables 3-8 to 3-11, and the edges between.
func TestLossyUTF8(t *testing.T) {
	const r = "\ufffd"
	for in, want := range map[string]string{
		"":                                  "",
		"plain":                             "plain",
		"héllo ✓ 🎉":                         "héllo ✓ 🎉",
		"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82A": strings.Repeat(r, 8) + "A",
		"\xed\xa0\x80\xed\xbf\xbf\xed\xafA": strings.Repeat(r, 8) + "A",
		"\xf4\x91\x92\x93\xffA\x80\xbfB":    strings.Repeat(r, 5) + "A" + r + r + "B",
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA": r + r + r + r + "A",
		"\xe2\x82":                          r,
		"\xf0\x9f\x8e":                      r,
		"a\xf0\x9f\x8e\xffb":                "a" + r + r + "b",
		"\xef\xbf\xbd":                      r, // a real U+FFFD stays one
		"\xf5\x80":                          r + r,
		"\xc2":                              r,
	} {
		if got := lossyUTF8(in); got != want {
			t.Errorf("%x: %+q, want %+q", in, got, want)
		}
	}
}

func TestLossyUTF16(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"A\x00\xe9\x00":            "Aé",
		"\x3c\xd8\x89\xdf":         "🎉",
		"\x3c\xd8A\x00":            "\ufffdA",
		"\x89\xdf\x3c\xd8":         "\ufffd\ufffd",
		"\x3c\xd8\x3c\xd8\x89\xdf": "\ufffd🎉",
		"\xfd\xff":                 "\ufffd",
	} {
		got, err := lossyUTF16(in)
		if err != nil || got != want {
			t.Errorf("%x: %+q %v, want %+q", in, got, err, want)
		}
	}
	if _, err := lossyUTF16("A"); err == nil || err.Error() != "UTF-16 text of 1 bytes" {
		t.Errorf("odd length: %v", err)
	}
}

func TestRender(t *testing.T) {
	props := Properties{{"user", "alice"}, {"n", "3"}, {"", "empty"}, {"a:", "colon"}}
	for template, want := range map[string]string{
		"":                           "",
		"plain":                      "plain",
		"{user} has {n} of {n}":      "alice has 3 of 3",
		"{user:} {user:?} {n:?}":     "alice alice 3",
		"{{user}} {{}} }}{{":         "{user} {} }{",
		"{other} {user:x} {other:?}": "{other} {user:x} {other:?}",
		"{} {:} {:?}":                "empty empty empty",
		"a { b":                      "a { b",
		"a } b":                      "a } b",
		"{user":                      "{user",
		"{user {n}":                  "{user {n}",
		"{n}}":                       "3}",
		"{{{n}}}":                    "{3}",
		"{a::}":                      "colon",
		"{ user }":                   "{ user }",
		"tail {":                     "tail {",
		"{n}{{ { {":                  "3{ { {",
	} {
		budget := int64(1000)
		if got, ok := render(template, props, &budget); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", template, got, ok, want)
		}
	}
	budget := int64(10)
	if got, ok := render("0123456789{n}", props, &budget); ok {
		t.Errorf("over the budget: %q", got)
	}
}
