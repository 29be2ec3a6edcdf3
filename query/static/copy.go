package static

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// checker looks at a file that passes through it: how long it is, what it is, and that it is UTF-8.
type checker struct {
	file string
	most int64 // bytes

	size  int64
	lines int    // that have ended
	rest  []byte // the beginning of a character whose end is still to come
}

// Write implements io.Writer. It fails with a mistake.
func (c *checker) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.size > c.most {
		return 0, tooLarge(c.file, c.most)
	}
	text := p
	if len(c.rest) > 0 {
		text = append(c.rest, p...)
	}
	for len(text) > 0 {
		line, after, ended := bytes.Cut(text, []byte{'\n'})
		end := line
		if !ended {
			end = withoutBeginning(line)
		}
		if !utf8.Valid(end) || bytes.IndexByte(end, 0) >= 0 {
			return 0, c.noText()
		}
		if !ended {
			text = line[len(end):]
			break
		}
		c.lines++
		text = after
	}
	c.rest = bytes.Clone(text)
	return len(p), nil
}

// withoutBeginning leaves out a character at the end that is cut off.
func withoutBeginning(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if at := len(text) - n; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return text[:at]
			}
			break
		}
	}
	return text
}

func (c *checker) noText() error {
	return &mistake{c.file, c.lines + 1, "this is not UTF-8", "save the file in that encoding"}
}

func (c *checker) end() error {
	if len(c.rest) > 0 {
		return c.noText()
	}
	return nil
}

func tooLarge(file string, most int64) error {
	return &mistake{file, 0, fmt.Sprintf("static tables would have more than %d MB in all", most>>20), "leave out what is not needed, or raise the limit"}
}

// copyFile writes what in gives to a file of this machine and returns its checksum and size.
func copyFile(path, name string, in io.Reader, most int64) (sum [sha256.Size]byte, size int64, err error) {
	out, err := os.Create(path)
	if err != nil {
		return sum, 0, err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	hash, check := sha256.New(), &checker{file: name, most: most}
	if _, err := io.Copy(io.MultiWriter(check, hash, out), in); err != nil {
		return sum, 0, err
	}
	return [sha256.Size]byte(hash.Sum(nil)), check.size, check.end()
}
