// Package auth measures what authentication costs, each time as a ratio to something that cannot be avoided, in the same
// run and in turn with it, so that a busy machine disturbs both alike:
//
//	go test -run '^$' -bench . -benchtime 300x ./bench/auth
//
// Of the batches that were run the fastest counts. The promises: a token seen before or a key is accepted within 0.3 µs,
// without allocating, and so for less than 1 % of an insert_block request; the first time a token costs little more than
// its signature; ten thousand keys cost as much as one; eight goroutines do not get in each other's way.
//
// What came out on two cores of an AMD EPYC that had other work too (for a token of some 750 bytes and a key of 47):
//
//	token seen before     306 ns, 0.56 of reading the clock and an HMAC-SHA256 of the token, 0 allocations
//	key                   110 ns, 0.67 of the same, 0 allocations; with 10,000 keys 1.03 of that with one
//	eight goroutines      0.57 of one after the other for tokens, 0.77 for keys; two cores cannot do better than 0.5
//	first RS256           1.17 of verifying the bare signature
//	share of a request    0.006 for a token, 0.002 for a key; with all that the door does besides 0.019 and 0.015
package auth
