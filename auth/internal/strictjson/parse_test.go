package strictjson

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestValue(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want any
		err  error
	}{
		"object":                 {in: ` {"a": [1, "x", true, null, {"b": {}}], "A": 2} `, want: map[string]any{"a": []any{json.Number("1"), "x", true, nil, map[string]any{"b": map[string]any{}}}, "A": json.Number("2")}},
		"string":                 {in: `"x\u0041"`, want: "xA"},
		"empty array":            {in: `[]`, want: []any{}},
		"duplicate":              {in: `{"a": 1, "a": 1}`, err: ErrDuplicate},
		"duplicate by escape":    {in: `{"a": 1, "\u0061": 1}`, err: ErrDuplicate},
		"duplicate inside":       {in: `[{"x": {"a": 1, "a": 1}}]`, err: ErrDuplicate},
		"same name elsewhere":    {in: `{"a": {"a": {}}}`, want: map[string]any{"a": map[string]any{"a": map[string]any{}}}},
		"too deep":               {in: `[[[[[[]]]]]]`, err: ErrDepth},
		"brackets in strings":    {in: `"[[[[[[[[[\"[[{{{{"`, want: `[[[[[[[[["[[{{{{`},
		"not UTF-8":              {in: "\"\xff\"", err: ErrUTF8},
		"empty":                  {in: ``, err: ErrSyntax},
		"blank":                  {in: `  `, err: ErrSyntax},
		"two values":             {in: `1 2`, err: ErrSyntax},
		"trailing comma":         {in: `[1,]`, err: ErrSyntax},
		"trailing comma, object": {in: `{"a":1,}`, err: ErrSyntax},
		"missing colon":          {in: `{"a" 1}`, err: ErrSyntax},
		"missing comma":          {in: `{"a":1 "b":2}`, err: ErrSyntax},
		"number as name":         {in: `{1:2}`, err: ErrSyntax},
		"unclosed":               {in: `{"a":`, err: ErrSyntax},
		"closed twice":           {in: `{}}`, err: ErrSyntax},
		"closed wrongly":         {in: `[1}`, err: ErrSyntax},
		"comment":                {in: `{} // x`, err: ErrSyntax},
		"leading zero":           {in: `01`, err: ErrSyntax},
		"NaN":                    {in: `NaN`, err: ErrSyntax},
		"line break in string":   {in: "\"a\nb\"", err: ErrLineBreak},
		"byte order mark":        {in: "\ufeff{}", err: ErrSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Value([]byte(tc.in), 5)
			if !errors.Is(err, tc.err) || !reflect.DeepEqual(got, tc.want) && err == nil {
				t.Errorf("Value = %v, %v; want %v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, err := Value([]byte("{\n  \"a\": secret\n}"), 5)
	if err == nil || !strings.Contains(err.Error(), "line 2, column 8") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

func TestObject(t *testing.T) {
	if _, err := Object([]byte(`[]`), 5); !errors.Is(err, ErrNotObject) {
		t.Errorf("Object = %v", err)
	}
}

// FuzzValue compares with encoding/json: whatever we accept it accepts and reads alike, and we refuse nothing that it
// accepts but for the reasons of our own.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"a": [1, "x"], "b": {"c": null}}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte("[\"\\ud800\", 1e400]"))
	f.Add([]byte(`[-0.5e+7, -, 01, 1., .5, 1e, "\u12", "\\", "\x"]`))
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}

func compare(t *testing.T, data []byte) {
	t.Helper()
	got, err := Value(data, 8)
	if errors.Is(err, ErrUTF8) || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrDepth) {
		return
	}
	if valid := json.Valid(data); valid != (err == nil) {
		t.Fatalf("%q: encoding/json says valid %v, we say %v", data, valid, err)
	}
	if err != nil {
		return
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// TestLikeEncodingJSON changes good JSON at random places.
func TestLikeEncodingJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "{}[]\",:0123456789.eE+- \t\n\\untrfalsb/\x00\x1f\x7f"
	seeds := []string{
		`{"iss":"https://i","aud":["a","b"],"exp":1.5e3,"x":{"y":[true,false,null]}}`,
		`["\u00e9\ud83d\ude00\n",-0,0.1,1E+2,{}]`, ` "a" `, `-12.5e-7`,
	}
	for range 50_000 {
		data := []byte(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(3) {
			at := random.IntN(len(data))
			switch random.IntN(3) {
			case 0:
				data[at] = alphabet[random.IntN(len(alphabet))]
			case 1:
				data = append(data[:at], data[min(at+1+random.IntN(3), len(data)):]...)
			case 2:
				data = slices.Insert(data, at, alphabet[random.IntN(len(alphabet))])
			}
			if len(data) == 0 {
				break
			}
		}
		compare(t, data)
	}
}

func BenchmarkObject(b *testing.B) {
	claims := []byte(`{"iss":"https://accounts.google.com","azp":"407408718192.apps.googleusercontent.com","aud":"407408718192.apps.googleusercontent.com",` +
		`"sub":"110169484474386276334","email":"alice@example.com","email_verified":true,"at_hash":"HK6E_P6Dh8Y93mRNtsDB1Q","name":"Alice Example","iat":1353601026,"exp":1353604926}`)
	b.SetBytes(int64(len(claims)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Object(claims, 16); err != nil {
			b.Fatal(err)
		}
	}
}
