package main

import (
	"os"

	"github.com/rs/zerolog"
)

// logger writes to w: for people on a terminal, as JSON elsewhere.
func (f *BaseFlags) logger(w *streams) zerolog.Logger {
	format := f.LogFormat
	if format == "" {
		format = "json"
		if file, ok := w.err.(*os.File); ok {
			if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				format = "console"
			}
		}
	}
	out := zerolog.SyncWriter(w.err)
	log := zerolog.New(out)
	if format == "console" {
		log = zerolog.New(zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05"})
	}
	return log.Level(f.level).With().Timestamp().Logger()
}
