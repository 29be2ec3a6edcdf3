package jsonb

import (
	"errors"
	"strings"
	"testing"
)

const store = `{
  "a": 1, "b": {"c": [1, 2.5, "x", null, true, {"d": -3}]}, "any name": "quoted", "": 0,
  "items": [{"type": "active", "price": 5, "tags": ["x", "y"]}, {"type": "idle", "price": 15}, {"type": "activated"}],
  "nested": [[1, 2], [3, 4]], "limit": 10, "1x": "digit"
}`

func TestPath(t *testing.T) {
	doc, err := Parse([]byte(store))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		`$.a`:                                    `[1]`,
		`a`:                                      `[1]`,
		` $ . a `:                                ``,
		`.a`:                                     `[1]`,
		`b.c[0]`:                                 `[1]`,
		`:a`:                                     `[1]`,
		`$:b:c[1]`:                               `[2.5]`,
		`$."any name"`:                           `["quoted"]`,
		`$["any name"]`:                          `["quoted"]`,
		`$[ "any name" ]`:                        `["quoted"]`,
		`$.any\u0020name`:                        `["quoted"]`,
		`$.""`:                                   `[0]`,
		`$.1x`:                                   `["digit"]`,
		`1x`:                                     `["digit"]`,
		`$.missing`:                              `[]`,
		`$.A`:                                    `[]`,
		`$.a.b`:                                  `[]`,
		`$.b.*`:                                  `[[1,2.5,"x",null,true,{"d":-3}]]`,
		`$.b.c[*]`:                               `[1,2.5,"x",null,true,{"d":-3}]`,
		`$.a[*]`:                                 `[1]`,
		`$.b[*].c[0]`:                            `[1]`,
		`$.a[0]`:                                 `[]`,
		`$.b.c[0, 3]`:                            `[1,null]`,
		`$.b.c[3,0]`:                             `[null,1]`,
		`$.b.c[1 to 3]`:                          `[2.5,"x",null]`,
		`$.b.c[last]`:                            `[{"d":-3}]`,
		`$.b.c[last-1 to last]`:                  `[true,{"d":-3}]`,
		`$.b.c[ last - 5 ]`:                      `[1]`,
		`$.b.c[4 to 99]`:                         `[true,{"d":-3}]`,
		`$.b.c[99]`:                              `[]`,
		`$.b.c[-1]`:                              `[]`,
		`$.b.c[3 to 1]`:                          `[]`,
		`$.nested[*][0]`:                         `[1,3]`,
		`$.nested.**{2}`:                         `[1,2,3,4]`,
		`$.nested.**{1}`:                         `[[1,2],[3,4]]`,
		`$.nested.**{1 to 2}`:                    `[[1,2],1,2,[3,4],3,4]`,
		`$.nested.**{1 to last}`:                 `[[1,2],1,2,[3,4],3,4]`,
		`$.nested.**`:                            `[[[1,2],[3,4]],[1,2],1,2,[3,4],3,4]`,
		`$.**.d`:                                 `[-3]`,
		`$.items[*] ? (@.type == "active")`:      `[{"price":5,"tags":["x","y"],"type":"active"}]`,
		`$.items[*]?(@.price>10).type`:           `["idle"]`,
		`$.items[*] ? (@.price <= $.limit).type`: `["active"]`,
		`$.items[*] ? (@.type starts with "act").type`:                   `["active","activated"]`,
		`$.items[*] ? (exists(@.price) && @.price != 5).type`:            `["idle"]`,
		`$.items[*] ? (!exists(@.price)).type`:                           `["activated"]`,
		`$.items[*] ? (@.tags == "y").type`:                              `["active"]`,
		`$.items[*] ? (@.price + 5 == 10 || @.price * 2 == 30).type`:     `["active","idle"]`,
		`$.items[*] ? ((@.price - 1) / 2 == 2 || @.price % 4 == 3).type`: `["active","idle"]`,
		`$.items[*] ? (@.price <> 5).type`:                               `["idle"]`,
		`$.items[*] ? (@.type != 5).type`:                                `[]`,
		`$.items[*] ? (exists(@.tags[*] ? (@ == "x"))).type`:             `["active"]`,
		`$.b.c[*] ? (@ == null)`:                                         `[null]`,
		`$.b.c[*] ? (@ == true)`:                                         `[true]`,
		`$.b.c[*] ? (@ > 1)`:                                             `[2.5]`,
		`$.b.c[*] ? (@ >= 1 && @ < 2.5)`:                                 `[1]`,
		`$.b.c[*] ? (-@.d == 3)`:                                         `[{"d":-3}]`,
		`$.b.c[*] ? (@ / 0 == 1)`:                                        `[]`,
		`$.a == 1`:                                                       `[true]`,
		`$.a > 1`:                                                        `[false]`,
		`exists($.missing)`:                                              `[false]`,
		`$.a + 2`:                                                        `[3]`,
		`-$.b.c[1]`:                                                      `[-2.5]`,
		`$.limit / 4`:                                                    `[2.5]`,
		`$`:                                                              `[` + canonical(t, doc) + `]`,
		``:                                                               ``,
		`$.`:                                                             ``,
		`$[`:                                                             ``,
		`$[x]`:                                                           ``,
		`$.a b`:                                                          ``,
		`$.items[?(@.type == "active")]`:                                 ``,
		`$ ? (@.a)`:                                                      ``,
		`@.a`:                                                            ``,
		`$ ? (@.a == )`:                                                  ``,
		`$ ? (@.a == 1`:                                                  ``,
		`$ ? (1 && 2)`:                                                   ``,
		`$ ? ((@.a == 1) == true)`:                                       ``,
		`"text"`:                                                         ``,
		`$."open`:                                                        ``,
		strings.Repeat("(", 100) + "1":                                   ``,
		strings.Repeat("-", 100) + "1":                                   ``,
		"$." + strings.Repeat("a", maxPath):                              ``,
	} {
		p, err := ParsePath(path)
		if want == "" {
			if err == nil {
				t.Errorf("%.60s: parsed, want an error", path)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		array, err := p.AppendArray(nil, doc, new(Work))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := canonical(t, array); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		elements, err := p.Elements(doc, new(Work))
		if n, _ := ArrayLen(array); err != nil || len(elements) != n {
			t.Errorf("%s: %d elements (%v), the array has %d", path, len(elements), err, n)
		}
		first, ok, err := p.First(doc, new(Work))
		if err != nil || ok != (len(elements) > 0) || ok && string(first) != string(elements[0]) {
			t.Errorf("%s: first is %x %v (%v)", path, first, ok, err)
		}
	}
}

func canonical(t *testing.T, doc []byte) string {
	t.Helper()
	text, err := AppendJSON(nil, doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPathLimits asks for far more than there is.
func TestPathLimits(t *testing.T) {
	doc, err := Parse([]byte(`[` + strings.Repeat(`[1,2,3,4,5,6,7,8,9],`, 2000) + `1]`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		`$` + strings.Repeat(`.**`, 20):                           errPathMatches,
		`$[0 to last` + strings.Repeat(", 0 to last", 1000) + `]`: errPathMatches,
		`$[*] ? (exists($[*] ? (@ == $[*])))`:                     errPathWork,
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Elements(doc, new(Work)); !errors.Is(err, want) || !IsLimit(err) {
			t.Errorf("%.40s: %v, want %v", path, err, want)
		}
	}
}

func TestEntries(t *testing.T) {
	doc, err := Parse([]byte(`{"b": [1], "a": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	entries, ok := Entries(doc)
	if !ok || len(entries) != 2 || entries[0].Key != "a" || canonical(t, entries[0].Value) != `"x"` || canonical(t, entries[1].Value) != `[1]` {
		t.Errorf("%v %v", entries, ok)
	}
	elements, ok := Elements(entries[1].Value)
	if !ok || len(elements) != 1 || canonical(t, elements[0]) != "1" {
		t.Errorf("%v %v", elements, ok)
	}
	if _, ok := Entries(entries[1].Value); ok {
		t.Error("an array has members")
	}
	if _, ok := Elements(doc); ok {
		t.Error("an object has elements")
	}
	for i, want := range []string{"x", "[1]"} {
		if text, err := AppendText(nil, entries[i].Value); err != nil || string(text) != want {
			t.Errorf("%s (%v), want %s", text, err, want)
		}
	}
}

// FuzzPath runs any path on any document: no panic, matches that can be read, and one meaning for all three functions.
func FuzzPath(f *testing.F) {
	for _, p := range []string{`$.a`, `$.items[*] ? (@.type == "active" && exists(@.x)).**{1 to 2}`, `a[last-1 to 3, 0]`, `$.a + 1 > 2 * -$.b`, `"x"`} {
		f.Add(p, []byte(store))
	}
	f.Fuzz(func(t *testing.T, path string, text []byte) {
		p, err := ParsePath(path)
		if err != nil {
			return
		}
		doc, err := Parse(text)
		if err != nil {
			doc = text
		}
		array, err := p.AppendArray(nil, doc, new(Work))
		if err != nil {
			return
		}
		elements, err := p.Elements(doc, new(Work))
		if err != nil {
			t.Fatal(err)
		}
		inside, ok := Elements(array)
		if !ok || len(inside) != len(elements) {
			t.Fatalf("%d elements, the array has %d", len(elements), len(inside))
		}
		for i := range inside {
			if string(inside[i]) != string(elements[i]) {
				t.Fatalf("element %d is %x and %x", i, inside[i], elements[i])
			}
		}
	})
}
