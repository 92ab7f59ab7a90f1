//go:build unix

package local

import (
	"errors"
	"os"
	"syscall"
)

// tryLock uses flock because it belongs to the open file, not to the process: two callers in one process exclude each other.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
