package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

var (
	totalMemory     = metric("total_memory", "bytes")
	usedMemory      = metric("used_memory", "bytes")
	freeMemory      = metric("free_memory", "bytes")
	availableMemory = metric("available_memory", "bytes")
)

// readMemory measures memory. Used is what isn't available: caches that can be dropped count as available.
// See proc_meminfo(5).
func (s *sampler) readMemory() error {
	text, err := fs.ReadFile(s.root, "proc/meminfo")
	if err != nil {
		return err
	}
	kib := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
			kib[name] = n
		}
	}
	total, available := kib["MemTotal"], kib["MemAvailable"]
	if total == 0 || available > total {
		return fmt.Errorf("proc/meminfo: MemTotal is %d and MemAvailable %d", total, available)
	}
	const bytes = 1024
	s.recorder.integer(&totalMemory, total*bytes)
	s.recorder.integer(&usedMemory, (total-available)*bytes)
	s.recorder.integer(&freeMemory, kib["MemFree"]*bytes)
	s.recorder.integer(&availableMemory, available*bytes)
	s.latest.memoryPercent = 100 * float64(total-available) / float64(total)
	return nil
}
