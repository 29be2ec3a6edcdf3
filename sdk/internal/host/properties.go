package host

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/wire"
)

// parseProperties reads k=v,k=v. Blanks around names, values and entries don't count, and empty entries are left out.
func parseProperties(text string) (map[string]string, error) {
	var errs []error
	found := map[string]string{}
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, value, ok := strings.Cut(entry, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s: %q has no =; write name=value,name=value", EnvProperties, entry))
		case name == "":
			errs = append(errs, fmt.Errorf("%s: %q has no name before the =", EnvProperties, entry))
		default:
			if _, twice := found[name]; !twice {
				found[name] = value
			}
		}
	}
	return found, errors.Join(errs...)
}

// add puts properties into dst where the name is still free. source is what they are called in errors.
func add(dst, properties map[string]string, source string) error {
	var errs []error
	for name, value := range properties {
		name, value = cleanText(name), cleanText(value)
		if name == "" || strings.HasPrefix(name, wire.ReservedPrefix) {
			errs = append(errs, fmt.Errorf("%s: the name %q is empty or begins with %q, which only the server may set", source, name, wire.ReservedPrefix))
			continue
		}
		if _, taken := dst[name]; !taken {
			dst[name] = value
		}
	}
	return errors.Join(errs...)
}

// addBuild adds what the build left in the program. Settings that may hold what its owner does not want to see in a table,
// such as -ldflags, are not among them.
func addBuild(p map[string]string) {
	p["go_version"] = runtime.Version()
	p["os"], p["arch"] = runtime.GOOS, runtime.GOARCH
	p["gomaxprocs"] = strconv.Itoa(runtime.GOMAXPROCS(0))
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	p["module"] = b.Main.Path
	p["version"] = b.Main.Version
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision", "vcs.time", "vcs.modified":
			p[strings.ReplaceAll(s.Key, ".", "_")] = s.Value
		case "-race":
			p["build_race"] = s.Value
		}
	}
}
