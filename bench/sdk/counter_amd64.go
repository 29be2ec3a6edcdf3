package main

// counter is the bare clock: the time-stamp counter.
func counter() uint64
