// Package ingest takes telemetry in over HTTP and hands it to a [Sink].
//
//	POST /ingestion/insert_process   a CBOR map about a process, see wire.DecodeProcess
//	POST /ingestion/insert_stream    a CBOR map about a stream, see wire.DecodeStream
//	POST /ingestion/insert_block     a CBOR map with a block and its payload, see wire.DecodeBlock
//	GET, HEAD /health                200 as long as the process answers; public
//	GET, HEAD /ready                 200 or 503: could something be stored now; public
//
// A query string is ignored, the content type is not looked at, a trailing slash makes another path. A body may be
// compressed with gzip and say so in Content-Encoding.
//
// # Answers
//
//	200  empty: stored, durably; or it was there already
//	400  text: which field is wrong and why; sending it again will not help
//	401  text: no valid credential (from the middleware)
//	404  empty: no such path, with and without credentials
//	405  empty, with Allow
//	413  text: the limit and, when known, the size of the body
//	415  text: a coding other than gzip
//	408  text: the body came too slowly
//	500  text: a request id; the cause is in the log under it
//	503  text, with Retry-After in seconds: the store is out of reach, its queue is full, or the memory for bodies is in use
//
// # Memory
//
// Bodies are held in memory while they are read and stored. All of them together stay within Options.MaxInFlightBytes.
// A request takes its share as its bytes arrive, not as Content-Length promises, so that opening requests costs nobody
// else anything; a request that can't get its share within Options.AdmissionTimeout is answered 503.
//
// # Slow clients
//
// The server sets the limits for headers and idle connections. A body has to arrive at [minBodyRate] on average after
// [bodyGrace]; a slower one is answered 408 and gives its share back.
package ingest
