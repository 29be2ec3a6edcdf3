package host

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// machineFS is the file system of the machine, from its root; nil where it tells nothing.
func machineFS() fs.FS { return os.DirFS("/") }

func describeMachine() machine { return readMachine(machineFS()) }

func readMachine(root fs.FS) machine {
	m := unknownMachine()
	if name := valueOf(root, "etc/os-release", "PRETTY_NAME", "="); name != "" {
		m.distro = name
	}
	if brand := valueOf(root, "proc/cpuinfo", "model name", ":"); brand != "" {
		m.cpuBrand = brand
	}
	m.physicalCores = countCores(root)
	if mem, ok := readMeminfo(root); ok {
		m.totalMemory = mem.total
	}
	return m
}

// valueOf returns the value of the first line that reads key, separator, value; or "".
func valueOf(root fs.FS, file, key, separator string) string {
	for line := range lines(root, file) {
		name, value, ok := strings.Cut(line, separator)
		if ok && strings.TrimSpace(name) == key {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// countCores counts pairs of socket and core, which only some architectures tell.
func countCores(root fs.FS) int {
	cores := map[[2]string]bool{}
	var socket string
	for line := range lines(root, "proc/cpuinfo") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "physical id":
			socket = value
		case "core id":
			cores[[2]string{socket, value}] = true
		}
	}
	return len(cores)
}

// readMeminfo reads memory in bytes. Used is what isn't available: caches that can be dropped count as available. See
// proc_meminfo(5).
func readMeminfo(root fs.FS) (memory, bool) {
	kib := map[string]uint64{}
	for line := range lines(root, "proc/meminfo") {
		name, value, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
			kib[name] = n
		}
	}
	total, available := kib["MemTotal"], kib["MemAvailable"]
	if total == 0 || available > total {
		return memory{}, false
	}
	const kibibyte = 1024
	return memory{total: total * kibibyte, free: kib["MemFree"] * kibibyte, used: (total - available) * kibibyte}, true
}

func readMemory() (memory, bool) { return readMeminfo(machineFS()) }

func readCPU() (cpuTimes, bool) { return readStat(machineFS()) }

// readStat reads the processors' time since the machine started, in the kernel's ticks. See proc_stat(5).
func readStat(root fs.FS) (cpuTimes, bool) {
	for line := range lines(root, "proc/stat") {
		fields := strings.Fields(line)
		// cpu user nice system idle iowait irq softirq steal; guest times follow and are part of user and nice.
		const idle, iowait, last = 4, 5, 8
		if len(fields) <= iowait || fields[0] != "cpu" {
			return cpuTimes{}, false
		}
		var t cpuTimes
		for i := 1; i < len(fields) && i <= last; i++ {
			n, err := strconv.ParseUint(fields[i], 10, 64)
			if err != nil {
				return cpuTimes{}, false
			}
			t.total += n
			if i == idle || i == iowait {
				t.idle += n
			}
		}
		return t, true
	}
	return cpuTimes{}, false
}

func readProcess() (processMemory, bool) { return readStatm(machineFS()) }

// readStatm reads pages. See proc_pid_statm(5).
func readStatm(root fs.FS) (processMemory, bool) {
	fields := strings.Fields(word(root, "proc/self/statm"))
	if len(fields) < 2 {
		return processMemory{}, false
	}
	virtual, err1 := strconv.ParseUint(fields[0], 10, 64)
	resident, err2 := strconv.ParseUint(fields[1], 10, 64)
	if err1 != nil || err2 != nil {
		return processMemory{}, false
	}
	page := uint64(os.Getpagesize())
	return processMemory{resident: resident * page, virtual: virtual * page}, true
}
