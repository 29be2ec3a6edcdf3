package duck

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// macros are functions of the dialect that the engine can express itself; one statement a line group, ended by ";".
//
//go:embed macros.sql
var macros string

// definition is a function of ours, with all its overloads.
type definition struct {
	name  string // lower case
	macro string // the statement that makes it, or "" for those in Go
	in    []int  // places in scalars
	calls []int  // of definitions that its macro mentions
}

// definitions are the functions of ours that an instance gets when a statement mentions them: to make all of them takes as
// long as to open the database. A mention is the name anywhere in the text, which no call can do without; operators and
// what else the engine's syntax calls without naming it is made in every instance, see always.
var definitions = sync.OnceValue(func() []definition {
	var all []definition
	place := map[string]int{}
	for i, s := range scalars {
		at, known := place[s.name]
		if !known {
			at = len(all)
			place[s.name] = at
			all = append(all, definition{name: s.name})
		}
		all[at].in = append(all[at].in, i)
	}
	name := regexp.MustCompile(`^CREATE MACRO (\w+)`)
	for statement := range strings.SplitSeq(macros, ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			all = append(all, definition{name: name.FindStringSubmatch(statement)[1], macro: statement})
		}
	}
	for i := range all {
		all[i].calls = mentioned(all, all[i].macro)
	}
	return all
})

// spelled are further texts that lead to functions: syntax, and macros of the engine's own.
var spelled = map[string][]string{
	"timezone":        {"zone"}, // AT TIME ZONE
	"generate_series": {"generate_subscripts", "histogram_values"},
}

// mentioned returns the places of those of all whose names are in sql.
func mentioned(all []definition, sql string) (at []int) {
	sql = strings.ToLower(sql)
	for i := range all {
		if strings.Contains(sql, all[i].name) || slices.ContainsFunc(spelled[all[i].name], func(s string) bool { return strings.Contains(sql, s) }) {
			at = append(at, i)
		}
	}
	return at
}

// always reports whether the function is one of those that statements call without writing its name: operators, to which the
// engine's own macros may lead.
func (d *definition) always() bool { return strings.Trim(d.name, "/%^-+*|&<>=~!") == "" }

// defineAlways makes the functions that every instance has.
func (i *instance) defineAlways(ctx context.Context) error {
	i.defined = make([]bool, len(definitions()))
	for at, d := range definitions() {
		if d.always() {
			if err := i.define(ctx, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// need makes the functions of ours that sql mentions, and those that they call. What the engine's parser read last may have
// left a transaction open, and with it would go what is registered; so it comes behind a statement of ours.
func (i *instance) need(ctx context.Context, sql string) error {
	missing := slices.DeleteFunc(mentioned(definitions(), sql), func(at int) bool { return i.defined[at] })
	if len(missing) == 0 {
		return nil
	}
	if err := i.exec(ctx, "SELECT 0"); err != nil {
		return err
	}
	for _, at := range missing {
		if err := i.define(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// define makes a function, after those that it calls.
func (i *instance) define(ctx context.Context, at int) error {
	if i.defined[at] {
		return nil
	}
	i.defined[at] = true
	d := &definitions()[at]
	for _, called := range d.calls {
		if err := i.define(ctx, called); err != nil {
			return err
		}
	}
	for _, s := range d.in {
		if err := registerScalar(i.conn, s); err != nil {
			return fmt.Errorf("duckdb: function %s: %w", d.name, err)
		}
	}
	if d.macro != "" {
		if err := i.exec(ctx, d.macro); err != nil {
			return fmt.Errorf("duckdb: %s: %w", d.macro, err)
		}
	}
	return nil
}

// everything makes all functions of ours.
func (i *instance) everything(ctx context.Context) error {
	for at := range definitions() {
		if err := i.define(ctx, at); err != nil {
			return err
		}
	}
	return nil
}
