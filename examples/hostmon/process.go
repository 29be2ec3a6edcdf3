package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// rootFS is the file system of the machine, from its root.
type rootFS = fs.FS

// describe is this run of the program, as far as the machine tells.
func describe(c clock, parent telemetry.ProcessID, root rootFS) telemetry.Process {
	p := telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), Parent: parent,
		Distro: runtime.GOOS, CPUBrand: runtime.GOARCH,
		TSCFrequency: ticksPerSecond, StartTime: c.startTime(), StartTicks: 0,
		Properties: map[string]string{
			"go_version": runtime.Version(), "logical_cpu_count": strconv.Itoa(runtime.NumCPU()), "pid": strconv.Itoa(os.Getpid()),
		},
	}
	if exe, err := os.Executable(); err == nil {
		p.Exe = filepath.Base(exe)
	}
	if u, err := user.Current(); err == nil {
		p.Username, p.Realname = u.Username, u.Name
	}
	if host, err := os.Hostname(); err == nil {
		p.Computer = host
	}
	if name := valueOf(root, "etc/os-release", "PRETTY_NAME", "="); name != "" {
		p.Distro = name
	}
	if brand := valueOf(root, "proc/cpuinfo", "model name", ":"); brand != "" {
		p.CPUBrand = brand
	}
	return p
}

// valueOf returns the value of the first line that reads key, separator, value; or "".
func valueOf(root rootFS, file, key, separator string) string {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return ""
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), separator)
		if ok && strings.TrimSpace(name) == key {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
