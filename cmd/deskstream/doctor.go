package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"deskstream/ingest"
	"deskstream/local"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

type doctorCmd struct {
	StoreFlags
	EngineFlags
	ZendeskFlags
	SecretFlags

	keyErr error // why the file of the secret key cannot be used
}

// finding is one line of the doctor.
type finding struct {
	name string
	text string
	err  error
	warn bool // text is to be looked at
}

// Run checks every part that the program needs, says one line each and fails if one is not usable.
func (c *doctorCmd) Run(ctx context.Context, out *streams) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	findings := []finding{c.disk(), c.engine()}
	if c.keyErr = c.checkKeyFile(); c.keyErr != nil {
		findings = append(findings, finding{name: "credentials", err: c.keyErr})
	}
	if !c.holds(natsFolder, clickhouseFolder) && !c.running() { // both are tried where nothing stays of it
		elsewhere, err := os.MkdirTemp("", "deskstream-doctor")
		if err != nil {
			return fmt.Errorf("a folder to try the parts in: %w", err)
		}
		defer func() { _ = os.RemoveAll(elsewhere) }()
		c.Data = elsewhere
	}
	tables, recorded := c.clickhouse(ctx)
	findings = append(findings, c.nats(ctx, out, recorded)...)
	findings = append(findings, tables...)
	findings = append(findings, c.zendesk(ctx)...)
	failed := false
	for _, f := range findings {
		state, text := "ok", f.text
		switch {
		case f.err != nil:
			state, text, failed = "FAIL", f.err.Error(), true
		case f.warn:
			state = "WARN"
		}
		fmt.Fprintf(out.out, "%-4s  %-12s %s\n", state, f.name, strings.ReplaceAll(text, "\n", "; "))
	}
	if failed {
		return errFailed
	}
	return nil
}

// disk wants the data folder writable and a tenth of its volume free. Of one that is not there yet it looks at the folder in which it would be made.
func (c *doctorCmd) disk() finding {
	f := finding{name: "disk"}
	folder, state := nearest(c.Data), ""
	if folder != filepath.Clean(c.Data) {
		state = " is not there yet, the first start makes it"
	}
	if err := unix.Access(folder+"/.", unix.W_OK|unix.X_OK); err != nil {
		f.err = fmt.Errorf("--data %s: %s is not writable: %w", c.Data, folder, err)
		return f
	}
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		f.err = err
		return f
	}
	free := float64(s.Bavail) / float64(s.Blocks)
	f.text = fmt.Sprintf("%s%s: %.0f %% of the volume is free", c.Data, state, 100*free)
	if free < 0.1 {
		f.err = errors.New(f.text + "; at least 10 % are needed")
	}
	return f
}

// nearest is the folder itself, or the closest one above it that is there.
func nearest(folder string) string {
	folder = filepath.Clean(folder)
	for {
		above := filepath.Dir(folder)
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) || above == folder {
			return folder
		}
		folder = above
	}
}

func (c *doctorCmd) engine() finding {
	f := finding{name: "engine"}
	if c.ClickHouseDSN != "" {
		f.text = "not needed, --clickhouse-dsn is given"
		return f
	}
	f.text, f.err = local.FindLibrary(c.Engine)
	return f
}

// record is what a database has recorded of the streams; looking at them records nothing.
type record []stream.StreamMeta

// LoadMeta gives what was recorded.
func (r record) LoadMeta(context.Context) ([]stream.StreamMeta, error) { return r, nil }

// SaveMeta does nothing.
func (r record) SaveMeta(context.Context, stream.StreamMeta) error { return nil }

// nats looks at the streams of the server in use, or of the data folder, and compares them with what the database has recorded, nil when it was not read.
func (c *doctorCmd) nats(ctx context.Context, out *streams, recorded stream.Meta) []finding {
	f := finding{name: "nats"}
	nc, done, err := openNATS(&c.BaseFlags, c.logger(out))
	if err != nil {
		f.err = err
		return []finding{f}
	}
	defer done()
	rtt, err := nc.RTT()
	if err != nil {
		f.err = err
		return []finding{f}
	}
	f.text = fmt.Sprintf("version %s answers in %s", nc.ConnectedServerVersion(), rtt.Round(time.Microsecond))
	findings := []finding{f}
	if c.NATSURL != "" {
		outside := finding{name: "nats", text: "takes the largest event and syncs every write"}
		if warnings, err := checkNATS(nc); len(warnings) > 0 || err != nil {
			outside.text, outside.warn, outside.err = strings.Join(warnings, "; "), true, err
		}
		findings = append(findings, outside)
	}
	s, err := stream.Look(ctx, stream.Options{Conn: nc, Log: c.logger(out), Meta: recorded})
	if errors.Is(err, schemas.ErrNotFound) {
		return append(findings, finding{name: "streams", text: "there are none yet, the first start makes them"})
	}
	if err != nil {
		return append(findings, finding{name: "streams", err: err})
	}
	findings = append(findings, lookAtStreams(ctx, s))
	if c.keyErr == nil {
		findings = append(findings, c.credentials(ctx, s))
	}
	return findings
}

// pipeline is what is asked about the streams.
type pipeline interface {
	Health(ctx context.Context) error
	Stats(ctx context.Context) (stream.Stats, error)
}

