//go:build !race

package liquid_test

const (
	slower = 1
	wider  = 1
)
