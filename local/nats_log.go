package local

import (
	"fmt"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// natsLog passes the server's lines on and keeps the first fatal one for the error of StartNATS. Notices are many at start
// and stop and say nothing an operator must read, so they are debug lines here.
type natsLog struct {
	log   zerolog.Logger
	fatal atomic.Pointer[string]
}

func (l *natsLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }
func (l *natsLog) Warnf(format string, v ...any)   { l.log.Warn().Msgf(format, v...) }
func (l *natsLog) Errorf(format string, v ...any)  { l.log.Error().Msgf(format, v...) }
func (l *natsLog) Debugf(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
func (l *natsLog) Tracef(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }

// Fatalf logs at error level: zerolog's fatal level ends the program, which only its main function may do.
func (l *natsLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &text)
	l.log.Error().Msg(text)
}
