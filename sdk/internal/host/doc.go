// Package host says where a program runs: the record of its process, and measurements of machine, process and Go runtime
// while it runs. On Linux it reads /proc, /sys/fs/cgroup and /etc/os-release, on macOS sysctl, on Windows the registry and
// kernel32; elsewhere only what the Go runtime knows. Nothing needs cgo, and what a system does not tell is left out.
package host
