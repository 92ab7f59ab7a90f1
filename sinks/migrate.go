package sinks

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
)

// versionTable is where the applied migrations are recorded.
const versionTable = "schema_versions"

//go:embed versions.sql
var versionsSQL string

//go:embed database.sql
var databaseSQL string

// rounds and pause bound the wait for another process that migrates at the same time.
const (
	rounds = 20
	pause  = 250 * time.Millisecond
)

// Migrate brings the database of the DSN to this program's version; it creates the database when it is missing. It may be called at
// any time, by several processes at once, and again after it was cut off: every migration can be applied twice. A database that is
// newer than the program is schemas.ErrConflict and is left alone; a server that does not answer is schemas.ErrUnavailable.
func Migrate(ctx context.Context, dsn string) error {
	o, err := ParseDSN(dsn)
	if err != nil {
		return err
	}
	if err := ensureDatabase(ctx, o); err != nil {
		return err
	}
	db := clickhouse.OpenDB(o)
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, versionsSQL); err != nil {
		return unavailable(fmt.Errorf("migrate: %s: %w", versionTable, err))
	}
	for round := 1; ; round++ {
		err = migrate(ctx, db)
		if err == nil || errors.Is(err, schemas.ErrConflict) || ctx.Err() != nil || round == rounds {
			return err
		}
		// Two processes may have met in one statement. Both go on from what is recorded by then.
		if schemas.Wait(ctx, pause) != nil {
			return err
		}
	}
}

// Versions tells which version the tables of a database have, 0 before Migrate has made any, and which one Migrate gives them. Nothing is changed.
func Versions(ctx context.Context, dsn string) (have, want int, err error) {
	latest, err := latestMigration()
	if err != nil {
		return 0, 0, err
	}
	if want, err = strconv.Atoi(latest); err != nil {
		return 0, 0, fmt.Errorf("migrations: %w", err)
	}
	o, err := ParseDSN(dsn)
	if err != nil {
		return 0, 0, err
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		return 0, 0, badDSN(err.Error())
	}
	defer func() { _ = conn.Close() }()
	var version string
	switch err = conn.QueryRow(ctx, checkVersionSQL).Scan(&version); codeOf(err) {
	case codeUnknownDatabase, codeUnknownTable:
		return 0, want, nil
	}
	if err != nil {
		return 0, 0, unavailable(fmt.Errorf("clickhouse at %v (--clickhouse-dsn): version of the tables: %w", o.Addr, err))
	}
	if have, err = strconv.Atoi(version); err != nil {
		return 0, 0, fmt.Errorf("version of the tables: %w", err)
	}
	return have, want, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	p, err := provider(db)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return unavailable(fmt.Errorf("migrate: %w", err))
	}
	return nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(schemas.Migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectClickHouse, db, files, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// refuseNewer keeps an older program from writing into tables it does not know.
func refuseNewer(ctx context.Context, p *goose.Provider) error {
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("migrate: read the version: %w", err))
	}
	if have > want {
		return fmt.Errorf("%w: the database has version %d and this program knows versions up to %d: start the newer program, or give it another database with --clickhouse-dsn",
			schemas.ErrConflict, have, want)
	}
	return nil
}

// ensureDatabase creates the database when the server says that it is not there. It does not try first, because a user of an existing
// database need not have the right to create one.
func ensureDatabase(ctx context.Context, o *clickhouse.Options) error {
	probe := *o
	conn, err := clickhouse.Open(&probe)
	if err != nil {
		return badDSN(err.Error())
	}
	err = conn.Ping(ctx)
	_ = conn.Close()
	if err == nil {
		return nil
	}
	if codeOf(err) != codeUnknownDatabase {
		return unavailable(fmt.Errorf("migrate: clickhouse at %v (--clickhouse-dsn): %w", o.Addr, err))
	}
	outside := *o
	outside.Auth.Database = "default"
	if conn, err = clickhouse.Open(&outside); err != nil {
		return badDSN(err.Error())
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Exec(parameters(ctx, "database", o.Auth.Database), databaseSQL); err != nil {
		return unavailable(fmt.Errorf("migrate: create database %s: %w", o.Auth.Database, err))
	}
	return nil
}
