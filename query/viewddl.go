package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// viewDDL is a statement that defines or drops a view:
//
//	CREATE [OR REPLACE] MATERIALIZED VIEW <name> WITH (option = value, …)
//	DROP MATERIALIZED VIEW [IF EXISTS] <name>
type viewDDL struct {
	name           string
	drop, ifExists bool
	replace        bool
	view           viewOptions
}

// viewOptions are the options of a view.
type viewOptions struct {
	extract, count, merge string // SQL
	group                 int32
	minTime, maxTime      string // columns; the same for a single one
	given                 map[string]bool
}

// ddlOperation is what the audit and refusals call these statements.
const ddlOperation = "CREATE/DROP MATERIALIZED VIEW requires admin privileges: "

// isViewDDL reports whether the statement defines or drops a view.
func (s *statement) isViewDDL() bool {
	switch s.word(0) {
	case "create":
		return s.word(1) == "materialized" || s.word(1) == "or" && s.word(2) == "replace" && s.word(3) == "materialized"
	case "drop":
		return s.word(1) == "materialized"
	}
	return false
}

// DefinesView reports whether sql is a statement that defines or drops a view.
func DefinesView(sql string) bool {
	s, _ := scan(sql)
	return s != nil && s.kind == kindViewDDL
}

// classifyViewDDL parses the statement. Who may send it is checked before its errors are told.
func (s *statement) classifyViewDDL() error {
	s.kind = kindViewDDL
	s.admin = &operation{name: ddlOperation + strings.ToUpper(s.word(0)) + " MATERIALIZED VIEW", pos: s.tokens[0].pos, known: true}
	d, err := s.parseViewDDL()
	s.ddl = d
	if err != nil {
		f := *fault.Of(err)
		f.Msg = "error parsing view DDL: " + f.Msg
		return &SQLError{Fault: &f, Pos: errorPos(err)}
	}
	return nil
}

func errorPos(err error) int {
	if at, ok := err.(*SQLError); ok { //nolint:errorlint // made a few lines away
		return at.Pos
	}
	return -1
}

var viewName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,254}$`)

func (s *statement) parseViewDDL() (*viewDDL, error) {
	d := &viewDDL{drop: s.word(0) == "drop"}
	i := 1
	if s.word(1) == "or" {
		d.replace, i = true, 3
	}
	if s.word(i) != "materialized" || s.word(i+1) != "view" {
		return nil, s.expected(i, "MATERIALIZED VIEW")
	}
	i += 2
	if d.drop && s.word(i) == "if" && s.word(i+1) == "exists" {
		d.ifExists = true
		i += 2
	}
	var ok bool
	if d.name, ok = s.name(i); !ok {
		return nil, s.expected(i, "the name of the view")
	}
	switch {
	case !viewName.MatchString(d.name), strings.HasPrefix(d.name, "__"), d.name == "source":
		return nil, invalidAt(s.tokens[i].pos, fmt.Sprintf(
			"'%.60s' cannot name a view: a name is made of a-z, 0-9 and _, does not begin with a digit or __, and is not source", d.name))
	}
	i++
	if d.drop {
		if i < len(s.tokens) {
			return nil, s.expected(i, "the end of the statement")
		}
		return d, nil
	}
	if s.word(i) != "with" || !s.is(i+1, "(") {
		return nil, s.expected(i, "WITH (option = value, …)")
	}
	return d, s.parseViewOptions(d, i+2)
}

func (s *statement) expected(i int, what string) error {
	pos, got := len(s.sql), "the end"
	if i < len(s.tokens) {
		pos, got = s.tokens[i].pos, fmt.Sprintf("%.40q", s.text(i))
	}
	return invalidAt(pos, fmt.Sprintf("expected %s, found %s", what, got))
}

// parseViewOptions reads option = value, … ) from token i on.
func (s *statement) parseViewOptions(d *viewDDL, i int) error {
	d.view = viewOptions{given: map[string]bool{}}
	for {
		name, ok := s.name(i)
		if !ok {
			return s.expected(i, "the name of an option")
		}
		if !s.is(i+1, "=") {
			return s.expected(i+1, "=")
		}
		if d.view.given[name] {
			return invalidAt(s.tokens[i].pos, fmt.Sprintf("option '%.60s' is there twice", name))
		}
		if err := s.setViewOption(&d.view, name, i); err != nil {
			return err
		}
		d.view.given[name] = true
		i += 3
		if s.is(i, ")") {
			break
		}
		if !s.is(i, ",") {
			return s.expected(i, "a comma or )")
		}
		i++
	}
	if i+1 < len(s.tokens) {
		return s.expected(i+1, "the end of the statement")
	}
	return d.view.complete(s.tokens[0].pos)
}

func (s *statement) setViewOption(o *viewOptions, name string, i int) error {
	pos := s.tokens[i].pos
	if name == "update_group" {
		n, err := strconv.ParseInt(s.text(i+2), 10, 32)
		if err != nil {
			return s.expected(i+2, "a whole number")
		}
		o.group = int32(n)
		return nil
	}
	into := map[string]*string{
		"extract_query": &o.extract, "count_src_query": &o.count, "merge_partitions_query": &o.merge,
		"min_time_column": &o.minTime, "max_time_column": &o.maxTime,
	}[name]
	text, ok := s.textLiteral(i + 2)
	switch {
	case into == nil && name != "time_column" && !planning[name]:
		return invalidAt(pos, fmt.Sprintf("unknown view option '%.60s'", name))
	case !ok:
		return s.expected(i+2, "a text")
	case name == "time_column":
		o.minTime, o.maxTime = text, text
	case planning[name]:
		if name != "merge_sort_order" && !deltaText.MatchString(text) {
			return invalidAt(s.tokens[0].pos, fmt.Sprintf("'%.60s' is not of the form '<n> second[s]|minute[s]|hour[s]|day[s]'", text))
		}
	default:
		*into = text
	}
	return nil
}

// textLiteral returns the text of '…' or $tag$…$tag$.
func (s *statement) textLiteral(i int) (string, bool) {
	if text, ok := s.literal(i); ok {
		return text, true
	}
	text := s.text(i)
	if i >= len(s.tokens) || s.tokens[i].kind != tokenText || text[0] != '$' {
		return "", false
	}
	tag := strings.IndexByte(text[1:], '$') + 2
	return text[tag : len(text)-tag], true
}

// planning are options that plan a materialisation. They are part of the recorded statement, and change nothing in the answer.
var planning = setOf("source_partition_delta", "merge_partition_delta", "merge_sort_order")

var deltaText = regexp.MustCompile(`^[1-9][0-9]{0,8} (second|minute|hour|day)s?$`)

func (o *viewOptions) complete(pos int) error {
	for _, name := range []string{"extract_query", "count_src_query", "merge_partitions_query", "update_group"} {
		if !o.given[name] {
			return invalidAt(pos, fmt.Sprintf("missing required option '%s'", name))
		}
	}
	single, both := o.given["time_column"], o.given["min_time_column"] && o.given["max_time_column"]
	if single == both || single && (o.given["min_time_column"] || o.given["max_time_column"]) {
		return invalidAt(pos, "missing required option 'time_column', or else 'min_time_column' and 'max_time_column'")
	}
	for _, q := range []struct{ option, text, placeholder string }{
		{"extract_query", o.extract, "{begin}"},
		{"extract_query", o.extract, "{end}"},
		{"merge_partitions_query", o.merge, "{source}"},
	} {
		if !strings.Contains(q.text, q.placeholder) {
			return invalidAt(pos, fmt.Sprintf("%s must contain %s", q.option, q.placeholder))
		}
	}
	return nil
}
