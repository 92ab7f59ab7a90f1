//go:build race

package processors

import goflag "flag"

// Under the race detector the property tests are five times slower and find nothing more: they draw fewer cases then, unless
// -rapid.checks says otherwise.
func init() { //nolint:gochecknoinits // the flag must stand before the command line is read
	if err := goflag.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
}
