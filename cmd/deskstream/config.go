package main

import (
	"debug/elf"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones must be there in a container without them

	"github.com/rs/zerolog"
)

// Config holds the settings that every stage shares: flag --x-y or environment DESKSTREAM_X_Y, a flag wins.
type Config struct {
	Data          string `default:"./data" help:"Folder of everything the process keeps; locked by one process."`
	Listen        string `default:"127.0.0.1:8080" help:"Address of the HTTP API and the webhooks."`
	PublicURL     string `name:"public-url" placeholder:"URL" help:"What Zendesk and the OAuth callback are given (default http://<listen>)."`
	NATSURL       string `name:"nats-url" env:"DESKSTREAM_NATS_URL" placeholder:"URL" help:"NATS server with JetStream; empty runs one inside."`
	ClickHouseDSN string `name:"clickhouse-dsn" env:"DESKSTREAM_CLICKHOUSE_DSN" placeholder:"DSN" help:"clickhouse://user:pass@host:9000/deskstream; empty runs the engine inside. Better in the environment: others on the machine can see flags."`
	ZendeskURL    string `name:"zendesk-url" default:"https://{account}.zendesk.com" help:"For a test server or a proxy; {account} is replaced."`
	SecretKey     string `name:"secret-key" placeholder:"BASE64" help:"32 bytes that encrypt stored credentials (default: <data>/secret.key, made on first start). Better in the environment: others on the machine can see flags."`
	ReplaceKey    bool   `name:"replace-secret-key" help:"Start with another secret key than stored credentials are sealed with: they have to be entered again."`
	APIKey        string `name:"api-key" placeholder:"KEY" help:"Bootstrap key with scope admin (default: made on first start and printed once). Better in the environment: others on the machine can see flags."`
	TimeZone      string `name:"time-zone" default:"UTC" help:"Account time zone for reports and relative dates (IANA name)."`
	LogLevel      string `name:"log-level" default:"info" help:"debug, info, warn or error."`
	LogFormat     string `name:"log-format" placeholder:"FORMAT" help:"console or json (default: console on a terminal, else json)."`
	Engine        string `name:"engine" placeholder:"FILE" help:"libchdb of the embedded ClickHouse engine (default: searched)."`
	SeveralAccts  bool   `name:"several-accounts" help:"Allow more than one Zendesk account at a time."`
	Private       bool   `name:"allow-private-deliveries" help:"Allow audiences to be delivered to addresses of this machine and of private networks."`
	MetricsKey    bool   `name:"metrics-key" help:"Ask for an API key on /metrics too."`

	PollInterval time.Duration `name:"poll-interval" default:"60s" help:"Time between polls of tickets and their history; the other streams follow from it."`
	ContactSync  time.Duration `name:"contact-sync" default:"24h" help:"Time between full contact syncs."`
	Incremental  int           `name:"incremental-per-minute" default:"10" help:"Calls a minute to Zendesk's incremental exports; 30 with the High Volume add-on."`

	location *time.Location
	attached bool // NATSURL is the server inside a running program
	level    zerolog.Level
	secret   []byte
}

// settingError is a bad setting: one line that names the setting, the value and what is accepted.
type settingError struct{ name, value, accepted string }

func (e *settingError) Error() string {
	return fmt.Sprintf("--%s: %q is not usable; accepted is %s", e.name, e.value, e.accepted)
}

// Validate checks every setting before anything starts and fills in the derived ones.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkListen, c.checkURLs, c.checkZone, c.checkLog, c.checkSecret, c.checkAPIKey, c.checkPolling, c.checkEngine} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkListen() error {
	_, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return &settingError{"listen", c.Listen, "host:port, e.g. 127.0.0.1:8080"}
	}
	return nil
}

func (c *Config) checkURLs() error {
	if err := checkURL("public-url", c.PublicURL, "http", "https"); err != nil {
		return err
	}
	if err := checkZendeskURL(c.ZendeskURL); err != nil {
		return err
	}
	for _, u := range strings.Split(c.NATSURL, ",") {
		if err := checkURL("nats-url", u, "nats", "tls", "ws", "wss"); err != nil {
			return err
		}
	}
	return checkURL("clickhouse-dsn", c.ClickHouseDSN, "clickhouse", "http", "https", "tcp")
}

