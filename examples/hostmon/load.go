package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/wire"
)

var (
	load1  = metric("load_1m", "none")
	load5  = metric("load_5m", "none")
	load15 = metric("load_15m", "none")
)

// readLoad measures how many tasks run or wait, on average. See proc_loadavg(5).
func (s *sampler) readLoad() error {
	text, err := fs.ReadFile(s.root, "proc/loadavg")
	if err != nil {
		return err
	}
	fields := strings.Fields(string(text))
	for i, m := range []*wire.MetricDesc{&load1, &load5, &load15} {
		if i >= len(fields) {
			return fmt.Errorf("proc/loadavg has %d fields", len(fields))
		}
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("proc/loadavg: %w", err)
		}
		s.recorder.float(m, v)
		if i == 0 {
			s.latest.load = v
		}
	}
	return nil
}
