//go:build race

package authenv_test

const raceEnabled = true
