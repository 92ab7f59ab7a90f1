// Command deskstream runs the pipeline: every stage in one process (run, demo) or one stage each (ingest, process, sink, serve), and the
// tools around it. It is the only place that reads settings and wires packages together.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"deskstream/schemas"
	"deskstream/stream"
)

// version is set at build time by -ldflags "-X main.version=...".
var version = "dev"

func main() {
	ctx, stop := signalContext(context.Background())
	code := Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// signalContext ends at the first SIGTERM or SIGINT; a second one ends the process at once.
func signalContext(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
			return
		}
		<-signals
		os.Exit(130)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

type commands struct {
	Run     runCmd     `cmd:"" help:"Every stage in one process, with NATS and ClickHouse inside unless addresses are given."`
	Demo    demoCmd    `cmd:"" help:"Run, with a simulated Zendesk account: 90 days of history, then live traffic. Its data is <data>/demo, made anew by each start."`
	Ingest  ingestCmd  `cmd:"" help:"One stage: webhooks and pollers into the stream."`
	Process processCmd `cmd:"" help:"One stage: events into people, tickets, activities and metrics."`
	Sink    sinkCmd    `cmd:"" help:"One stage: rows into ClickHouse."`
	Serve   serveCmd   `cmd:"" help:"One stage: the HTTP API for reports, people, sources and Liquid."`
	Replay  replayCmd  `cmd:"" help:"Rebuild state and tables from the raw stream."`
	Verify  verifyCmd  `cmd:"" help:"Compare every table with what the stored events make of it; exit status 1 when something differs, 3 while another verify or replay --into runs."`
	Dead    deadCmd    `cmd:"" help:"Look at events that could not be used; try them again or drop them."`
	Load    loadCmd    `cmd:"" help:"Send signed webhooks to a running instance at a given rate, or have it read a synthetic export."`
	Keys    keysCmd    `cmd:"" help:"API keys and their scopes."`
	Doctor  doctorCmd  `cmd:"" help:"Check engine, NATS, ClickHouse, disk, clock and Zendesk; one line each."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// Main runs one command line and gives the exit status. Tests start it like the program itself.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("deskstream"),
		kong.Description("Self-hosted stream-processing analytics for Zendesk support data."),
		kong.DefaultEnvars("DESKSTREAM"),
		flagVars,
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{out: stdout, err: stderr}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "deskstream:", err)
		return 2
	}
	parsed, err := parseCommand(parser, args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "deskstream:", err.Error()+accepted(err))
		return 2
	}
	return exitStatus(parsed.Run(), stderr)
}

// accepted says after an error of the command line which commands there are at its place, or how to see the flags.
func accepted(err error) string {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok {
		return ""
	}
	at := wrong.Context.Selected()
	if at == nil {
		at = wrong.Context.Model.Node
	}
	var names []string
	for _, child := range at.Children {
		names = append(names, child.Name)
	}
	if strings.HasPrefix(err.Error(), "unexpected argument") && len(names) > 0 {
		return "; commands are " + strings.Join(names, ", ")
	}
	kind := ""
	for _, flag := range at.Flags {
		if strings.HasPrefix(err.Error(), "--"+flag.Name+": ") {
			kind = acceptedKind(flag)
		}
	}
	return kind + "; see `" + strings.TrimSpace("deskstream "+at.Path()) + " --help`"
}

// acceptedKind says what a flag takes that is no text.
func acceptedKind(flag *kong.Flag) string {
	var kind string
	example, of := flag.Default, flag.Target.Type()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case of == reflect.TypeFor[time.Duration]():
		kind, example = "a duration", cmp.Or(example, "60s")
	case flag.Target.CanInt(), flag.Target.CanUint():
		kind = "a whole number"
	case flag.Target.CanFloat():
		kind = "a number"
	default:
		return ""
	}
	if example == "" {
		return "; accepted is " + kind
	}
	return "; accepted is " + kind + ", e.g. " + example
}

// streams are the outputs of a command.
type streams struct{ out, err io.Writer }

// errFailed ends a command with status 1 after it has said itself what is wrong.
var errFailed = errors.New("failed")

// statusBusy ends a command that did nothing because another program has the turn.
const statusBusy = 3

func exitStatus(err error, stderr io.Writer) int {
	var setting *settingError
	var problem *schemas.Problem
	var busy *stream.BusyError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return 0
	case errors.Is(err, errFailed):
		return 1
	case errors.As(err, &setting):
		fmt.Fprintln(stderr, "deskstream:", setting)
		return 2
	case errors.As(err, &problem) && len(problem.Fields) == 1 && strings.HasPrefix(problem.Fields[0].Location, "--"): // of a setting that its package reads
		fmt.Fprintln(stderr, "deskstream:", problem.Detail)
		return 2
	case errors.As(err, &busy):
		fmt.Fprintln(stderr, "deskstream:", busy)
		return statusBusy
	default:
		fmt.Fprintln(stderr, "deskstream:", err)
		return 1
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, "deskstream", version)
	return err
}
