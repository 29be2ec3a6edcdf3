// Package telemetry is the domain: processes, their streams, the streams' blocks, ids, ticks and time.
//
// A process is one run of an instrumented program. It owns streams; a stream is an ordered sequence of blocks of one
// kind (log, metrics, cpu, …). A block is a batch of events that arrives, is stored and becomes readable as a whole.
//
// The package does no I/O and imports nothing of this module, so that a program that instruments itself pulls in
// nothing else.
package telemetry
