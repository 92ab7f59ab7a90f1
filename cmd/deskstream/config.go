package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be there in a container without them

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"deskstream/ingest"
	"deskstream/schemas"
	"deskstream/sinks"
)

// Config holds the settings of a program: flag --x-y or environment DESKSTREAM_X_Y, a flag wins. A command embeds the parts that it reads and no
// others, so that it refuses a flag that would do nothing there. The parser validates each part of the command that is called before that runs.
type Config struct {
	StoreFlags
	EngineFlags
	ListenFlags
	APIFlags
	ClientFlags
	KeyFlags
	DeliveryFlags
	PollFlags
}

// BaseFlags are what every command reads that opens the message store.
type BaseFlags struct {
	Data      string `default:"./data" help:"Folder of everything the process keeps; locked by one process."`
	NATSURL   string `name:"nats-url" env:"DESKSTREAM_NATS_URL" placeholder:"URL" help:"NATS server with JetStream; empty runs one inside."`
	LogLevel  string `name:"log-level" default:"info" help:"debug, info, warn or error."`
	LogFormat string `name:"log-format" placeholder:"FORMAT" help:"console or json (default: console on a terminal, else json)."`

	attached bool // NATSURL is the server inside a running program
	level    zerolog.Level
}

// StoreFlags say where the message store and the tables are.
type StoreFlags struct {
	BaseFlags
	DatabaseFlags
}

// DatabaseFlags say where the tables are.
type DatabaseFlags struct {
	ClickHouseDSN string `name:"clickhouse-dsn" env:"DESKSTREAM_CLICKHOUSE_DSN" placeholder:"DSN" help:"clickhouse://user:pass@host:9000/deskstream; empty runs the engine inside. ${seen}"`
}

// EngineFlags are of commands that run the engine inside.
type EngineFlags struct {
	Engine string `name:"engine" placeholder:"FILE" help:"libchdb of the embedded ClickHouse engine (default: searched)."`
}

// ListenFlags are of commands with an HTTP listener. Without an address there is none.
type ListenFlags struct {
	Listen     string `default:"127.0.0.1:8080" help:"Address of HTTP: API, webhooks, health and metrics, as far as the command has them."`
	MetricsKey bool   `name:"metrics-key" help:"Ask for an API key on /metrics too."`
}

// APIFlags are of commands that serve the API.
type APIFlags struct {
	PublicURL    string `name:"public-url" placeholder:"URL" help:"What Zendesk and the OAuth callback are given (default http://<listen>)."`
	APIKey       string `name:"api-key" placeholder:"KEY" help:"Bootstrap key with scope admin (default: made on first start and printed once). ${seen}"`
	TimeZone     string `name:"time-zone" default:"UTC" help:"Account time zone for reports and relative dates (IANA name)."`
	SeveralAccts bool   `name:"several-accounts" help:"Allow more than one Zendesk account at a time."`

	location *time.Location
}

// ZendeskFlags say where Zendesk is.
type ZendeskFlags struct {
	ZendeskURL string `name:"zendesk-url" default:"${zendesk}" help:"For a test server or a proxy; {account} is replaced."`
}

// ClientFlags are of commands that read accounts of Zendesk.
type ClientFlags struct {
	ZendeskFlags
	Incremental int `name:"incremental-per-minute" default:"${incremental}" help:"Calls a minute to Zendesk's incremental exports; 30 with the High Volume add-on."`
}

// SecretFlags are of commands that open stored credentials.
type SecretFlags struct {
	SecretKey string `name:"secret-key" placeholder:"BASE64" help:"32 bytes that encrypt stored credentials (default: <data>/secret.key, made on first start). ${seen}"`

	secret []byte
}

// KeyFlags are of commands that work with stored credentials, and may begin with another key.
type KeyFlags struct {
	SecretFlags
	ReplaceKey bool `name:"replace-secret-key" help:"Start with another secret key than stored credentials are sealed with: they have to be entered again."`
}

// DeliveryFlags are of commands that take targets of audiences or post to them.
type DeliveryFlags struct {
	Private bool `name:"allow-private-deliveries" help:"Allow audiences to be delivered to addresses of this machine and of private networks."`
}

// PollFlags are of commands that poll Zendesk.
type PollFlags struct {
	PollInterval time.Duration `name:"poll-interval" default:"60s" help:"Time between polls of tickets and their history; the other streams follow from it."`
	ContactSync  time.Duration `name:"contact-sync" default:"24h" help:"Time between full contact syncs."`
}

// flagVars is what flags take from elsewhere: the defaults of package ingest, and what is said of secrets.
var flagVars = kong.Vars{
	"zendesk": ingest.DefaultBaseURL, "incremental": strconv.Itoa(ingest.DefaultIncrementalPerMinute),
	"seen": "Better in the environment: others on the machine can see flags.",
}

