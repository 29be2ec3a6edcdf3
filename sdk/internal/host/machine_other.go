//go:build !linux && !darwin && !windows

package host

import "io/fs"

func machineFS() fs.FS { return nil }

func describeMachine() machine { return unknownMachine() }

func readMemory() (memory, bool) { return memory{}, false }

func readCPU() (cpuTimes, bool) { return cpuTimes{}, false }

func readProcess() (processMemory, bool) { return processMemory{}, false }
