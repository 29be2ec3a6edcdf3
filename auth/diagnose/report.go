package diagnose

import (
	"fmt"
	"io"
	"strings"
)

// Status is the result of a check.
type Status string

// The results.
const (
	OK      Status = "ok"
	Note    Status = "note"    // worth knowing
	Warning Status = "warning" // works, and is probably not meant
	Problem Status = "problem" // does not work
	Skipped Status = "skipped" // was not checked
)

// Report is what [Run] found.
type Report struct {
	Healthy  bool      `json:"healthy"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Sections []Section `json:"sections"`
	Token    *Token    `json:"token,omitempty"`
}

// Section is one thing that was looked at.
type Section struct {
	Title  string  `json:"title"`
	Checks []Check `json:"checks"`
}

// Check is one result.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

func (s *Section) add(status Status, name, fix, format string, args ...any) {
	s.Checks = append(s.Checks, Check{Name: name, Status: status, Detail: fmt.Sprintf(format, args...), Fix: fix})
}

// count fills in the totals.
func (r *Report) count() {
	r.Problems, r.Warnings = 0, 0
	tally := func(s Status) {
		switch s {
		case Problem:
			r.Problems++
		case Warning:
			r.Warnings++
		case OK, Note, Skipped:
		}
	}
	for _, s := range r.Sections {
		for _, c := range s.Checks {
			tally(c.Status)
		}
	}
	if t := r.Token; t != nil {
		tally(t.Status)
	}
	r.Healthy = r.Problems == 0
}

// WriteText prints r for people.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "%s\n", s.Title)
		for _, c := range s.Checks {
			line(&b, string(c.Status), c.Name, c.Detail, c.Fix)
		}
		b.WriteByte('\n')
	}
	if r.Token != nil {
		r.Token.text(&b)
	}
	switch {
	case r.Problems > 0:
		fmt.Fprintf(&b, "%s, %s\n", plural(r.Problems, "problem"), plural(r.Warnings, "warning"))
	case r.Warnings > 0:
		fmt.Fprintf(&b, "healthy, %s\n", plural(r.Warnings, "warning"))
	default:
		b.WriteString("healthy\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(b *strings.Builder, status, name, detail, fix string) {
	const indent = "                            "
	fmt.Fprintf(b, "  %-8s  %-14s  %s\n", status, name, strings.ReplaceAll(detail, "\n", "\n"+indent))
	if fix != "" {
		fmt.Fprintf(b, "%s→ %s\n", indent, strings.ReplaceAll(fix, "\n", "\n"+indent+"  "))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Prepend puts s in front of the sections.
func (r *Report) Prepend(s Section) {
	r.Sections = append([]Section{s}, r.Sections...)
	r.count()
}
