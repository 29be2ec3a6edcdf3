package host

import (
	"runtime"
	"time"
)

// Emitter records measurements. Names and units are constants.
type Emitter interface {
	Int(name, unit string, v uint64)
	Float(name, unit string, v float64)
}

// memory is the machine's, in bytes.
type memory struct{ total, free, used uint64 }

// cpuTimes are over all processors since the machine started, in any unit.
type cpuTimes struct{ total, idle uint64 }

// processMemory is this process's, in bytes.
type processMemory struct{ resident, virtual uint64 }

// processEvery is how often the process's memory is measured; rarely is how often what does not change is told, so that
// it does not get lost with old data.
const (
	processEvery = 5 * time.Second
	rarely       = 10 * time.Minute
)

// Monitor measures machine, process and Go runtime.
//
//	total_memory                                        bytes    now and then
//	used_memory, free_memory                            bytes    each time
//	cpu_usage                                           percent  each time but the first: all processors of the machine
//	process_cpu_usage                                   percent  each time but the first: 100 is one processor
//	process_resident_bytes, process_virtual_bytes       bytes    every 5 seconds
//	container_memory_bytes                              bytes    every 5 seconds, in a container with its own accounting
//	go_maxprocs                                         none     every 5 seconds
//
// and what runtime.go lists. It is for one goroutine.
type Monitor struct {
	runtime *goRuntime
	now     func() time.Time

	started            bool
	cpu                cpuTimes
	used               time.Duration
	usedAt             time.Time
	processAt, totalAt time.Time
}

// NewMonitor returns a monitor; rates are since then.
func NewMonitor() *Monitor {
	m := &Monitor{runtime: newGoRuntime(), now: time.Now}
	m.cpu, _ = readCPU()
	m.used, _ = readUsed()
	m.usedAt = m.now()
	return m
}

// Sample measures what is due. It should be called about once a second.
func (m *Monitor) Sample(e Emitter) {
	now := m.now()
	m.sampleMachine(e, now)
	m.sampleProcess(e, now)
	m.runtime.sample(e)
	m.started = true
}

func (m *Monitor) sampleMachine(e Emitter, now time.Time) {
	if mem, ok := readMemory(); ok {
		if m.totalAt.IsZero() || now.Sub(m.totalAt) >= rarely {
			m.totalAt = now
			e.Int("total_memory", "bytes", mem.total)
		}
		e.Int("used_memory", "bytes", mem.used)
		e.Int("free_memory", "bytes", mem.free)
	}
	cpu, ok := readCPU()
	before := m.cpu
	m.cpu = cpu
	if ok && before.total > 0 && cpu.total > before.total && cpu.idle >= before.idle {
		const percent = 100
		idle := float64(cpu.idle-before.idle) / float64(cpu.total-before.total)
		e.Float("cpu_usage", "percent", percent*max(0, 1-idle))
	}
}

func (m *Monitor) sampleProcess(e Emitter, now time.Time) {
	if used, ok := readUsed(); ok {
		if wall := now.Sub(m.usedAt); wall > 0 && m.started {
			const percent = 100
			e.Float("process_cpu_usage", "percent", percent*float64(used-m.used)/float64(wall))
		}
		m.used, m.usedAt = used, now
	}
	if !m.processAt.IsZero() && now.Sub(m.processAt) < processEvery {
		return
	}
	m.processAt = now
	if mem, ok := readProcess(); ok {
		e.Int("process_resident_bytes", "bytes", mem.resident)
		e.Int("process_virtual_bytes", "bytes", mem.virtual)
	}
	if n, ok := readContainerMemory(); ok {
		e.Int("container_memory_bytes", "bytes", n)
	}
	e.Int("go_maxprocs", "none", uint64(runtime.GOMAXPROCS(0)))
}
