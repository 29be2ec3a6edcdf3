package duck

import (
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// host tells how much memory there is and how much of it is in use, by the files of Linux; see proc(5) and the kernel's
// pages on cgroup v1 and v2. On other systems there are no such files, and it knows nothing.
type host struct {
	root fs.FS
}

// reserve is the part of a limit that is not given out.
const reserve = 10 // per cent

// headroom returns how many bytes may still be used before the first limit that applies is near: of the control groups that
// the process is in, of the machine, and own of the process itself, unless that is 0. Negative when one has been reached.
func (h host) headroom(own int64) int64 {
	room := int64(math.MaxInt64)
	within := func(limit, used int64) {
		room = min(room, limit-limit*reserve/100-used)
	}
	if own > 0 {
		if used, ok := h.resident(); ok {
			within(own, used)
		}
	}
	memory := h.table("proc/meminfo")
	if total, available := memory["MemTotal:"]<<10, memory["MemAvailable:"]<<10; total > 0 && available > 0 {
		within(total, total-available)
	}
	for line := range bytes.Lines(h.read("proc/self/cgroup")) {
		// hierarchy:controllers:path; "0::path" is version 2.
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		switch {
		case len(fields) < 3:
		case fields[0] == "0":
			h.group("sys/fs/cgroup", fields[2], "memory.max", []string{"anon", "shmem", "kernel"}, within)
		case strings.Contains(","+fields[1]+",", ",memory,"):
			h.group("sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes", []string{"total_rss", "total_shmem"}, within)
		}
	}
	return room
}

// group looks at a control group and those around it, which bound it, too. What can be taken back, such as pages of files, is not
// counted as used. In a container the path may be that of the host, which is not there.
func (h host) group(mount, name, limitFile string, usedNames []string, within func(limit, used int64)) {
	for dir := path.Clean("/" + name); ; dir = path.Dir(dir) {
		at := path.Join(mount, dir)
		limit, err := strconv.ParseInt(string(bytes.TrimSpace(h.read(path.Join(at, limitFile)))), 10, 64) // "max" is none
		if err == nil && limit > 0 && limit < 1<<60 {
			stat := h.table(path.Join(at, "memory.stat"))
			var used int64
			for _, n := range usedNames {
				used += stat[n]
			}
			within(limit, used)
		}
		if dir == "/" {
			return
		}
	}
}

// resident is what the process has in memory, without pages of files.
func (h host) resident() (int64, bool) {
	status := h.table("proc/self/status")
	anonymous, ok := status["RssAnon:"]
	return (anonymous + status["RssShmem:"]) << 10, ok
}

func (h host) read(name string) []byte {
	b, err := fs.ReadFile(h.root, name)
	if err != nil {
		return nil
	}
	return b
}

// table reads a file of names and numbers, one pair a line.
func (h host) table(name string) map[string]int64 {
	t := map[string]int64{}
	for line := range bytes.Lines(h.read(name)) {
		if f := bytes.Fields(line); len(f) >= 2 {
			if n, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
				t[string(f[0])] = n
			}
		}
	}
	return t
}
