package sinks

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// dialTimeout bounds the wait for a connection, its handshake included, unless the DSN says dial_timeout. It is as long as a question of the API may
// take: while the client connects it does not look at the question's context.
const dialTimeout = 5 * time.Second

const exampleDSN = "clickhouse://user:password@host:9000/deskstream"

// databaseName keeps names to what needs no quoting anywhere.
var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// ParseDSN reads a DSN and settles addresses, database, user, compression and the time to connect. The options are the caller's own. Its errors are
// schemas.Problems of the field --clickhouse-dsn, without the password.
func ParseDSN(dsn string) (*clickhouse.Options, error) {
	if strings.TrimSpace(dsn) == "" {
		return nil, badDSN("is empty")
	}
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, badDSN(err.Error())
	}
	scheme, _, _ := strings.Cut(dsn, "://")
	if o.Protocol != clickhouse.Native || !isNative(scheme) {
		return nil, badDSN(fmt.Sprintf("has the scheme %q; rows are written by the native protocol (port 9000, or 9440 with ?secure=true)", scheme))
	}
	if o.Auth.Database == "" {
		return nil, badDSN("names no database")
	}
	if !databaseName.MatchString(o.Auth.Database) {
		return nil, badDSN(fmt.Sprintf("names the database %q, whose name may have letters, digits and underscores only", o.Auth.Database))
	}
	if o.Auth.Username == "" {
		o.Auth.Username = "default"
	}
	if err := fillAddresses(o); err != nil {
		return nil, err
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTimeout
	}
	if o.Compression == nil {
		o.Compression = &clickhouse.Compression{Method: compressionFor(o.Addr)}
	}
	return o, nil
}

// Database gives the name of the database that a DSN connects to, by its path or by its parameter database, which comes before the path. It
// refuses what Open refuses.
func Database(dsn string) (string, error) {
	o, err := ParseDSN(dsn)
	if err != nil {
		return "", err
	}
	return o.Auth.Database, nil
}

// WithDatabase gives the DSN of another database on the same server, which it names by its path.
func WithDatabase(dsn, database string) (string, error) {
	if _, err := Database(dsn); err != nil {
		return "", err
	}
	dsn, _, _ = strings.Cut(dsn, "#")
	address, query, _ := strings.Cut(dsn, "?")
	scheme, address, _ := strings.Cut(address, "://")
	hosts, _, _ := strings.Cut(address, "/")
	parameters, _ := url.ParseQuery(query) // like the driver, which takes those that can be read
	parameters.Del("database")
	other := scheme + "://" + hosts + "/" + database
	if len(parameters) > 0 {
		other += "?" + parameters.Encode()
	}
	got, err := Database(other)
	if err == nil && got != database {
		err = badDSN(fmt.Sprintf("cannot be made to name the database %q", database))
	}
	if err != nil {
		return "", err
	}
	return other, nil
}

func isNative(scheme string) bool {
	return scheme == "clickhouse" || scheme == "native" || scheme == "tcp"
}

func badDSN(why string) error {
	return schemas.Invalid("--clickhouse-dsn", why+"; accepted is "+exampleDSN)
}

func fillAddresses(o *clickhouse.Options) error {
	port := "9000"
	if o.TLS != nil {
		port = "9440"
	}
	for i, addr := range o.Addr {
		host, p, err := net.SplitHostPort(addr)
		if err != nil {
			host, p = strings.Trim(addr, "[]"), port
		}
		if host == "" {
			return badDSN("has no host")
		}
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return badDSN(fmt.Sprintf("has the port %q", p))
		}
		o.Addr[i] = net.JoinHostPort(host, p)
	}
	return nil
}

// compressionFor is none on this machine, where LZ4 costs more time than it saves, and LZ4 across a network.
func compressionFor(addrs []string) clickhouse.CompressionMethod {
	for _, addr := range addrs {
		host, _, _ := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return clickhouse.CompressionLZ4
		}
	}
	return clickhouse.CompressionNone
}

var errClosed = errors.New("the connection to ClickHouse is closed")
