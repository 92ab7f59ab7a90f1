package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed compare.sql
var compareSQL string

//go:embed compare_count.sql
var compareCountSQL string

//go:embed drop_database.sql
var dropDatabaseSQL string

// Difference is a sorting key whose row is not the same in two databases. Hashes are of the row without the columns that tell how it
// came in; 0 where there is no row.
type Difference struct {
	Key                 string // as ClickHouse writes a tuple
	Here, There         uint64 // rows in force, 0 or 1
	HashHere, HashThere uint64
}

// compareMemory is from where the server groups the keys of a table on disk.
const compareMemory = 1 << 30

// expiryMargin leaves out rows that retention may drop on one side first.
const expiryMargin = time.Hour

// Compare gives the number of rows in force of a table, and up to limit keys whose rows are not the same in a database beside it.
// Expired activities are left out, and figures of nothing.
func (db *DB) Compare(ctx context.Context, table, other string, limit int) (rows uint64, diffs []Difference, err error) {
	s, compared, uncompared := shapes[table], "", []string{columnSeq, columnVer, columnBatch}
	if s.arrival != "" {
		uncompared = append(uncompared, s.arrival)
	}
	switch {
	case s.expires != "":
		compared = "WHERE " + s.expires + " > toDateTime({living:UInt32}, 'UTC')"
	case s.counts != "":
		compared = "WHERE " + s.counts + " != 0"
	}
	pieces := strings.NewReplacer("/*key*/", strings.Join(s.key, ", "), "/*compared*/", compared, "/*uncompared*/", strings.Join(uncompared, ", "))
	bound := clickhouse.Context(
		parameters(ctx, "table", table, "other", other, "limit", limit, "living", db.options.Now().Add(expiryMargin).Unix()),
		clickhouse.WithSettings(clickhouse.Settings{"max_bytes_before_external_group_by": compareMemory}))
	if err := db.queries.QueryRow(bound, pieces.Replace(compareCountSQL)).Scan(&rows); err != nil {
		return 0, nil, unavailable(fmt.Errorf("table %s: count: %w", table, err))
	}
	found, err := db.queries.Query(bound, pieces.Replace(compareSQL))
	if err != nil {
		return 0, nil, unavailable(fmt.Errorf("table %s: compare with %s: %w", table, other, err))
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var d Difference
		if err := found.Scan(&d.Key, &d.Here, &d.There, &d.HashHere, &d.HashThere); err != nil {
			return 0, nil, unavailable(fmt.Errorf("table %s: compare with %s: %w", table, other, err))
		}
		diffs = append(diffs, d)
	}
	if err := found.Err(); err != nil {
		return 0, nil, unavailable(fmt.Errorf("table %s: compare with %s: %w", table, other, err))
	}
	return rows, diffs, nil
}

// DropDatabase removes a database beside the live one, of which the DSN is given, with all its tables, if there is one. The live one is
// refused with schemas.ErrConflict.
func DropDatabase(ctx context.Context, live, name string) error {
	o, err := ParseDSN(live)
	if err != nil {
		return err
	}
	if o.Auth.Database == name {
		return fmt.Errorf("drop database %s: %w: it is the live one", name, schemas.ErrConflict)
	}
	o.Auth.Database = "default"
	conn, err := clickhouse.Open(o)
	if err != nil {
		return badDSN(err.Error())
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Exec(parameters(ctx, "database", name), dropDatabaseSQL); err != nil {
		return unavailable(fmt.Errorf("drop database %s: %w", name, err))
	}
	return nil
}
