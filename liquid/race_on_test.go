//go:build race

package liquid_test

// slower and wider are how much more time and memory things may take under the race detector.
const (
	slower = 6
	wider  = 2
)
