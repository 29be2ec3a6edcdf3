package duck

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// regexpScalars are functions on texts that the engine has not, or with another answer. Go's regular expressions are of the
// same kind as the engine's: their time grows with the text, never more.
func regexpScalars() []scalar {
	two, three := []sqlType{typeText, typeText}, []sqlType{typeText, typeText, typeText}
	from := []sqlType{typeText, typeText, typeInt64}
	fromFlags := []sqlType{typeText, typeText, typeInt64, typeText}
	return []scalar{
		{name: "regexp_match", args: two, result: listOf(typeText), run: regexpMatch},
		{name: "regexp_match", args: three, result: listOf(typeText), run: regexpMatch},
		{name: "regexp_count", args: two, result: typeInt64, run: regexpFind(count)},
		{name: "regexp_count", args: from, result: typeInt64, run: regexpFind(count)},
		{name: "regexp_count", args: fromFlags, result: typeInt64, run: regexpFind(count)},
		{name: "regexp_instr", args: two, result: typeInt64, run: regexpFind(firstMatch)},
		{name: "regexp_instr", args: from, result: typeInt64, run: regexpFind(firstMatch)},
		{name: "initcap", args: []sqlType{typeText}, result: typeText, run: initCap},
		{name: "octet_length", args: []sqlType{typeText}, result: typeInt64, run: octets},
	}
}

// patterns keeps the compiled expression of the row before, which is nearly always the same.
type patterns struct {
	text string
	re   *regexp.Regexp
}

func (p *patterns) compile(pattern, flags string) (*regexp.Regexp, error) {
	flags = strings.ReplaceAll(flags, "g", "")
	if strings.Trim(flags, "imsU") != "" {
		return nil, errors.New("the flags of a regular expression are i, m, s, U and g")
	}
	if flags != "" {
		pattern = "(?" + flags + ")" + pattern
	}
	if p.re != nil && p.text == pattern {
		return p.re, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression: %w", err)
	}
	p.text, p.re = pattern, re
	return re, nil
}

// regexpMatch gives the groups of the first match, or the match when the expression has no groups.
func regexpMatch(in []column, out *output, rows int) error {
	var p patterns
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		flags := ""
		if len(in) > 2 {
			flags = string(in[2].bytes(i))
		}
		re, err := p.compile(string(in[1].bytes(i)), flags)
		if err != nil {
			return err
		}
		match := re.FindSubmatch(in[0].bytes(i))
		if match == nil {
			out.setNull(i)
			continue
		}
		if len(match) > 1 {
			match = match[1:]
		}
		if err := setBlobs(out, i, match); err != nil {
			return err
		}
	}
	return nil
}

// regexpFind looks at a text from a character on, the first of which is 1.
func regexpFind(find func(re *regexp.Regexp, text []byte, skipped int64) int64) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		var p patterns
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			text, start, flags := in[0].bytes(i), int64(1), ""
			if len(in) > 2 {
				start = in[2].int64(i)
			}
			if len(in) > 3 {
				flags = string(in[3].bytes(i))
			}
			if start < 1 {
				return errors.New("a text begins with character 1")
			}
			re, err := p.compile(string(in[1].bytes(i)), flags)
			if err != nil {
				return err
			}
			skipped := int64(0)
			for n := start; n > 1 && len(text) > 0; n-- {
				_, width := utf8.DecodeRune(text)
				text = text[width:]
				skipped++
			}
			out.setInt64(i, find(re, text, skipped))
		}
		return nil
	}
}

func count(re *regexp.Regexp, text []byte, _ int64) int64 {
	return int64(len(re.FindAllIndex(text, -1)))
}

// firstMatch returns the character at which the first match begins; 0 means none.
func firstMatch(re *regexp.Regexp, text []byte, skipped int64) int64 {
	at := re.FindIndex(text)
	if at == nil {
		return 0
	}
	return int64(utf8.RuneCount(text[:at[0]])) + 1 + skipped
}

func initCap(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		inside := false
		out.setBytes(i, bytes.Map(func(r rune) rune {
			was := inside
			inside = unicode.IsLetter(r) || unicode.IsDigit(r)
			switch {
			case was:
				return unicode.ToLower(r)
			default:
				return unicode.ToUpper(r)
			}
		}, in[0].bytes(i)))
	}
	return nil
}

func octets(in []column, out *output, rows int) error {
	for i := range rows {
		if !skipNull(in, out, i) {
			out.setInt64(i, int64(len(in[0].bytes(i))))
		}
	}
	return nil
}
