package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errHeld is what the system-specific tryLock returns when another open file holds the lock.
var errHeld = errors.New("held")

// LockName is the file of Lock. It is there in every folder that was locked once.
const LockName = "lock"

// Lock takes the exclusive lock of a data folder, the file <dir>/lock, and creates the folder (mode 0700) when it is missing.
// It does not wait: when another process, or another caller in this one, holds the lock, the error names the folder.
// unlock may be called more than once; the caller must keep it, because the lock ends when nothing refers to it any more.
// The lock also ends with the process, however that dies, so a left-over file is harmless. NATS needs this: nats-server does
// not lock its folder, and two servers on one folder destroy it.
func Lock(dir string) (unlock func(), err error) {
	return lockFile(dir, LockName)
}

// lockFile locks <dir>/<name>. StartNATS and StartEngine use names of their own, so that they can live in a folder that the
// caller has locked already.
func lockFile(dir, name string) (unlock func(), err error) {
	if dir == "" {
		return nil, errors.New("data folder: no folder given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	if err := tryLock(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("data folder %s: another process is using it (lock file %s); stop that process or choose another folder", dir, f.Name())
		}
		return nil, fmt.Errorf("data folder %s: lock: %w", dir, err)
	}
	// Closing releases the lock. The file stays: removing it would let two processes lock two different files of one name.
	return func() { _ = f.Close() }, nil
}
