// Package sink delivers what an instrumented program records to an ingestion server.
package sink
