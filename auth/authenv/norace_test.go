//go:build !race

package authenv_test

const raceEnabled = false
