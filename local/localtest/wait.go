package localtest

import (
	"testing"
	"time"
)

// Eventually waits until ok is true, and ends the test when that takes more than a minute.
func Eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not reached in time: %s", what)
		}
	}
}
