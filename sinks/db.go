package sinks

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxQueries is the number of connections for anything but inserts.
	maxQueries = 4
	// insertTimeout is the longest an insert may take, its connection included.
	insertTimeout = 2 * time.Minute
)

// Options of Open. The zero value is good for production.
type Options struct {
	// MaxInserts is the number of inserts that may run at once, each on a connection of its own; 0 = 4. More writers wait.
	MaxInserts int
	// Now is the clock; nil = time.Now. It decides only whether rows near their expiry may have been dropped before a recovery.
	Now func() time.Time
	// Registerer takes the metrics deskstream_sink_*; nil = none.
	Registerer prometheus.Registerer
}

func (o Options) filled() Options {
	if o.MaxInserts <= 0 {
		o.MaxInserts = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// DB is a ClickHouse database that the pipeline writes. It holds at most MaxInserts connections for inserts and four others and is safe for concurrent
// use. Errors of its methods wrap schemas.ErrUnavailable when ClickHouse does not answer or refuses for now.
type DB struct {
	options  Options
	dsn      *clickhouse.Options
	queries  driver.Conn
	inserts  *pool
	database string
	metrics  *metrics
}

// Open connects to the database that the DSN names, clickhouse://user:password@host:port/database. A DSN that cannot be used is a
// schemas.Problem of the field --clickhouse-dsn, a server that does not answer is schemas.ErrUnavailable. The caller closes the DB.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	parsed, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	o = o.filled()
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	inserts := newPool(parsed, o.MaxInserts, insertTimeout)
	parsed.MaxOpenConns, parsed.MaxIdleConns = maxQueries, maxQueries
	queries, err := clickhouse.Open(parsed)
	if err != nil {
		return nil, badDSN(err.Error())
	}
	db := &DB{options: o, dsn: parsed, queries: queries, inserts: inserts, database: parsed.Auth.Database, metrics: m}
	if err := db.Ping(ctx); err != nil {
		_ = queries.Close()
		return nil, err
	}
	return db, nil
}

// Ping asks whether ClickHouse answers.
func (db *DB) Ping(ctx context.Context) error {
	err := db.queries.Ping(ctx)
	switch codeOf(err) {
	case codeUnknownDatabase:
		return unavailable(fmt.Errorf("database %s does not exist: migrate it first: %w", db.database, err))
	case codeAuthentication:
		return unavailable(fmt.Errorf("user or password of --clickhouse-dsn was refused: %w", err))
	}
	if err != nil {
		return unavailable(fmt.Errorf("clickhouse at %v (--clickhouse-dsn): %w", db.dsn.Addr, err))
	}
	return nil
}

// Close closes all connections. Inserts that run are let finish by their callers, whose connections are closed after them.
func (db *DB) Close() error {
	db.inserts.close()
	if err := db.queries.Close(); err != nil {
		return fmt.Errorf("clickhouse: close: %w", err)
	}
	return nil
}
