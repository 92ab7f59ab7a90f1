//go:build race

package liquid_test

// slower is how much longer things may take under the race detector.
const slower = 6
