package host

import (
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func getenv(m map[string]string) func(string) string { return func(k string) string { return m[k] } }

func TestDescribe(t *testing.T) {
	parent := telemetry.ProcessID(uuid.New())
	set := map[string]string{}
	p, err := Describe(Options{
		Properties: map[string]string{"version": "1.2.3", "zero": "a\x00b"},
		Getenv:     getenv(map[string]string{EnvParent: " " + parent.String() + " ", EnvProperties: " region = eu=west ,, version=9 ,empty="}),
		Setenv:     func(k, v string) error { set[k] = v; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if p.Exe != exe || p.Parent != parent || p.ID.IsZero() || set[EnvParent] != p.ID.String() || p.Distro == "" || p.CPUBrand == "" || p.Computer == "" {
		t.Errorf("Describe = %+v", p)
	}
	for name, want := range map[string]string{
		"version": "1.2.3", "zero": "ab", "region": "eu=west", "empty": "", "exe": exe, "computer": p.Computer, "distro": p.Distro,
		"cpu_brand": p.CPUBrand, "go_version": runtime.Version(), "os": runtime.GOOS,
	} {
		if got, ok := p.Properties[name]; !ok || got != want {
			t.Errorf("property %s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"logical_cpu_count", "total_memory", "pid", "gomaxprocs"} {
		if p.Properties[name] == "" && (runtime.GOOS == "linux" || name != "total_memory") {
			t.Errorf("no property %s", name)
		}
	}
	if got, err := wire.DecodeProcess(wire.EncodeProcess(p)); err != nil || !maps.Equal(got.Properties, p.Properties) {
		t.Errorf("the server reads %+v, %v", got, err)
	}
}

func TestDescribeLess(t *testing.T) {
	set := false
	id := telemetry.ProcessID(uuid.New())
	p, err := Describe(Options{
		ID: id, NoDefaults: true, NoParent: true, Getenv: getenv(map[string]string{EnvParent: "nonsense"}),
		Setenv: func(string, string) error { set = true; return nil },
	})
	if err != nil || p.ID != id || len(p.Properties) != 0 || !p.Parent.IsZero() || set {
		t.Errorf("Describe = %+v, %v", p, err)
	}
	if p, err := Describe(Options{}); err != nil || len(p.Properties) == 0 {
		t.Errorf("Describe = %+v, %v", p, err)
	}
}

// Everything that is wrong is named at once, and the rest is good.
func TestDescribeErrors(t *testing.T) {
	p, err := Describe(Options{
		Properties: map[string]string{"micromegas.audience": "x", "good": "1"},
		Getenv:     getenv(map[string]string{EnvParent: "nonsense", EnvProperties: "alone,=x,micromegas.y=z,fine=2"}),
		Setenv:     func(string, string) error { return os.ErrPermission },
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`property: the name "micromegas.audience"`, EnvProperties + `: "alone" has no =`, EnvProperties + `: "=x" has no name`,
		EnvProperties + `: the name "micromegas.y"`, EnvParent + `: "nonsense" is not a UUID`, "set " + EnvParent,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	if p.Properties["good"] != "1" || p.Properties["fine"] != "2" {
		t.Errorf("properties = %v", p.Properties)
	}
}

// A140: no secret of the environment becomes a property.
func TestNoSecretsInTheProcessRecord(t *testing.T) {
	p, err := Describe(Options{Getenv: func(name string) string {
		if name == EnvProperties || name == EnvParent {
			return ""
		}
		return "s3cret"
	}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(wire.EncodeProcess(p)), "s3cret") {
		t.Errorf("the record holds a value of the environment: %+v", p)
	}
}

func TestTexts(t *testing.T) {
	for in, want := range map[string]string{
		"a\x00b": "ab", "\xff": "\uFFFD", strings.Repeat("ä", 300): strings.Repeat("ä", 255), "": "",
	} {
		if got := shortText(in); got != want {
			t.Errorf("shortText(%q) = %q", in, got)
		}
	}
}

type emitted struct {
	names []string
	units map[string]string
	ints  map[string]uint64
	float map[string]float64
}

func (e *emitted) Int(name, unit string, v uint64) {
	e.names = append(e.names, name)
	e.units[name], e.ints[name] = unit, v
}

func (e *emitted) Float(name, unit string, v float64) {
	e.names = append(e.names, name)
	e.units[name], e.float[name] = unit, v
}

func sample(m *Monitor) *emitted {
	e := &emitted{units: map[string]string{}, ints: map[string]uint64{}, float: map[string]float64{}}
	m.Sample(e)
	return e
}

func TestMonitor(t *testing.T) {
	m := NewMonitor()
	start := m.now()
	at := start
	m.now = func() time.Time { return at }
	first := sample(m)
	runtime.GC()
	var kept [][]byte
	for range 1000 {
		kept = append(kept, make([]byte, 10_000))
	}
	at = start.Add(time.Second)
	next := sample(m)
	runtime.KeepAlive(kept)

	want := map[string]string{
		"go_heap_bytes": "bytes", "go_heap_goal_bytes": "bytes", "go_memory_bytes": "bytes", "go_stack_bytes": "bytes", "go_goroutines": "none",
		"go_allocated_bytes": "bytes", "go_allocations": "none", "go_gc_cycles": "none", "go_mutex_wait": "ns", "go_gc_pause_max": "ns",
	}
	if runtime.GOOS == "linux" {
		maps.Copy(want, map[string]string{"used_memory": "bytes", "free_memory": "bytes", "process_cpu_usage": "percent"})
	}
	for name, unit := range want {
		if next.units[name] != unit {
			t.Errorf("%s is told in %q, want %q", name, next.units[name], unit)
		}
	}
	if n := next.ints["go_allocated_bytes"]; n < 10_000_000 || n > 1_000_000_000 {
		t.Errorf("go_allocated_bytes = %d", n)
	}
	if n := next.ints["go_gc_cycles"]; n < 1 {
		t.Errorf("go_gc_cycles = %d", n)
	}
	if n := next.ints["go_gc_pause_max"]; n == 0 || n > 10e9 {
		t.Errorf("go_gc_pause_max = %d", n)
	}
	if runtime.GOOS == "linux" {
		for _, name := range []string{"total_memory", "process_resident_bytes", "process_virtual_bytes"} {
			if first.ints[name] == 0 || slices.Contains(next.names, name) {
				t.Errorf("%s is told %v and %v", name, first.ints[name], slices.Contains(next.names, name))
			}
		}
		if first.ints["process_resident_bytes"] > first.ints["process_virtual_bytes"] || next.ints["used_memory"] > first.ints["total_memory"] {
			t.Errorf("first %v, next %v", first.ints, next.ints)
		}
	}
	at = at.Add(5 * time.Second)
	if later := sample(m); runtime.GOOS == "linux" && later.ints["process_resident_bytes"] == 0 {
		t.Error("process_resident_bytes is told once only")
	}
}

func TestQuantile(t *testing.T) {
	d := distribution{counts: []uint64{0, 98, 1, 0, 1}, buckets: []float64{0, 1, 2, 3, 4, math.Inf(1)}, total: 100}
	for q, want := range map[float64]float64{0.5: 2, 0.98: 2, 0.99: 3, 1: 4} {
		if got := d.quantile(q); got != want {
			t.Errorf("quantile(%g) = %g, want %g", q, got, want)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	m := NewMonitor()
	for b.Loop() {
		m.Sample(nothing{})
	}
}

type nothing struct{}

func (nothing) Int(string, string, uint64)    {}
func (nothing) Float(string, string, float64) {}
