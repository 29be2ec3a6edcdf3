// Package server is what the programs share: one configuration from flags and environment, one opened lake, one
// authentication, and the life of the servers on top, from the first port to the last flush.
//
// A program is a [Program] with its [Role]s; packages ingestion and analytics hold them, so that a program without
// queries doesn't link the query engine. [Run] reads as the architecture.
package server
