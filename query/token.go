package query

import (
	"strings"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// tokenKind says what a token is. Keywords are words: whether one is a keyword depends on where it stands.
type tokenKind uint8

const (
	tokenSpace   tokenKind = iota
	tokenComment           // -- to the end of the line, or /* nested */
	tokenWord              // unquoted identifier or keyword
	tokenQuoted            // "identifier"
	tokenText              // 'text', also E'…', X'…', and $tag$…$tag$
	tokenNumber
	tokenSymbol // one character of punctuation or of an operator
)

// token is a piece of a statement. The tokens of a statement cover it without gaps.
type token struct {
	kind     tokenKind
	pos, end int
}

// tokenise splits a statement by the lexical rules of DuckDB, which are PostgreSQL's. Nothing is proved by it: what the
// engine makes of the rewritten text is judged on the parse tree.
func tokenise(sql string) ([]token, error) {
	tokens := make([]token, 0, len(sql)/4+1)
	for pos := 0; pos < len(sql); {
		kind, end, err := lex(sql, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token{kind, pos, end})
		pos = end
	}
	return tokens, nil
}

// lex returns kind and end of the token at pos.
func lex(sql string, pos int) (tokenKind, int, error) {
	c := sql[pos]
	next := byte(0)
	if pos+1 < len(sql) {
		next = sql[pos+1]
	}
	switch {
	case isSpace(c):
		return tokenSpace, skip(sql, pos, isSpace), nil
	case unicodeSpace(sql[pos:]) > 0:
		return tokenSpace, pos + unicodeSpace(sql[pos:]), nil
	case c == '-' && next == '-':
		if n := strings.IndexAny(sql[pos:], "\n\r"); n >= 0 {
			return tokenComment, pos + n, nil
		}
		return tokenComment, len(sql), nil
	case c == '/' && next == '*':
		end, err := lexBlockComment(sql, pos)
		return tokenComment, end, err
	case c == '\'':
		end, err := lexQuoted(sql, pos, '\'', false)
		return tokenText, end, err
	case c == '"':
		end, err := lexQuoted(sql, pos, '"', false)
		return tokenQuoted, end, err
	case strings.IndexByte("eExXbBnN", c) >= 0 && next == '\'':
		end, err := lexQuoted(sql, pos+1, '\'', c == 'e' || c == 'E')
		return tokenText, end, err
	case c == '$':
		return lexDollar(sql, pos)
	case isWordStart(c):
		return tokenWord, skipWord(sql, pos), nil
	case isDigit(c) || c == '.' && isDigit(next):
		return tokenNumber, lexNumber(sql, pos), nil
	}
	return tokenSymbol, pos + 1, nil
}

func lexBlockComment(sql string, pos int) (int, error) {
	depth := 0
	for i := pos; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, invalidAt(pos, "this comment has no end")
}

// lexQuoted returns the end of a quoted token whose opening quote is at pos. A doubled quote stands for itself.
func lexQuoted(sql string, pos int, quote byte, backslash bool) (int, error) {
	for i := pos + 1; i < len(sql); i++ {
		switch {
		case backslash && sql[i] == '\\':
			i++
		case sql[i] == quote:
			if i+1 < len(sql) && sql[i+1] == quote {
				i++
				continue
			}
			return i + 1, nil
		}
	}
	if quote == '"' {
		return 0, invalidAt(pos, "this quoted name has no end")
	}
	return 0, invalidAt(pos, "this text has no end")
}

// lexDollar returns a $tag$…$tag$ text, or the symbol $.
func lexDollar(sql string, pos int) (tokenKind, int, error) {
	i := pos + 1
	if i < len(sql) && isWordStart(sql[i]) {
		i = skip(sql, i, func(c byte) bool { return isWordPart(c) && c != '$' })
	}
	if i >= len(sql) || sql[i] != '$' {
		return tokenSymbol, pos + 1, nil
	}
	tag := sql[pos : i+1]
	n := strings.Index(sql[i+1:], tag)
	if n < 0 {
		return 0, 0, invalidAt(pos, "this text has no end")
	}
	return tokenText, i + 1 + n + len(tag), nil
}

// lexNumber returns the end of a number: digits with _ between, a point, an exponent; or hexadecimal.
func lexNumber(sql string, pos int) int {
	i := skipWord(sql, pos) // 0x1f, 1_000, 1e5; also nonsense such as 1a, which the engine refuses
	if i < len(sql) && sql[i] == '.' {
		i = skipWord(sql, i+1)
	}
	if i < len(sql) && (sql[i] == '+' || sql[i] == '-') && (sql[i-1] == 'e' || sql[i-1] == 'E') &&
		i+1 < len(sql) && isDigit(sql[i+1]) && !strings.HasPrefix(sql[pos:], "0x") {
		i = skipWord(sql, i+1)
	}
	return i
}

func skip(sql string, pos int, is func(byte) bool) int {
	for pos < len(sql) && is(sql[pos]) {
		pos++
	}
	return pos
}

// skipWord returns the end of the word parts from pos on.
func skipWord(sql string, pos int) int {
	for pos < len(sql) && isWordPart(sql[pos]) && unicodeSpace(sql[pos:]) == 0 {
		pos++
	}
	return pos
}

// unicodeSpace returns how many bytes at the start of s are a character that the engine's parser takes for a space, as
// the no-break space is one (Parser::StripUnicodeSpaces); else 0. A name must not seem to go on in one.
func unicodeSpace(s string) int {
	if s == "" || s[0] < utf8.RuneSelf {
		return 0
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == 0xa0 || r >= 0x2000 && r <= 0x200d || r == 0x202f || r == 0x205f || r == 0x2060 || r == 0x3000 || r == 0xfeff {
		return size
	}
	return 0
}

func isSpace(c byte) bool     { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isWordStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }
func isWordPart(c byte) bool  { return isWordStart(c) || isDigit(c) || c == '$' }

// invalidAt is an error at a byte offset of the user's text.
func invalidAt(pos int, msg string) error {
	return &SQLError{Fault: fault.New(fault.Invalid, msg), Pos: pos}
}
