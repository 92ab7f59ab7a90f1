//go:build !((linux || darwin) && !noengine)

package local

import (
	"context"
	"errors"
	"testing"
)

func holdEngine(string) error { return errBuiltWithout }

func closeShared() {}

func TestWithoutEngineTheErrorSaysSo(t *testing.T) {
	t.Parallel()
	if _, err := StartEngine(context.Background(), EngineOptions{Dir: t.TempDir()}); !errors.Is(err, ErrNoEngine) {
		t.Errorf("StartEngine: %v", err)
	}
	if _, err := FindLibrary(""); !errors.Is(err, ErrNoEngine) {
		t.Errorf("FindLibrary: %v", err)
	}
}
