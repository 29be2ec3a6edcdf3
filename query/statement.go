package query

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// maxStatement bounds the bytes of a statement, and maxNesting its parentheses, so that no statement can exhaust the
// stack of the engine's recursive parser. maxTerms bounds the words that join terms: the engine's time to plan them grows with
// their square, a hundred thousand take it minutes, and nothing can interrupt it.
const (
	maxStatement = 1 << 20
	maxNesting   = 256
	maxTerms     = 5000
)

// joiners are words that join terms. Lists of values have none of them and may be as long as a statement.
var joiners = setOf("and", "or", "when", "union", "except", "intersect", "join")

// statementKind is what a statement asks for.
type statementKind uint8

const (
	kindQuery       statementKind = iota
	kindExplain                   // EXPLAIN [VERBOSE] query
	kindAnalyze                   // EXPLAIN ANALYZE [VERBOSE] query
	kindDescribe                  // DESCRIBE table, SHOW COLUMNS FROM table
	kindShowColumns               // SHOW COLUMNS FROM table
	kindShowTables
	kindViewDDL // CREATE or DROP MATERIALIZED VIEW
)

// statement is one statement with its tokens.
type statement struct {
	sql    string
	kind   statementKind
	tokens []token // without spaces, comments, the final semicolon, and the words EXPLAIN …
	table  string  // of DESCRIBE and SHOW COLUMNS

	catalogue []TableInfo // of a statement that names information_schema

	ddl *viewDDL // of a statement that defines or drops a view

	bound boundValues // of its parameters, for those that stand where a constant must

	admin *operation // the first operation of administrators in it, or nil
}

// scan splits sql and finds out what it asks for.
func scan(sql string) (*statement, error) {
	switch {
	case len(sql) > maxStatement:
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("the statement has %d bytes, the limit is %d", len(sql), maxStatement))
	case !utf8.ValidString(sql):
		return nil, fault.New(fault.Invalid, "the statement is not valid UTF-8")
	case strings.IndexByte(sql, 0) >= 0:
		return nil, invalidAt(strings.IndexByte(sql, 0), "the statement contains a zero byte")
	}
	all, err := tokenise(sql)
	if err != nil {
		return nil, err
	}
	s := &statement{sql: sql}
	for _, t := range all {
		if t.kind != tokenSpace && t.kind != tokenComment {
			s.tokens = append(s.tokens, t)
		}
	}
	for n := len(s.tokens); n > 0 && s.is(n-1, ";"); n-- {
		s.tokens = s.tokens[:n-1]
	}
	if err := s.checkShape(); err != nil {
		return nil, err
	}
	s.admin = s.adminFunction(adminFunctions)
	return s, s.classify()
}

// checkShape refuses further statements, deep nesting, and too many terms.
func (s *statement) checkShape() error {
	depth, terms := 0, 0
	for i, t := range s.tokens {
		if joiners[s.word(i)] {
			if terms++; terms > maxTerms {
				return invalidAt(t.pos, fmt.Sprintf("more than %d terms are joined by AND, OR, WHEN, UNION, JOIN and the like; use IN or a join with VALUES", maxTerms))
			}
		}
		if t.kind != tokenSymbol {
			continue
		}
		switch s.sql[t.pos] {
		case ';':
			return invalidAt(t.pos, "only one statement can be sent at a time")
		case '(', '[', '{':
			depth++
			if depth > maxNesting {
				return invalidAt(t.pos, fmt.Sprintf("parentheses are nested more than %d deep", maxNesting))
			}
		case ')', ']', '}':
			depth--
		}
	}
	return nil
}

