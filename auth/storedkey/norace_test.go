//go:build !race

package storedkey

const raceEnabled = false
