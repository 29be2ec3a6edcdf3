// Package wire is the native block format: decoding what clients send, encoding what they could send.
package wire