func (s *statement) classify() error {
	if len(s.tokens) == 0 {
		return fault.New(fault.Invalid, "the statement is empty")
	}
	switch first := s.word(0); first {
	case "select", "with", "values", "from", "table":
		return nil
	case "explain":
		return s.classifyExplain()
	case "describe", "desc":
		return s.classifyDescribe(1, kindDescribe)
	case "show":
		switch {
		case s.word(1) == "tables" && len(s.tokens) == 2:
			s.kind = kindShowTables
			return nil
		case s.word(1) == "columns" && (s.word(2) == "from" || s.word(2) == "in"):
			return s.classifyDescribe(3, kindShowColumns)
		}
		return invalidAt(s.tokens[0].pos, "SHOW knows TABLES and COLUMNS FROM <table>")
	case "create", "drop":
		if s.isViewDDL() {
			return s.classifyViewDDL()
		}
		return s.refuse()
	default:
		if s.is(0, "(") {
			return nil
		}
		return s.refuse()
	}
}

func (s *statement) classifyExplain() error {
	s.kind = kindExplain
	n := 1
	for ; s.word(n) == "analyze" || s.word(n) == "verbose"; n++ {
		if s.word(n) == "analyze" {
			s.kind = kindAnalyze
		}
	}
	s.tokens = s.tokens[n:]
	switch s.word(0) {
	case "select", "with", "values", "from", "table":
		return nil
	}
	if s.is(0, "(") {
		return nil
	}
	return fault.New(fault.Invalid, "EXPLAIN must be followed by a query")
}

func (s *statement) classifyDescribe(at int, kind statementKind) error {
	s.kind = kind
	var parts []string
	for i := at; i < len(s.tokens); i++ {
		name, ok := s.name(i)
		if !ok {
			break
		}
		parts = append(parts, name)
		if i+1 == len(s.tokens) {
			s.table = unqualify(parts)
			return nil
		}
		if i++; !s.is(i, ".") {
			break
		}
	}
	return invalidAt(s.tokens[0].pos, "the name of a table must follow")
}

// unqualify leaves out our catalog and schema.
func unqualify(parts []string) string {
	if len(parts) > 1 && parts[0] == catalogName {
		parts = parts[1:]
	}
	if len(parts) > 1 && parts[0] == schemaName {
		parts = parts[1:]
	}
	return strings.Join(parts, ".")
}

func (s *statement) refuse() error {
	first := s.text(0)
	if len(first) > 30 {
		first = first[:30]
	}
	return invalidAt(s.tokens[0].pos, fmt.Sprintf(
		"a statement must begin with SELECT, WITH, VALUES, FROM, EXPLAIN, DESCRIBE or SHOW, not %q", strings.ToValidUTF8(first, "")))
}

// text returns token i as written; "" behind the end.
func (s *statement) text(i int) string {
	if i < 0 || i >= len(s.tokens) {
		return ""
	}
	return s.sql[s.tokens[i].pos:s.tokens[i].end]
}

// is reports whether token i is the symbol.
func (s *statement) is(i int, symbol string) bool {
	return i >= 0 && i < len(s.tokens) && s.tokens[i].kind == tokenSymbol && s.text(i) == symbol
}

// word returns token i in lower case if it is an unquoted word, else "".
func (s *statement) word(i int) string {
	if i < 0 || i >= len(s.tokens) || s.tokens[i].kind != tokenWord {
		return ""
	}
	return lower(s.text(i))
}

// name returns the identifier that token i stands for, folded when it is not quoted.
func (s *statement) name(i int) (string, bool) {
	if i < 0 || i >= len(s.tokens) {
		return "", false
	}
	switch text := s.text(i); s.tokens[i].kind {
	case tokenWord:
		return lower(text), true
	case tokenQuoted:
		return strings.ReplaceAll(text[1:len(text)-1], `""`, `"`), true
	default:
		return "", false
	}
}

// literal returns the text that token i stands for if it is a plain '…'.
func (s *statement) literal(i int) (string, bool) {
	text := s.text(i)
	if i < 0 || i >= len(s.tokens) || s.tokens[i].kind != tokenText || text[0] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(text[1:len(text)-1], "''", "'"), true
}

// lower folds ASCII letters, as upstream's dialect and the engine do for unquoted names.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}
