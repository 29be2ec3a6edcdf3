package main

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/micromegas-go/micromegas/wire"
)

var (
	networkReceived = metric("network_received", "bytes/s")
	networkSent     = metric("network_sent", "bytes/s")
)

// readNetwork measures what the interfaces received and sent since the last sample.
func (s *sampler) readNetwork() error {
	now, err := readInterfaces(s.root)
	if err != nil {
		return err
	}
	s.nets.next(now, func(name string, in, out float64) {
		device := wire.Property{Name: "interface", Value: name}
		s.recorder.float(&networkReceived, in, device)
		s.recorder.float(&networkSent, out, device)
	})
	return nil
}

// readInterfaces reads proc/net/dev, without the loopback interface; see proc_pid_net(5).
func readInterfaces(root rootFS) (map[string]counters, error) {
	text, err := fs.ReadFile(root, "proc/net/dev")
	if err != nil {
		return nil, err
	}
	const received, sent = 0, 8
	interfaces := map[string]counters{}
	for line := range strings.Lines(string(text)) {
		name, rest, ok := strings.Cut(line, ":")
		f := strings.Fields(rest)
		if name = strings.TrimSpace(name); !ok || name == "lo" || len(f) <= sent {
			continue
		}
		in, err1 := strconv.ParseUint(f[received], 10, 64)
		out, err2 := strconv.ParseUint(f[sent], 10, 64)
		if err1 == nil && err2 == nil {
			interfaces[name] = counters{in, out}
		}
	}
	return interfaces, nil
}
