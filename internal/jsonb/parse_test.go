package jsonb

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`{ "name" : "value" }`:       `{"name":"value"}`,
		`{"b":1, "a":[1, 2.5,null]}`: `{"a":[1,2.5,null],"b":1}`,
		``:                           `null`,
		" \t\r\n":                    `null`,
		`\n {"a":\t1} \r`:            `{"a":1}`,
		`'it''`:                      ``,
		`'say "hi"'`:                 `"say \"hi\""`,
		`"it's"`:                     `"it's"`,
		`'it\'s'`:                    `"it's"`,
		`{name: 'x', $a_1: 2, é: 3}`: `{"$a_1":2,"name":"x","é":3}`,
		`{1a: 2}`:                    ``,
		`{a-b: 2}`:                   ``,
		`[NULL, True, fAlSe]`:        `[null,true,false]`,
		`[NaN, Infinity, -Infinity, +infinity, nan]`: `[null,null,null,null,null]`,
		`[1,,3]`:                               `[1,null,3]`,
		`[1,2,]`:                               `[1,2,null]`,
		`[,]`:                                  `[null,null]`,
		`[]`:                                   `[]`,
		`{"a":1,}`:                             `{"a":1}`,
		`{,}`:                                  ``,
		`{"a":}`:                               ``,
		`[+1, 007, .5, 5., -0, -7, 1e2, 1.E1]`: `[1,7,0.5,5.0,0,-7,100.0,10.0]`,
		`[0x10, 0XfF, -0x8000000000000000, 0x1A.8]`: `[16,255,-9223372036854775808,26.5]`,
		`0x`: ``,
		`[18446744073709551615, -9223372036854775808]`: `[18446744073709551615,-9223372036854775808]`,
		`18446744073709551616`:                         `18446744073709551616.0`,
		`-9223372036854775809`:                         `-9223372036854775808.0`,
		`1e999`:                                        `null`,
		`"\u00e9\u{2713}\ud83d\ude00\/\b"`:             `"é✓😀/\b"`,
		`"\ud83d!"`:                                    `"\\uD83D!"`,
		`"\x41"`:                                       ``,
		`"\u12"`:                                       ``,
		"\"a\tb\"":                                     `"a\tb"`,
		`{"a":1,"a":2}`:                                ``,
		`{"a":1,"A":2}`:                                `{"A":2,"a":1}`,
		`{ not json... }`:                              ``,
		`{ test }`:                                     ``,
		`[1 2]`:                                        ``,
		`[1`:                                           ``,
		`{"a":1`:                                       ``,
		`"open`:                                        ``,
		`"open\`:                                       ``,
		`1 2`:                                          ``,
		`nul`:                                          ``,
		`+`:                                            ``,
		`.`:                                            ``,
		`1e`:                                           ``,
		`text`:                                         ``,
		"\"\xff\"":                                     ``,
		strings.Repeat("[", 5000):                      ``,
	} {
		doc, err := Parse([]byte(text))
		if want == "" {
			if err == nil {
				t.Errorf("%.40s: %x, want an error", text, doc)
			}
			continue
		}
		got, jsonErr := AppendJSON(nil, doc)
		if err != nil || jsonErr != nil || string(got) != want {
			t.Errorf("%s: %s (%v, %v), want %s", text, got, err, jsonErr, want)
		}
	}
	doc, err := Parse([]byte(`{ "name" : "value" }`))
	if err != nil || hex.EncodeToString(doc) != vector {
		t.Errorf("%x (%v), want %s", doc, err, vector)
	}
	doc, err = Parse([]byte(`[NaN, -Infinity]`))
	if err != nil || hex.EncodeToString(doc) != "80000002"+"20000001"+"20000001"+"10"+"30" {
		t.Errorf("%x (%v)", doc, err)
	}
}

func TestNestingLimit(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if _, err := Parse([]byte(deep)); err != nil {
		t.Errorf("nested to the limit: %v", err)
	}
	if _, err := Parse([]byte("[" + deep + "]")); err == nil {
		t.Error("nested deeper than the limit")
	}
}

// FuzzParse checks that what Parse takes can be read, and that it takes all JSON there is.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2,3.5e7,"x\u00e9",null,true]}`, `{a:'b',}`, `[,0x1F,+.5,NaN]`, `"\ud83d\ude00"`, `\n1`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse(text)
		if err != nil {
			var v any
			d := json.NewDecoder(bytes.NewReader(text))
			if json.Valid(text) && d.Decode(&v) == nil && !hasDuplicates(text) && len(text) < maxDepth && !bytes.ContainsRune(text, 0xfffd) &&
				bytes.Equal(bytes.ToValidUTF8(text, nil), text) {
				t.Fatalf("valid JSON is refused: %q: %v", text, err)
			}
			return
		}
		written, err := AppendJSON(nil, doc)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := Parse(written); err != nil {
			t.Fatalf("%q became %q: %v", text, written, err)
		}
	})
}

// hasDuplicates reports whether an object in the JSON text might have a key twice.
func hasDuplicates(text []byte) bool {
	keys := map[string]int{}
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if s, ok := token.(string); ok {
			keys[s]++
		}
	}
	for _, n := range keys {
		if n > 1 {
			return true
		}
	}
	return false
}