// settingError is a bad setting: one line that names the setting, the value and what is accepted.
type settingError struct{ name, value, accepted string }

func (e *settingError) Error() string {
	return fmt.Sprintf("--%s: %q is not usable; accepted is %s", e.name, e.value, e.accepted)
}

// Validate checks the settings and fills in the derived one.
func (f *BaseFlags) Validate() error {
	for _, u := range strings.Split(f.NATSURL, ",") {
		if err := checkURL("nats-url", u, "nats", "tls", "ws", "wss"); err != nil {
			return err
		}
	}
	var err error
	if f.level, err = zerolog.ParseLevel(strings.ToLower(f.LogLevel)); err != nil || f.level > zerolog.ErrorLevel || f.level < zerolog.DebugLevel {
		return &settingError{"log-level", f.LogLevel, "debug, info, warn or error"}
	}
	if f.LogFormat != "" && f.LogFormat != "console" && f.LogFormat != "json" {
		return &settingError{"log-format", f.LogFormat, "console or json"}
	}
	return nil
}

// Validate leaves to those who open it what is accepted.
func (f *DatabaseFlags) Validate() error {
	if f.ClickHouseDSN == "" {
		return nil
	}
	_, err := sinks.Database(f.ClickHouseDSN)
	if problem, ok := errors.AsType[*schemas.Problem](err); ok {
		return errors.New(problem.Detail)
	}
	return err
}

// Validate refuses a file that is no library. One that cannot be read is refused where it is looked for.
func (f *EngineFlags) Validate() error {
	if f.Engine == "" || runtime.GOOS != "linux" {
		return nil
	}
	file, err := elf.Open(f.Engine)
	if err == nil {
		return file.Close()
	}
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return nil
	}
	return &settingError{"engine", f.Engine, "the path of libchdb.so, which `make engine` installs"}
}

// Validate checks the settings.
func (f *ListenFlags) Validate() error {
	_, port, err := net.SplitHostPort(f.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return &settingError{"listen", f.Listen, "host:port, e.g. 127.0.0.1:8080"}
	}
	return nil
}

// Validate checks the settings and fills in the derived one.
func (f *APIFlags) Validate() error {
	if err := checkURL("public-url", f.PublicURL, "http", "https"); err != nil {
		return err
	}
	var err error
	if f.location, err = time.LoadLocation(f.TimeZone); err != nil || f.TimeZone == "Local" {
		return &settingError{"time-zone", f.TimeZone, "an IANA name, e.g. Europe/Berlin"}
	}
	if f.APIKey == "" {
		return nil
	}
	return checkKey(f.APIKey)
}

// checkKey wants an API key that a request can carry.
func checkKey(key string) error {
	if len(key) < 16 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return &settingError{"api-key", "(hidden)", "at least 16 characters without spaces and control characters"}
	}
	return nil
}

// Validate wants an address without user and password: a request carries those of its source.
func (f *ZendeskFlags) Validate() error {
	value := strings.ReplaceAll(f.ZendeskURL, "{account}", "account")
	if err := checkURL("zendesk-url", value, "http", "https"); err != nil {
		return err
	}
	if u, err := url.Parse(value); err != nil || u.User != nil {
		return &settingError{"zendesk-url", withoutLogin(f.ZendeskURL), "an address without user and password, e.g. " + ingest.DefaultBaseURL}
	}
	return nil
}

// Validate checks the settings.
func (f *ClientFlags) Validate() error {
	if f.Incremental <= 0 {
		return &settingError{"incremental-per-minute", fmt.Sprint(f.Incremental), "a number above 0; Zendesk allows 10, or 30 with the High Volume add-on"}
	}
	return nil
}

// Validate checks the setting and fills in the derived one.
func (f *SecretFlags) Validate() (err error) {
	if f.SecretKey == "" {
		return nil
	}
	if f.secret, err = ingest.ParseKey("of --secret-key", f.SecretKey); err != nil {
		return &settingError{"secret-key", "(hidden)", fmt.Sprintf("%d bytes in base64, e.g. from `openssl rand -base64 %[1]d`", ingest.KeySize)}
	}
	return nil
}

// Validate checks the settings.
func (f *PollFlags) Validate() error {
	switch {
	case f.PollInterval < 100*time.Millisecond:
		return &settingError{"poll-interval", f.PollInterval.String(), "a duration of at least 100ms, e.g. 60s"}
	case f.ContactSync < f.PollInterval:
		return &settingError{"contact-sync", f.ContactSync.String(), "a duration not below --poll-interval, e.g. 24h"}
	}
	return nil
}