// checkURL takes an empty value as "not given". The value itself is not repeated when it may hold a password.
func checkURL(name, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err == nil && u.Host != "" {
		for _, s := range schemes {
			if u.Scheme == s {
				return nil
			}
		}
	}
	return &settingError{name, withoutLogin(value), "an address with host and one of the schemes " + strings.Join(schemes, ", ")}
}

// checkZendeskURL wants an address without user and password: a request carries those of its source.
func checkZendeskURL(template string) error {
	value := strings.ReplaceAll(template, "{account}", "account")
	if err := checkURL("zendesk-url", value, "http", "https"); err != nil {
		return err
	}
	if u, err := url.Parse(value); err != nil || u.User != nil {
		return &settingError{"zendesk-url", withoutLogin(template), "an address without user and password, e.g. https://{account}.zendesk.com"}
	}
	return nil
}

// withoutLogin gives an address as it may be shown.
func withoutLogin(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

func (c *Config) checkZone() (err error) {
	if c.location, err = time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		return &settingError{"time-zone", c.TimeZone, "an IANA name, e.g. Europe/Berlin"}
	}
	return nil
}

func (c *Config) checkLog() (err error) {
	if c.level, err = zerolog.ParseLevel(strings.ToLower(c.LogLevel)); err != nil || c.level > zerolog.ErrorLevel || c.level < zerolog.DebugLevel {
		return &settingError{"log-level", c.LogLevel, "debug, info, warn or error"}
	}
	if c.LogFormat != "" && c.LogFormat != "console" && c.LogFormat != "json" {
		return &settingError{"log-format", c.LogFormat, "console or json"}
	}
	return nil
}

func (c *Config) checkSecret() (err error) {
	if c.SecretKey == "" {
		return nil
	}
	if c.secret, err = base64.StdEncoding.DecodeString(c.SecretKey); err != nil || len(c.secret) != 32 {
		return &settingError{"secret-key", "(hidden)", "32 bytes in base64, e.g. from `openssl rand -base64 32`"}
	}
	return nil
}

func (c *Config) checkAPIKey() error {
	if c.APIKey != "" && (len(c.APIKey) < 16 || strings.ContainsAny(c.APIKey, " \t\r\n")) {
		return &settingError{"api-key", "(hidden)", "at least 16 characters without spaces"}
	}
	return nil
}

// checkEngine refuses a file that is no library. One that cannot be read is refused where it is looked for.
func (c *Config) checkEngine() error {
	if c.Engine == "" || runtime.GOOS != "linux" {
		return nil
	}
	f, err := elf.Open(c.Engine)
	if err == nil {
		return f.Close()
	}
	if _, unread := errors.AsType[*fs.PathError](err); unread {
		return nil
	}
	return &settingError{"engine", c.Engine, "the path of libchdb.so, which `make engine` installs"}
}

func (c *Config) checkPolling() error {
	switch {
	case c.PollInterval < 100*time.Millisecond:
		return &settingError{"poll-interval", c.PollInterval.String(), "a duration of at least 100ms, e.g. 60s"}
	case c.ContactSync < c.PollInterval:
		return &settingError{"contact-sync", c.ContactSync.String(), "a duration not below --poll-interval, e.g. 24h"}
	case c.Incremental <= 0:
		return &settingError{"incremental-per-minute", fmt.Sprint(c.Incremental), "a number above 0; Zendesk allows 10, or 30 with the High Volume add-on"}
	}
	return nil
}

// logger writes to w: for people on a terminal, as JSON elsewhere.
func (c *Config) logger(w *streams) zerolog.Logger {
	format := c.LogFormat
	if format == "" {
		format = "json"
		if f, ok := w.err.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				format = "console"
			}
		}
	}
	out := zerolog.SyncWriter(w.err)
	log := zerolog.New(out)
	if format == "console" {
		log = zerolog.New(zerolog.ConsoleWriter{Out: out, TimeFormat: "15:04:05"})
	}
	return log.Level(c.level).With().Timestamp().Logger()
}

// publicURL is the address given to others, known once the listener has its port.
func (c *Config) publicURL(addr string) string {
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	return "http://" + addr
}