func lookAtStreams(ctx context.Context, p pipeline) finding {
	f := finding{name: "streams", err: p.Health(ctx)}
	stats, err := p.Stats(ctx)
	if err != nil {
		f.err = cmp.Or(f.err, err) // Health asks the same, and may have met it too
		return f
	}
	parts := make([]string, 0, len(stats.Streams))
	for _, st := range stats.Streams {
		parts = append(parts, fmt.Sprintf("%s %d messages, %d MiB", st.Name, st.Messages, st.Bytes>>20))
	}
	f.text = strings.Join(parts, "; ")
	if stats.Dead > 0 {
		f.text += fmt.Sprintf("; %d dead letters, see `deskstream dead list`", stats.Dead)
	}
	return f
}

// checkKeyFile wants a secret key in its file, if there is one, also while it has nothing to open: the start refuses anything else.
func (c *doctorCmd) checkKeyFile() error {
	if c.secret != nil {
		return nil
	}
	_, err := ingest.ReadKey(keyFile(c.Data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// credentials wants a secret key that opens what is stored.
func (c *doctorCmd) credentials(ctx context.Context, s *stream.Stream) finding {
	f := finding{name: "credentials", text: "none are stored yet"}
	sealed, err := storedSecrets(ctx, s)
	if err != nil || len(sealed) == 0 {
		f.err = err
		return f
	}
	kept := KeyFlags{SecretFlags: c.SecretFlags} // with the key there is: looking changes nothing
	sealer, err := kept.openSealer(c.Data, sealed)
	if err != nil {
		f.err = err
		return f
	}
	f.text = fmt.Sprintf("the secret key opens those of %d sources and audiences", len(owners(sealed)))
	_, f.err = sealer.Check(sealed...)
	return f
}

// clickhouse checks the server in use: of --clickhouse-dsn, of the program running on the data folder, or the embedded engine, started for it. It gives
// what the database has recorded of the streams too, nil when that cannot be read.
func (c *doctorCmd) clickhouse(ctx context.Context) ([]finding, stream.Meta) {
	dsn := c.ClickHouseDSN
	if dsn == "" {
		unlock, err := local.Lock(c.Data)
		if err != nil {
			return c.runningClickHouse(ctx)
		}
		defer unlock()
		e, err := local.StartEngine(ctx, local.EngineOptions{Dir: filepath.Join(c.Data, clickhouseFolder), Library: c.Engine})
		if err != nil {
			return noClickHouse(err)
		}
		defer func() { _ = e.Close(context.WithoutCancel(ctx)) }()
		dsn = e.DSN()
	}
	return checkTables(ctx, dsn)
}

// runningClickHouse asks the ClickHouse of the program that holds the data folder.
func (c *doctorCmd) runningClickHouse(ctx context.Context) ([]finding, stream.Meta) {
	inUse := c.StoreFlags
	err := inUse.attach()
	if err == nil && inUse.ClickHouseDSN == "" {
		err = fmt.Errorf("the program running on %s is starting its engine", c.Data)
	}
	if err != nil {
		return noClickHouse(err)
	}
	return checkTables(ctx, inUse.ClickHouseDSN)
}

func noClickHouse(err error) ([]finding, stream.Meta) {
	if errors.Is(err, local.ErrNoEngine) {
		err = errors.New("not checked, there is no engine")
	}
	return []finding{{name: "clickhouse", err: err}}, nil
}

// checkTables looks at the tables and at what is recorded among them. To make or change them is for the start.
func checkTables(ctx context.Context, dsn string) ([]finding, stream.Meta) {
	have, want, err := sinks.Versions(ctx, dsn)
	switch {
	case err != nil:
		return noClickHouse(err)
	case have == 0:
		return []finding{{name: "clickhouse", text: "there are no tables yet, the first start makes them"}}, record{}
	}
	db, err := sinks.Open(ctx, dsn, sinks.Options{})
	if err != nil {
		return noClickHouse(err)
	}
	defer func() { _ = db.Close() }()
	recorded, err := db.LoadMeta(ctx)
	if err != nil {
		return noClickHouse(err)
	}
	if have < want {
		older := fmt.Sprintf("the tables have version %d, the next start brings them to version %d", have, want)
		return []finding{{name: "clickhouse", text: older, warn: true}}, record(recorded)
	}
	return selfCheck(ctx, db), record(recorded)
}

func selfCheck(ctx context.Context, db *sinks.DB) []finding {
	var out []finding
	for _, check := range db.SelfCheck(ctx) {
		f := finding{name: "clickhouse", text: check.Name + ": " + check.Value}
		if !check.OK {
			f.err = fmt.Errorf("%s: %s; %s", check.Name, check.Value, check.Fix)
		}
		out = append(out, f)
	}
	return out
}

// zendesk asks for an address that needs no credentials and compares the clocks on the way.
func (c *doctorCmd) zendesk(ctx context.Context) []finding {
	f, clock := finding{name: "zendesk"}, finding{name: "clock", text: "not checked, there is no answer of Zendesk to compare it with", warn: true}
	target := strings.ReplaceAll(c.ZendeskURL, "{account}", "www")
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, target, http.NoBody)
	if err != nil {
		f.err = err
		return []finding{f, clock}
	}
	asked := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := asked.Do(req)
	if err != nil {
		f.err = fmt.Errorf("%s does not answer: %w", target, err)
		return []finding{f, clock}
	}
	resp.Body.Close()
	f.text = target + " answers"
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		drift := time.Since(at).Round(time.Second)
		clock.text, clock.warn = fmt.Sprintf("differs by %s from that of %s", drift.Abs(), target), false
		// Webhook signatures are refused beyond 5 minutes.
		if drift.Abs() > 2*time.Minute {
			clock.err = fmt.Errorf("the clock is off by %s against %s; webhooks are refused beyond 5 minutes", drift, target)
		}
	}
	return []finding{f, clock}
}
