package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

var keysHash = keysCommand{
	name: "hash", args: "", summary: `print the "sha256" of a key read from stdin, for ` + auth.EnvAPIKeys + " without secrets", noCatalog: true,
	setup: func(f *keysFlags) {
		f.StringVar(&f.file, "file", "", "`path` of a file with the key, instead of stdin")
	},
	run: func(_ context.Context, r *keysRun) error {
		if len(r.args) > 0 {
			return usageError{errors.New("takes no arguments: a key among them would be seen by everybody on this machine")}
		}
		key, err := r.readKey()
		if err != nil {
			return err
		}
		if r.json {
			return r.print(map[string]string{"sha256": auth.HashKey(key)})
		}
		_, err = fmt.Fprintln(r.stdout, auth.HashKey(key))
		return err
	},
}

// readKey reads a key from the file or from stdin, never from an argument, which everybody on the machine can see. The line
// break at its end does not belong to it.
func (r *keysRun) readKey() (auth.Secret, error) {
	in := r.stdin
	if r.file != "" {
		f, err := os.Open(r.file)
		if err != nil {
			return "", fmt.Errorf("--file: %w", err)
		}
		defer f.Close()
		in = f
	}
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return "", fmt.Errorf("read the key: %w", err)
	}
	key := strings.TrimRight(string(text), "\r\n")
	switch {
	case key == "":
		return "", errors.New("there is no key on stdin")
	case strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "", errors.New("the key has a blank, a line break or another character that cannot be sent in a header")
	}
	return auth.Secret(key), nil
}
