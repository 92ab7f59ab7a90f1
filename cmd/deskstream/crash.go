package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// crashFromEnvironment serves fault tests: DESKSTREAM_CRASH=point:n kills the process at the n-th time it comes by that point of the
// stream package. It is nil where the variable is not set, so production pays nothing.
func crashFromEnvironment() func(string) {
	point, hits, ok := strings.Cut(os.Getenv("DESKSTREAM_CRASH"), ":")
	n, err := strconv.ParseInt(hits, 10, 64)
	if !ok || err != nil {
		return nil
	}
	var left atomic.Int64
	left.Store(n)
	return func(at string) {
		if at == point && left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}
