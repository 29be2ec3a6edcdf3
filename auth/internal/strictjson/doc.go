// Package strictjson reads JSON of which nothing may be read in two ways: token headers, claims and configuration.
//
// Beyond RFC 8259 it refuses duplicate member names (which of them counts depends on the reader: RFC 8725 section 2.4,
// B6), invalid UTF-8, anything after the value, and deep nesting. Names are compared exactly, unlike encoding/json, for
// which "ALG" is "alg".
package strictjson
