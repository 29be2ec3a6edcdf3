package static

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvFile reads a CSV file with a header (RFC 4180), fields separated by commas.
type csvFile struct {
	file   string
	r      *csv.Reader
	header []string
}

// byteOrderMark begins files of some programs. It is no part of the first name.
var byteOrderMark = []byte("\xef\xbb\xbf")

func withoutMark(in io.Reader) *bufio.Reader {
	b := bufio.NewReaderSize(in, 64<<10)
	if begin, _ := b.Peek(len(byteOrderMark)); bytes.Equal(begin, byteOrderMark) {
		_, _ = b.Discard(len(byteOrderMark)) // what was peeked is there
	}
	return b
}

func openCSV(file string, in io.Reader) (*csvFile, error) {
	f := &csvFile{file: file, r: csv.NewReader(withoutMark(in))}
	header, err := f.r.Read()
	if errors.Is(err, io.EOF) {
		return nil, &mistake{file, 0, "the file is empty", "its first line must name the columns"}
	}
	if err != nil {
		return nil, f.wrong(err)
	}
	f.header = header
	if len(header) == 1 {
		for _, s := range []string{";", "\t", "|"} {
			if strings.Contains(header[0], s) {
				return nil, &mistake{file, 1, fmt.Sprintf("the columns seem to be separated by %q", s), "separate them by commas"}
			}
		}
	}
	f.r.ReuseRecord = true
	return f, nil
}

// columns makes the columns that the header names.
func (f *csvFile) columns(s *shape) error {
	for i, name := range f.header {
		if s.byName[name] != nil {
			return &mistake{f.file, 1, fmt.Sprintf("two columns are named %q", printable(name)), "rename one of them"}
		}
		if _, err := s.field(name); err != nil {
			return placed(err, f.file, 1)
		}
		f.header[i] = name
	}
	return nil
}

// next returns the fields of the next row, valid until the row after it, or io.EOF.
func (f *csvFile) next() ([]string, error) {
	row, err := f.r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		err = f.wrong(err)
	}
	return row, err
}

// wrong makes a mistake of what the reader says.
func (f *csvFile) wrong(err error) error {
	at, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return err
	}
	m := &mistake{file: f.file, line: at.Line}
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		m.msg = fmt.Sprintf("the row does not have %d fields, as the header has", len(f.header))
		m.fix = `put fields that contain commas between quotes ("a, b"), and leave no field out`
	case errors.Is(err, csv.ErrBareQuote):
		m.msg, m.fix = "there is a quote in a field without quotes around it", `put quotes around the field and double those in it ("a ""b""")`
	case errors.Is(err, csv.ErrQuote):
		m.line = at.StartLine
		m.msg, m.fix = "a quoted field does not end as it should", `double the quotes in it ("a ""b""") and close it`
	default:
		m.msg = "this is no CSV"
	}
	return m
}

// placed says where a mistake is.
func placed(err error, file string, line int) error {
	if m, ok := errors.AsType[*mistake](err); ok {
		at := *m
		at.file, at.line = file, line
		return &at
	}
	return err
}

func (f *csvFile) learn(s *shape) error {
	if err := f.columns(s); err != nil {
		return err
	}
	return f.each(func(row []string) error {
		for i, cell := range row {
			if column := &s.fields[i].shape; cell != "" && column.seen&kindText == 0 {
				column.seen |= cellKind(cell)
			}
		}
		return nil
	})
}

// each calls do with the fields of every row that is left, until it fails.
func (f *csvFile) each(do func(row []string) error) error {
	for {
		row, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(row); err != nil {
			return err
		}
	}
}
