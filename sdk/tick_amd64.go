package sdk

import (
	"os"
	"runtime"
	"strings"
)

// counter reads the processor's time-stamp counter.
func counter() uint64

func cpuid(leaf uint32) (eax, edx uint32)

// counterUsable reports whether the counter runs at one rate, in step on all cores, whatever the processor saves.
// Intel SDM 17.17.1 and AMD APM 3, CPUID Fn8000_0007_EDX[8]: invariant TSC. Linux watches it besides and takes it off
// its list of clocks when it has caught it going wrong.
func counterUsable() bool {
	const (
		extended  = 0x8000_0000
		power     = 0x8000_0007
		invariant = 1 << 8
	)
	if highest, _ := cpuid(extended); highest < power {
		return false
	}
	if _, edx := cpuid(power); edx&invariant == 0 {
		return false
	}
	if runtime.GOOS != "linux" {
		return true
	}
	clocks, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/available_clocksource")
	return err != nil || strings.Contains(string(clocks), "tsc") // without the file nobody says that it is wrong
}
