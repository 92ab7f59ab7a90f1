package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandFlags are the flags of each command: those that it reads.
var commandFlags = map[string]string{
	"run": "data nats-url log-level log-format clickhouse-dsn engine listen metrics-key public-url api-key time-zone several-accounts zendesk-url " +
		"incremental-per-minute secret-key replace-secret-key allow-private-deliveries poll-interval contact-sync",
	"demo": "data nats-url log-level log-format clickhouse-dsn engine listen metrics-key public-url api-key time-zone several-accounts secret-key " +
		"replace-secret-key allow-private-deliveries poll-interval contact-sync days per-day per-minute seed quit",
	"ingest": "data nats-url log-level log-format listen metrics-key zendesk-url incremental-per-minute secret-key replace-secret-key poll-interval " +
		"contact-sync",
	"process": "data nats-url log-level log-format clickhouse-dsn listen metrics-key",
	"sink":    "data nats-url log-level log-format clickhouse-dsn listen metrics-key secret-key replace-secret-key allow-private-deliveries",
	"serve": "data nats-url log-level log-format clickhouse-dsn listen metrics-key public-url api-key time-zone several-accounts zendesk-url " +
		"incremental-per-minute secret-key replace-secret-key allow-private-deliveries",
	"replay": "data nats-url log-level log-format clickhouse-dsn engine listen metrics-key from rebuild only-stored-events into",
	"verify": "data nats-url log-level log-format clickhouse-dsn engine repair json",
	"doctor": "data nats-url log-level log-format clickhouse-dsn engine zendesk-url secret-key",

	"dead list":   "data nats-url log-level log-format limit after",
	"dead show":   "data nats-url log-level log-format",
	"dead retry":  "data nats-url log-level log-format all",
	"dead drop":   "data nats-url log-level log-format all",
	"keys create": "data nats-url log-level log-format name scope expires",
	"keys list":   "data nats-url log-level log-format",
	"keys revoke": "data nats-url log-level log-format",

	"load":    "url secret rate connections duration tickets copies export serve instance api-key",
	"version": "",
}

// TestCommandsHaveTheFlagsThatTheyRead: the help of each command lists its flags and no others. Every other command's flag is refused with one line that
// names it and says where the flags are, but for the settings of an installation.
func TestCommandsHaveTheFlagsThatTheyRead(t *testing.T) {
	t.Parallel()
	inHelp := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	var all []string
	for _, flags := range commandFlags {
		all = append(all, strings.Fields(flags)...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for command, flags := range commandFlags {
		var out, errs bytes.Buffer
		if status := Main(t.Context(), append(strings.Fields(command), "--help"), &out, &errs); status != 0 {
			t.Errorf("%s: status %d: %s", command, status, &errs)
		}
		got, want := []string{}, append([]string{"help"}, strings.Fields(flags)...)
		for _, found := range inHelp.FindAllStringSubmatch(out.String(), -1) {
			got = append(got, found[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the flags %v, want %v", command, got, want)
		}
		for _, flag := range all {
			if !slices.Contains(want, flag) && !slices.Contains(installationSettings, flag) {
				refusesFlag(t, command, flag)
			}
		}
	}
}

// refusesFlag fails unless a command does not know a flag.
func refusesFlag(t *testing.T, command, flag string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := Main(t.Context(), append(strings.Fields(command), "--"+flag), &out, &errs)
	said := errs.String()
	if status != 2 || out.Len() > 0 || strings.Count(said, "\n") != 1 ||
		!strings.HasPrefix(said, "deskstream: unknown flag --"+flag) || !strings.HasSuffix(said, "; see `deskstream "+command+" --help`\n") {
		t.Errorf("%s --%s: status %d: %s%s", command, flag, status, said, &out)
	}
}

// TestSettingsOfTheInstallation: every command takes all settings of an installation, in both forms, whether it reads them or not.
func TestSettingsOfTheInstallation(t *testing.T) {
	t.Parallel()
	for command := range commandFlags {
		var c commands
		parser, err := kong.New(&c, kong.DefaultEnvars("DESKSTREAM"), flagVars)
		if err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(command)
		for i, name := range installationSettings {
			value := map[string]string{
				"nats-url": "nats://127.0.0.1:4222", "clickhouse-dsn": "clickhouse://127.0.0.1:9000/deskstream", "listen": "127.0.0.1:0", "time-zone": "UTC",
				"public-url": "http://127.0.0.1:8080", "zendesk-url": "http://127.0.0.1:1", "log-level": "info", "log-format": "json", "data": t.TempDir(),
				"secret-key": strings.Repeat("A", 43) + "=", "api-key": strings.Repeat("k", 16),
			}[name]
			if i%2 == 0 {
				args = append(args, "--"+name+"="+value)
			} else {
				args = append(args, "--"+name, value)
			}
		}
		switch command {
		case "dead show", "keys revoke":
			args = append(args, "1")
		case "keys create":
			args = append(args, "--name=n")
		}
		if _, err := parseCommand(parser, args); err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if _, err := parseCommand(parser, append(args, "--no-such-flag")); err == nil {
			t.Errorf("%s takes any flag", command)
		}
	}
}
