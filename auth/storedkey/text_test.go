package storedkey

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
)

func TestB29TextOfAKey(t *testing.T) {
	pattern := regexp.MustCompile(`^mmk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$`) // as documented for scanners
	seen := map[auth.Secret]bool{}
	for range 1000 {
		k := Mint()
		if !pattern.MatchString(string(k)) || formOf(string(k)) != minted || seen[k] {
			t.Fatalf("a minted key has form %d, %d characters", formOf(string(k)), len(k))
		}
		seen[k] = true
	}
}

// TestB29Checksum pins the checksum, computed by another program: keys of one release are keys of the next.
func TestB29Checksum(t *testing.T) {
	for _, text := range []string{
		"mmk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + "1UgJp6",
		"mmk_abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE" + "2WcjzR",
	} {
		if formOf(text) != minted {
			t.Errorf("%s has form %d", text, formOf(text))
		}
	}
}

func TestForms(t *testing.T) {
	k := string(Mint())
	flip := func(at int) string {
		c := byte('A')
		if k[at] == c {
			c = 'B'
		}
		return k[:at] + string(c) + k[at+1:]
	}
	for name, tc := range map[string]struct {
		text string
		want form
	}{
		"minted":                 {k, minted},
		"first character":        {flip(4), broken},
		"last random character":  {flip(46), broken},
		"checksum":               {flip(52), broken},
		"cut":                    {k[:52], foreign},
		"longer":                 {k + "x", foreign},
		"other prefix":           {"mmx_" + k[4:], foreign},
		"other alphabet":         {k[:20] + "/" + k[21:], foreign},
		"published form":         {k[:47], foreign},
		"a token":                {"e30.e30.AAAA", foreign},
		"nothing":                {"", foreign},
		"prefix in another case": {strings.ToUpper(k[:4]) + k[4:], foreign},
	} {
		if got := formOf(tc.text); got != tc.want {
			t.Errorf("%s: form %d, want %d", name, got, tc.want)
		}
	}
}

func TestImportable(t *testing.T) {
	k := Mint()
	for name, tc := range map[string]struct {
		text    auth.Secret
		foreign bool
		want    error
	}{
		"minted":         {k, false, nil},
		"published form": {k[:47], true, nil},
		"recipe":         {auth.Secret(strings.Repeat("a+/=", 171)), true, nil},
		"mistyped":       {k[:52] + "-", false, ErrChecksum},
		"short":          {"0123456789abcde", true, ErrLength},
		"empty":          {"", true, ErrLength},
		"long":           {auth.Secret(strings.Repeat("x", 4097)), true, ErrLength},
		"blank":          {"0123456789 abcdef", true, ErrChars},
		"line break":     {"0123456789abcdef\n", true, ErrChars},
		"not ASCII":      {"0123456789abcdéf", true, ErrChars},
	} {
		foreign, err := Importable(tc.text)
		if !errors.Is(err, tc.want) || err == nil && foreign != tc.foreign {
			t.Errorf("%s: Importable = %v, %v", name, foreign, err)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add(string(Mint()))
	f.Add("mmk_")
	f.Add(strings.Repeat("a", mintedLength))
	f.Fuzz(func(t *testing.T, text string) {
		if formOf(text) == minted && (len(text) != mintedLength || checksum(text[:mintedLength-checkChars]) != text[mintedLength-checkChars:]) {
			t.Errorf("%q counts as minted", text)
		}
	})
}
