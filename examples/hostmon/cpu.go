package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

var cpuUsage = metric("cpu_usage", "percent")

// cpuTimes are in the kernel's ticks since the machine started, over all processors.
type cpuTimes struct{ total, idle uint64 }

// readCPU measures how busy the processors were since the last sample. See proc_stat(5).
func (s *sampler) readCPU() error {
	now, err := readCPUTimes(s.root)
	if err != nil {
		return err
	}
	before := s.cpu
	s.cpu = now
	if before.total == 0 || now.total <= before.total || now.idle < before.idle {
		return nil
	}
	idle := float64(now.idle-before.idle) / float64(now.total-before.total)
	s.latest.cpuPercent = max(0, 100*(1-idle))
	s.recorder.float(&cpuUsage, s.latest.cpuPercent)
	return nil
}

func readCPUTimes(root rootFS) (cpuTimes, error) {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return cpuTimes{}, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	// cpu user nice system idle iowait irq softirq steal; guest times follow and are part of user and nice.
	const first, idle, iowait, last = 1, 4, 5, 8
	if len(fields) <= iowait || fields[0] != "cpu" {
		return cpuTimes{}, fmt.Errorf("proc/stat begins with %.40q", line)
	}
	var t cpuTimes
	for i := first; i < len(fields) && i <= last; i++ {
		n, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			return cpuTimes{}, fmt.Errorf("proc/stat: %w", err)
		}
		t.total += n
		if i == idle || i == iowait {
			t.idle += n
		}
	}
	return t, nil
}
