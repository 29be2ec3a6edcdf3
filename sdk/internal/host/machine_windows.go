package host

import (
	"io/fs"
	"syscall"
	"unsafe"
)

func machineFS() fs.FS { return nil }

func describeMachine() machine {
	m := unknownMachine()
	if name := registryText(`SOFTWARE\Microsoft\Windows NT\CurrentVersion`, "ProductName"); name != "" {
		m.distro = name
		if display := registryText(`SOFTWARE\Microsoft\Windows NT\CurrentVersion`, "DisplayVersion"); display != "" {
			m.distro += " " + display
		}
	}
	if brand := registryText(`HARDWARE\DESCRIPTION\System\CentralProcessor\0`, "ProcessorNameString"); brand != "" {
		m.cpuBrand = brand
	}
	if mem, ok := readMemory(); ok {
		m.totalMemory = mem.total
	}
	return m
}

// registryText reads a text below HKEY_LOCAL_MACHINE; "" when there is none.
func registryText(path, name string) string {
	p, err1 := syscall.UTF16PtrFromString(path)
	n, err2 := syscall.UTF16PtrFromString(name)
	if err1 != nil || err2 != nil {
		return ""
	}
	var key syscall.Handle
	if syscall.RegOpenKeyEx(syscall.HKEY_LOCAL_MACHINE, p, 0, syscall.KEY_READ, &key) != nil {
		return ""
	}
	defer func() { _ = syscall.RegCloseKey(key) }()
	var buf [512]uint16
	size, kind := uint32(len(buf)*2), uint32(0)
	if syscall.RegQueryValueEx(key, n, nil, &kind, (*byte)(unsafe.Pointer(&buf[0])), &size) != nil || kind != syscall.REG_SZ {
		return ""
	}
	return syscall.UTF16ToString(buf[:size/2])
}

var (
	kernel32             = syscall.NewLazyDLL("kernel32.dll")
	globalMemoryStatusEx = kernel32.NewProc("GlobalMemoryStatusEx")
	getSystemTimes       = kernel32.NewProc("GetSystemTimes")
	getProcessMemoryInfo = kernel32.NewProc("K32GetProcessMemoryInfo")
)

// memoryStatusEx is MEMORYSTATUSEX.
type memoryStatusEx struct {
	length, load                                       uint32
	totalPhys, availPhys, totalPageFile, availPageFile uint64
	totalVirtual, availVirtual, availExtendedVirtual   uint64
}

func readMemory() (memory, bool) {
	m := memoryStatusEx{}
	m.length = uint32(unsafe.Sizeof(m))
	if ok, _, _ := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&m))); ok == 0 || m.availPhys > m.totalPhys {
		return memory{}, false
	}
	return memory{total: m.totalPhys, free: m.availPhys, used: m.totalPhys - m.availPhys}, true
}

// readCPU reads the processors' time in units of 100 ns; kernel time contains idle time.
func readCPU() (cpuTimes, bool) {
	var idle, kernel, user syscall.Filetime
	ok, _, _ := getSystemTimes.Call(uintptr(unsafe.Pointer(&idle)), uintptr(unsafe.Pointer(&kernel)), uintptr(unsafe.Pointer(&user)))
	if ok == 0 {
		return cpuTimes{}, false
	}
	return cpuTimes{total: units(kernel) + units(user), idle: units(idle)}, true
}

func units(t syscall.Filetime) uint64 { return uint64(t.HighDateTime)<<32 | uint64(t.LowDateTime) }

// processMemoryCounters is PROCESS_MEMORY_COUNTERS.
type processMemoryCounters struct {
	size, pageFaults                                                 uint32
	peakWorkingSet, workingSet                                       uintptr
	quotaPeakPagedPool, quotaPagedPool                               uintptr
	quotaPeakNonPagedPool, quotaNonPagedPool, pagefile, peakPagefile uintptr
}

func readProcess() (processMemory, bool) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return processMemory{}, false
	}
	c := processMemoryCounters{}
	c.size = uint32(unsafe.Sizeof(c))
	if ok, _, _ := getProcessMemoryInfo.Call(uintptr(self), uintptr(unsafe.Pointer(&c)), uintptr(c.size)); ok == 0 {
		return processMemory{}, false
	}
	return processMemory{resident: uint64(c.workingSet), virtual: uint64(c.pagefile)}, true
}
