package reports

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestManyProbesCostOneCheck: all who ask at the same time are told the result of one run of the checks.
func TestManyProbesCostOneCheck(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	begun, finish := make(chan struct{}), make(chan struct{})
	start := time.Now()
	r := readiness{checks: []Check{{Name: "slow", Check: func(context.Context) error {
		if runs.Add(1) == 1 {
			close(begun)
		}
		<-finish
		return nil
	}}}}
	var probes sync.WaitGroup
	probe := func() {
		if body := r.ask(); !body.Ready || body.Checks["slow"] != checkOK {
			t.Errorf("%+v", body)
		}
	}
	probes.Go(probe)
	<-begun
	for range 100 {
		probes.Go(probe)
	}
	close(finish)
	probes.Wait()
	probe()
	if n, most := runs.Load(), 1+int64(time.Since(start)/readyFresh); n > most {
		t.Errorf("the check ran %d times for 102 probes, %d is what the time allows", n, most)
	}
}
