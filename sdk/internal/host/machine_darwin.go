package host

import (
	"encoding/binary"
	"io/fs"
	"syscall"
)

func machineFS() fs.FS { return nil }

func describeMachine() machine {
	m := unknownMachine()
	if version, err := syscall.Sysctl("kern.osproductversion"); err == nil {
		m.distro = "macOS " + version
	}
	if brand, err := syscall.Sysctl("machdep.cpu.brand_string"); err == nil {
		m.cpuBrand = brand
	}
	if n, err := syscall.SysctlUint32("hw.physicalcpu"); err == nil {
		m.physicalCores = int(n)
	}
	m.totalMemory = sysctlUint64("hw.memsize")
	return m
}

// sysctlUint64 reads a number of 64 bits. Sysctl takes it for a text and cuts a NUL at its end.
func sysctlUint64(name string) uint64 {
	text, err := syscall.Sysctl(name)
	var raw [8]byte
	if err != nil || len(text) > len(raw) {
		return 0
	}
	copy(raw[:], text)
	return binary.LittleEndian.Uint64(raw[:])
}

func readMemory() (memory, bool) {
	total := sysctlUint64("hw.memsize")
	page, err1 := syscall.SysctlUint32("vm.pagesize")
	free, err2 := syscall.SysctlUint32("vm.page_free_count")
	if total == 0 || err1 != nil || err2 != nil {
		return memory{}, false
	}
	// Pages that can be given up at once count as available.
	purgeable, _ := syscall.SysctlUint32("vm.page_purgeable_count")
	available := (uint64(free) + uint64(purgeable)) * uint64(page)
	return memory{total: total, free: uint64(free) * uint64(page), used: total - min(available, total)}, true
}

func readCPU() (cpuTimes, bool) { return cpuTimes{}, false } // only Mach calls tell

func readProcess() (processMemory, bool) { return processMemory{}, false }
