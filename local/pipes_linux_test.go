//go:build linux && !noengine

package local

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestNobodyWaitsAtADescriptor: what the engine holds can be opened by its path, where it is no socket.
func TestNobodyWaitsAtADescriptor(t *testing.T) {
	t.Parallel()
	if err := confinable(); err != nil {
		t.Skip(err)
	}
	e := sharedEngine(t)
	folder := fmt.Sprintf("/proc/%d/fd", e.PID())
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		what, err := os.Readlink(folder + "/" + entry.Name())
		if err != nil {
			continue // closed by now
		}
		if strings.HasPrefix(what, "pipe:") {
			t.Errorf("descriptor %s is %s", entry.Name(), what)
		}
		began := time.Now()
		err = answer(t, e.AnalystDSN(), "SELECT length(file('/proc/self/fd/"+entry.Name()+"'))")
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("reading %s, %s, took %s: %v", entry.Name(), what, took, err)
		}
	}
}
