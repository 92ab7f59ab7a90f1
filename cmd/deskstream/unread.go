package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// installationSettings are those that describe an installation. Every command that works on one takes all of them, so that one list of flags serves for
// all, and lets be what it does not read. All have a value.
var installationSettings = []string{
	"data", "listen", "public-url", "nats-url", "clickhouse-dsn", "zendesk-url", "secret-key", "api-key", "time-zone", "log-level", "log-format",
}

// parseCommand parses a command line without the settings of the installation that its command does not read.
func parseCommand(parser *kong.Kong, args []string) (*kong.Context, error) {
	for {
		parsed, err := parser.Parse(args)
		at := unreadSetting(args, err)
		if at < 0 {
			return parsed, err
		}
		end := at + 1
		if !strings.Contains(args[at], "=") {
			end = min(end+1, len(args))
		}
		args = slices.Delete(slices.Clone(args), at, end)
	}
}

// unreadSetting finds the argument that the command was not parsed for, when it is a setting of the installation; -1 otherwise.
func unreadSetting(args []string, err error) int {
	if err == nil {
		return -1
	}
	said, unknown := strings.CutPrefix(err.Error(), "unknown flag --")
	if !unknown {
		return -1
	}
	name, _, _ := strings.Cut(said, ",") // what follows are suggestions
	if !slices.Contains(installationSettings, name) {
		return -1
	}
	return slices.IndexFunc(args, func(arg string) bool { return arg == "--"+name || strings.HasPrefix(arg, "--"+name+"=") })
}
