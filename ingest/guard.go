package ingest

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/rs/zerolog"
)

// errPanic marks an error that was a panic.
var errPanic = errors.New("panic")

// guarded turns a panic of fn into an error and logs its stack: whatever an answer of Zendesk holds, it must not end the program.
func guarded(log zerolog.Logger, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error().Interface("panic", p).Bytes("stack", debug.Stack()).Msg("reading from Zendesk panicked")
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return fn()
}
