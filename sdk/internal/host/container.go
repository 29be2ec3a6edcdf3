package host

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// container is what cgroups and mounts tell about the container that a program runs in.
type container struct {
	id          string
	memoryLimit uint64  // bytes; 0: none
	cpuLimit    float64 // processors; 0: none
}

func addContainer(p map[string]string) {
	root := machineFS()
	if root == nil {
		return
	}
	c := readContainer(root)
	if c.id != "" {
		p["container_id"] = c.id
	}
	if c.memoryLimit > 0 {
		p["container_memory_limit"] = strconv.FormatUint(c.memoryLimit, 10)
	}
	if c.cpuLimit > 0 {
		p["container_cpu_limit"] = strconv.FormatFloat(c.cpuLimit, 'g', -1, 64)
	}
}

// containerID is how Docker, containerd, CRI-O and podman name containers.
var containerID = regexp.MustCompile(`(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:$|/)`)

func readContainer(root fs.FS) container {
	return container{id: findContainerID(root), memoryLimit: readMemoryLimit(root), cpuLimit: readCPULimit(root)}
}

// findContainerID looks at the program's control group, and, where cgroup namespaces hide it, at files that the container
// engine mounts from a folder of the container.
func findContainerID(root fs.FS) string {
	for line := range lines(root, "proc/self/cgroup") {
		if m := containerID.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	for line := range lines(root, "proc/self/mountinfo") {
		fields := strings.Fields(line)
		const source, target = 3, 4 // proc_pid_mountinfo(5)
		if len(fields) <= target || !strings.HasPrefix(fields[target], "/etc/") {
			continue
		}
		if m := containerID.FindStringSubmatch(fields[source]); m != nil {
			return m[1]
		}
	}
	return ""
}

// readMemoryLimit reads cgroup v2, then v1, which spells "none" as a huge number.
func readMemoryLimit(root fs.FS) uint64 {
	const none = 1 << 60
	for _, file := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if n, err := strconv.ParseUint(word(root, file), 10, 64); err == nil && n < none {
			return n
		}
	}
	return 0
}

// readCPULimit reads cgroup v2 ("quota period", in microseconds), then v1.
func readCPULimit(root fs.FS) float64 {
	var quota, period string
	if fields := strings.Fields(word(root, "sys/fs/cgroup/cpu.max")); len(fields) > 1 {
		quota, period = fields[0], fields[1]
	} else {
		quota, period = word(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us"), word(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us")
	}
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}

// word is a file's content without the white space around it; "" when it can't be read.
func word(root fs.FS, file string) string {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// lines yields a file's lines; none when it can't be read.
func lines(root fs.FS, file string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(word(root, file)) {
			if !yield(strings.TrimRight(line, "\n")) {
				return
			}
		}
	}
}

// readContainerMemory is what the program's control group uses, where it is limited or a namespace of its own: elsewhere
// the file belongs to the whole machine, or is not there.
func readContainerMemory() (uint64, bool) {
	root := machineFS()
	if root == nil {
		return 0, false
	}
	for _, file := range []string{"sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory/memory.usage_in_bytes"} {
		if n, err := strconv.ParseUint(word(root, file), 10, 64); err == nil {
			return n, true
		}
	}
	return 0, false
}
