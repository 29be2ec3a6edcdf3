package host

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Variables of the process record.
const (
	EnvProperties = "MICROMEGAS_PROCESS_PROPERTIES"
	EnvParent     = "MICROMEGAS_TELEMETRY_PARENT_PROCESS"
)

// Options of [Describe]. The zero value works.
type Options struct {
	ID         telemetry.ProcessID // zero: a new one
	Properties map[string]string   // win over those of the environment and of the machine
	NoDefaults bool                // no properties of machine, build and container
	NoParent   bool                // neither read nor write the parent's variable

	Getenv func(string) string            // nil: no environment
	Setenv func(name, value string) error // nil: children are not told who their parent is
}

// Describe is the record of this process, but for its clock: TSCFrequency, StartTime and StartTicks are the caller's.
// The error names every variable and property that is wrong; the record is good without them.
func Describe(o Options) (telemetry.Process, error) {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	m := describeMachine()
	p := telemetry.Process{
		ID: o.ID, Exe: executable(), Computer: computer(),
		Distro: m.distro, CPUBrand: m.cpuBrand, Properties: map[string]string{},
	}
	if p.ID.IsZero() {
		p.ID = telemetry.ProcessID(uuid.New())
	}
	p.Username, p.Realname = person(o.Getenv)
	for _, text := range []*string{&p.Exe, &p.Username, &p.Realname, &p.Computer, &p.Distro, &p.CPUBrand} {
		*text = shortText(*text)
	}

	var errs []error
	errs = append(errs, add(p.Properties, o.Properties, "property"))
	fromEnv, err := parseProperties(o.Getenv(EnvProperties))
	errs = append(errs, err, add(p.Properties, fromEnv, EnvProperties))
	if !o.NoDefaults {
		defaults := m.properties()
		maps.Copy(defaults, map[string]string{
			"exe": p.Exe, "username": p.Username, "realname": p.Realname, "computer": p.Computer, "distro": p.Distro, "cpu_brand": p.CPUBrand,
		})
		defaults["pid"] = strconv.Itoa(os.Getpid())
		addBuild(defaults)
		addContainer(defaults)
		for k, v := range defaults {
			if _, ok := p.Properties[k]; !ok && v != "" {
				p.Properties[k] = cleanText(v)
			}
		}
	}
	if !o.NoParent {
		errs = append(errs, inherit(&p, o))
	}
	return p, errors.Join(errs...)
}

// inherit reads who the parent is, and tells children that it is us.
func inherit(p *telemetry.Process, o Options) error {
	var errs []error
	if text := strings.TrimSpace(o.Getenv(EnvParent)); text != "" {
		id, err := telemetry.ParseProcessID(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", EnvParent, err))
		}
		p.Parent = id
	}
	if o.Setenv != nil {
		if err := o.Setenv(EnvParent, p.ID.String()); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", EnvParent, err))
		}
	}
	return errors.Join(errs...)
}

// machine is what does not change while a program runs.
type machine struct {
	distro, cpuBrand string
	physicalCores    int    // 0: not known
	totalMemory      uint64 // bytes; 0: not known
}

// unknownMachine is what the Go runtime knows.
func unknownMachine() machine { return machine{distro: runtime.GOOS, cpuBrand: runtime.GOARCH} }

func (m machine) properties() map[string]string {
	p := map[string]string{"logical_cpu_count": strconv.Itoa(runtime.NumCPU())}
	if m.physicalCores > 0 {
		p["physical_core_count"] = strconv.Itoa(m.physicalCores)
	}
	if m.totalMemory > 0 {
		p["total_memory"] = strconv.FormatUint(m.totalMemory, 10)
	}
	return p
}

func executable() string {
	if exe, err := os.Executable(); err == nil {
		return exe
	}
	if len(os.Args) > 0 {
		return os.Args[0]
	}
	return ""
}

func computer() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// person is who runs the program: name of the account, and of the person where it is known.
func person(getenv func(string) string) (username, realname string) {
	if u, err := user.Current(); err == nil {
		return u.Username, u.Name
	}
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if u := getenv(name); u != "" {
			return u, ""
		}
	}
	return "", ""
}

// maxShortText is the number of characters that servers keep of the six texts about a process.
const maxShortText = 255

func shortText(s string) string {
	s = cleanText(s)
	if utf8.RuneCountInString(s) > maxShortText {
		s = string([]rune(s)[:maxShortText])
	}
	return s
}

// cleanText makes a text that every server takes: valid UTF-8 without NUL.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
