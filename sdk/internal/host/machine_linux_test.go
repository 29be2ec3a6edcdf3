package host

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func TestReadMachine(t *testing.T) {
	m := readMachine(files(
		"etc/os-release", "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
		"proc/cpuinfo", "physical id : 0\ncore id : 0\nmodel name\t: AMD EPYC\n\nphysical id : 0\ncore id : 0\n\nphysical id : 1\ncore id : 0\n",
		"proc/meminfo", "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:   400 kB\n",
	))
	if m != (machine{distro: "Debian GNU/Linux 12", cpuBrand: "AMD EPYC", physicalCores: 2, totalMemory: 1000 * 1024}) {
		t.Errorf("readMachine = %+v", m)
	}
	if m := readMachine(files()); m != unknownMachine() {
		t.Errorf("of an empty machine: %+v", m)
	}
}

func TestReadProc(t *testing.T) {
	root := files(
		"proc/meminfo", "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:   400 kB\n",
		"proc/stat", "cpu  10 0 20 60 10 0 0 0 5 5\ncpu0 1 2 3\n", "proc/self/statm", "30 10 1 1 0 2 0\n",
	)
	page := uint64(os.Getpagesize())
	if m, ok := readMeminfo(root); !ok || m != (memory{1000 * 1024, 100 * 1024, 600 * 1024}) {
		t.Errorf("readMeminfo = %+v", m)
	}
	if c, ok := readStat(root); !ok || c != (cpuTimes{100, 70}) {
		t.Errorf("readStat = %+v", c)
	}
	if p, ok := readStatm(root); !ok || p != (processMemory{10 * page, 30 * page}) {
		t.Errorf("readStatm = %+v", p)
	}
	for _, bad := range []fstest.MapFS{
		files(),
		files("proc/meminfo", "MemTotal: 1 kB\nMemAvailable: 2 kB\n", "proc/stat", "cpu a b c d e f g h\n", "proc/self/statm", "1 x\n"),
		files("proc/meminfo", "", "proc/stat", "intr 1\n", "proc/self/statm", "1"),
	} {
		_, a := readMeminfo(bad)
		_, b := readStat(bad)
		_, c := readStatm(bad)
		if a || b || c {
			t.Errorf("%v: read %v, %v, %v", bad, a, b, c)
		}
	}
}

func TestReadContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct {
		root fstest.MapFS
		want container
	}{
		"none":      {files("proc/self/cgroup", "0::/user.slice\n"), container{}},
		"docker v1": {files("proc/self/cgroup", "12:cpu:/docker/"+id+"\n", "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"), container{id: id}},
		"kubernetes": {files("proc/self/cgroup", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-"+id+".scope\n",
			"sys/fs/cgroup/memory.max", "1073741824\n", "sys/fs/cgroup/cpu.max", "150000 100000\n"), container{id, 1 << 30, 1.5}},
		"v2 namespace": {files("proc/self/cgroup", "0::/\n", "sys/fs/cgroup/memory.max", "max\n", "sys/fs/cgroup/cpu.max", "max 100000\n",
			"proc/self/mountinfo", "1 2 0:1 / / rw - overlay overlay lowerdir=/x/"+strings.Repeat("f", 64)+"\n608 594 254:1 /docker/containers/"+id+"/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"), container{id: id}},
	} {
		if got := readContainer(c.root); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
