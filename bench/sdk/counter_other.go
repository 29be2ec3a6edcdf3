//go:build !amd64

package main

import "time"

var origin = time.Now()

// counter is the bare clock.
func counter() uint64 { return uint64(time.Since(origin)) }
