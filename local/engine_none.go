//go:build !((linux || darwin) && !noengine)

package local

import (
	"context"
	"fmt"
)

var errBuiltWithout = fmt.Errorf("%w: this binary was built without it (tag noengine, or not linux or macOS); give the DSN of a ClickHouse server", ErrNoEngine)

// Engine cannot exist in a binary built without the engine.
type Engine struct{}

type ports struct{}

// StartEngine returns an error that wraps ErrNoEngine.
func StartEngine(_ context.Context, o EngineOptions) (*Engine, error) {
	if _, err := o.filled(); err != nil {
		return nil, err
	}
	return nil, errBuiltWithout
}

// FindLibrary returns an error that wraps ErrNoEngine.
func FindLibrary(string) (string, error) { return "", errBuiltWithout }

// DSN returns "".
func (e *Engine) DSN() string { return "" }

// AnalystDSN returns "".
func (e *Engine) AnalystDSN() string { return "" }

// HTTP returns "".
func (e *Engine) HTTP() string { return "" }

// TCP returns "".
func (e *Engine) TCP() string { return "" }

// PID returns 0.
func (e *Engine) PID() int { return 0 }

// Version returns "".
func (e *Engine) Version() string { return "" }

// Restarts returns 0.
func (e *Engine) Restarts() int { return 0 }

// Healthz returns an error that wraps ErrNoEngine.
func (e *Engine) Healthz() error { return errBuiltWithout }

// Close does nothing.
func (e *Engine) Close(context.Context) error { return nil }
