package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/micromegas-go/micromegas/internal/server"
)

// printFlags lists fs as servers list theirs.
func printFlags(w io.Writer, fs *flag.FlagSet) {
	fs.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		if arg != "" {
			arg = " <" + arg + ">"
		}
		fmt.Fprintf(w, "  --%s%s\n        %s", f.Name, arg, usage)
		switch f.DefValue {
		case "", "false":
		default:
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
}

// flagError says what package flag found wrong, without the value: that may be a secret that was given in the wrong place.
func flagError(fs *flag.FlagSet, err error) error {
	text := err.Error()
	nameAfter := func(mark string) (string, bool) {
		_, rest, ok := strings.Cut(text, mark)
		rest, _, _ = strings.Cut(rest, ":")
		rest, _, _ = strings.Cut(rest, "=")
		return strings.TrimLeft(rest, "-"), ok
	}
	if name, ok := nameAfter("not defined: "); ok {
		return server.UnknownFlag(fs, name)
	}
	if name, ok := nameAfter("needs an argument: "); ok {
		return fmt.Errorf("--%.64s needs a value", name)
	}
	_, text, _ = strings.Cut(text, `" for `)
	text = strings.TrimPrefix(text, "flag ")
	if name, ok := nameAfter("-"); ok {
		return fmt.Errorf("the value of --%.64s is wrong", name)
	}
	return errors.New("the flags cannot be read")
}
