package denylist

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	kindEnd    kind = iota
	kindWord        // in lower case
	kindQuoted      // "identifier"
	kindText        // 'literal'
	kindNumber
	kindSymbol
)

type token struct {
	kind kind
	text string
	pos  int // byte offset
}

// mistake is what is wrong with an expression, and where.
type mistake struct {
	text string // the expression
	pos  int
	msg  string
}

func (m *mistake) Error() string {
	return fmt.Sprintf("%s (at character %d of the expression)", m.msg, 1+utf8.RuneCountInString(m.text[:min(m.pos, len(m.text))]))
}

// symbols are the operators, longer ones first.
var symbols = []string{"!~*", "<>", "!=", "<=", ">=", "||", "~*", "!~", "=", "<", ">", "~", "(", ")", ","}

// lex splits an expression into tokens.
func lex(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		begin := at
		switch {
		case unicode.IsSpace(r):
			at += size
			continue
		case r == '\'' || r == '"':
			body, end, ok := quoted(text, at)
			if !ok {
				return nil, &mistake{text, begin, fmt.Sprintf("a text begins with %c and does not end", r)}
			}
			k := kindText
			if r == '"' {
				k = kindQuoted
			}
			tokens, at = append(tokens, token{k, body, begin}), end
		case r >= '0' && r <= '9':
			for at < len(text) && text[at] >= '0' && text[at] <= '9' {
				at++
			}
			tokens = append(tokens, token{kindNumber, text[begin:at], begin})
		case r == '_' || unicode.IsLetter(r):
			for at < len(text) {
				r, size := utf8.DecodeRuneInString(text[at:])
				if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					break
				}
				at += size
			}
			tokens = append(tokens, token{kindWord, strings.ToLower(text[begin:at]), begin})
		default:
			symbol := ""
			for _, s := range symbols {
				if strings.HasPrefix(text[at:], s) {
					symbol = s
					break
				}
			}
			if symbol == "" {
				return nil, &mistake{text, begin, fmt.Sprintf("%q is not expected", r)}
			}
			tokens, at = append(tokens, token{kindSymbol, symbol, begin}), at+len(symbol)
		}
	}
	return append(tokens, token{kindEnd, "", len(text)}), nil
}

// quoted reads what stands between quotes from at; two of them stand for one.
func quoted(text string, at int) (body string, end int, ok bool) {
	quote := text[at]
	var b strings.Builder
	for at++; at < len(text); at++ {
		if text[at] != quote {
			b.WriteByte(text[at])
			continue
		}
		if at+1 < len(text) && text[at+1] == quote {
			b.WriteByte(quote)
			at++
			continue
		}
		return b.String(), at + 1, true
	}
	return "", 0, false
}
