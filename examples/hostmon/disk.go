package main

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/wire"
)

var (
	diskRead  = metric("disk_read", "bytes/s")
	diskWrite = metric("disk_write", "bytes/s")
)

// readDisk measures what whole disks read and wrote since the last sample.
func (s *sampler) readDisk() error {
	now, err := readDisks(s.root)
	if err != nil {
		return err
	}
	s.disks.next(now, func(name string, in, out float64) {
		device := wire.Property{Name: "device", Value: name}
		s.recorder.float(&diskRead, in, device)
		s.recorder.float(&diskWrite, out, device)
	})
	return nil
}

// readDisks reads proc/diskstats; see iostats.rst in the kernel's documentation.
func readDisks(root rootFS) (map[string]counters, error) {
	text, err := fs.ReadFile(root, "proc/diskstats")
	if err != nil {
		return nil, err
	}
	// major minor name reads merged sectors ms writes merged sectors …
	const name, readSectors, writtenSectors, sector = 2, 5, 9, 512
	disks := map[string]counters{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) <= writtenSectors || !wholeDisk(root, f[name]) {
			continue
		}
		in, err1 := strconv.ParseUint(f[readSectors], 10, 64)
		out, err2 := strconv.ParseUint(f[writtenSectors], 10, 64)
		if err1 == nil && err2 == nil {
			disks[f[name]] = counters{in * sector, out * sector}
		}
	}
	return disks, nil
}

// wholeDisk leaves out partitions, which count again what their disk counts, and disks that are files or memory.
func wholeDisk(root rootFS, name string) bool {
	for _, prefix := range []string{"loop", "ram", "zram"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	_, err := fs.Stat(root, "sys/block/"+name)
	return err == nil
}
