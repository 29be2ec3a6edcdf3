// Package jsonb is the binary form of JSON in which tables hold properties.
//
// Numbers in headers are 32 bits, big endian. A document is one of
//
//	array of n      0x80000000 + n, n entry words, then the values
//	object of n     0x40000000 + n, n entry words of the keys, n of the values, the keys, the values;
//	                keys are sorted by their bytes and unique
//	scalar          0x20000000, one entry word, the value
//
// An entry word has a kind in its top four bits and the length of the value in bytes in the other 28:
//
//	0 null, no bytes       3 false, no bytes
//	1 string, UTF-8        4 true, no bytes
//	2 number               5 container: an array or object document
//
// Kind 6 marks extensions (dates, decimals) of other implementations; they are refused. A number is a tag byte and
// its digits, big endian, in the shortest form that holds the value:
//
//	0x00 zero   0x10 NaN   0x20 infinity   0x30 minus infinity
//	0x40 signed, 1, 2, 4 or 8 bytes    0x50 unsigned, 1, 2, 4 or 8 bytes    0x60 IEEE 754 binary64
//
// The object {"name": "value"} is 40000001 10000004 10000005 "name" "value".
package jsonb
