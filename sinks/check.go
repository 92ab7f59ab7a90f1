package sinks

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Check is one thing that was read back from the server: what it is, its value, whether it is right, and if not, what to do.
type Check struct {
	Name  string
	Value string
	OK    bool
	Fix   string // "" when OK
}

// Least version of ClickHouse (a long-term release with all that the tables need).
const leastMajor, leastMinor = 25, 8

//go:embed check_server.sql
var checkServerSQL string

//go:embed check_merge_tree.sql
var checkMergeTreeSQL string

//go:embed check_tables.sql
var checkTablesSQL string

//go:embed check_version.sql
var checkVersionSQL string

// SelfCheck reads back what exactly-once and retention rest on: version, settings of our inserts and of each table, and the TTL. The
// values are the ones in force, not the ones that were asked for. Production must not start while one is not OK. When ClickHouse does
// not answer, the only check says so.
func (db *DB) SelfCheck(ctx context.Context) []Check {
	checks, err := db.selfCheck(ctx)
	if err != nil {
		return append(checks, Check{Name: "clickhouse", Value: err.Error(), Fix: "see that ClickHouse runs, and migrate the database"})
	}
	return checks
}

func (db *DB) selfCheck(ctx context.Context) ([]Check, error) {
	checks, err := db.checkServer(ctx)
	if err != nil {
		return nil, err
	}
	version, err := db.checkVersion(ctx)
	if err != nil {
		return checks, err
	}
	tables, err := db.checkTables(ctx)
	return append(append(checks, version), tables...), err
}

// checkServer looks at what our inserts get.
func (db *DB) checkServer(ctx context.Context) ([]Check, error) {
	settings := clickhouse.Settings{}
	for _, s := range insertSettings("", 1) {
		if s.Value != "" {
			settings[s.Key] = s.Value
		}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	var version, zone, async, deduplicate string
	if err := db.queries.QueryRow(ctx, checkServerSQL).Scan(&version, &zone, &async, &deduplicate); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return []Check{
		check("server version", version, newEnough(version), fmt.Sprintf("upgrade ClickHouse to %d.%d or later", leastMajor, leastMinor)),
		check("server time zone", zone, zone == "UTC", "set <timezone>UTC</timezone>, so that analysts' functions without a zone agree with the tables"),
		check("async_insert", async, isOff(async), "remove constraints on async_insert from the user's profile: an insert must be stored when it is acknowledged"),
		check("insert_deduplicate", deduplicate, !isOff(deduplicate), "remove constraints on insert_deduplicate from the user's profile"),
	}, nil
}

func check(name, value string, ok bool, fix string) Check {
	c := Check{Name: name, Value: value, OK: ok}
	if !ok {
		c.Fix = fix
	}
	return c
}

func isOff(s string) bool { return s == "0" || s == "false" }

func newEnough(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > leastMajor || major == leastMajor && minor >= leastMinor)
}

// checkVersion compares the database with the migrations in this program.
func (db *DB) checkVersion(ctx context.Context) (Check, error) {
	versions, err := db.strings(ctx, checkVersionSQL)
	if err != nil || len(versions) != 1 {
		return Check{}, fmt.Errorf("schema version: %w", err)
	}
	want, err := latestMigration()
	if err != nil {
		return Check{}, err
	}
	return check("schema version", versions[0], versions[0] == want, "this program needs version "+want+": migrate the database, or start the program that fits it"), nil
}

func latestMigration() (string, error) {
	files, err := schemas.Migrations.ReadDir("migrations")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("migrations: %w", err)
	}
	number, _, _ := strings.Cut(files[len(files)-1].Name(), "_")
	return strings.TrimLeft(number, "0"), nil
}

// checkTables gives one line for each table.
func (db *DB) checkTables(ctx context.Context) ([]Check, error) {
	defaults, err := db.mergeTreeDefaults(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := db.tableQueries(ctx)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for _, table := range append(slices.Clone(schemas.Tables), "pipeline_meta") {
		checks = append(checks, checkTable(table, tables[table], defaults))
	}
	return checks, nil
}

func (db *DB) mergeTreeDefaults(ctx context.Context) (map[string]string, error) {
	return db.pairs(ctx, checkMergeTreeSQL)
}

func (db *DB) tableQueries(ctx context.Context) (map[string]string, error) {
	return db.pairs(ctx, checkTablesSQL)
}

// pairs gives the two columns of a query as a map.
func (db *DB) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := db.queries.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		all[name] = value
	}
	return all, rows.Err()
}

// needs is the least value of each setting of a table.
var needs = map[string]int{"fsync_after_insert": 1, "fsync_part_directory": 1, "max_suspicious_broken_parts": 1000}

// leastWindow is the least number of insert tokens a table must remember.
const leastWindow = 1000

func checkTable(table, query string, defaults map[string]string) Check {
	if query == "" {
		return check("table "+table, "missing", false, "migrate the database")
	}
	wanted := maps.Clone(needs)
	if _, ok := shapes[table]; ok {
		wanted["non_replicated_deduplication_window"] = leastWindow
	}
	var values, fixes []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value := settingOf(query, name, defaults)
		values = append(values, name+"="+value)
		if n, err := strconv.Atoi(value); err != nil || n < wanted[name] {
			fixes = append(fixes, fmt.Sprintf("ALTER TABLE %s MODIFY SETTING %s = %d", table, name, wanted[name]))
		}
	}
	if s := shapes[table]; s.expires != "" {
		values = append(values, "ttl="+ttlOf(query))
		if !strings.HasPrefix(ttlOf(query), s.expires) {
			fixes = append(fixes, fmt.Sprintf("ALTER TABLE %s MODIFY TTL %s DELETE", table, s.expires))
		}
	}
	return check("table "+table, strings.Join(values, " "), len(fixes) == 0, strings.Join(fixes, "; "))
}

// settingOf is the value in force: the table's own, else the server's.
func settingOf(query, name string, defaults map[string]string) string {
	if _, settings, ok := strings.Cut(query, " SETTINGS "); ok {
		if m := regexp.MustCompile(`\b` + name + ` = '?(\w+)'?`).FindStringSubmatch(settings); m != nil {
			return m[1]
		}
	}
	return defaults[name]
}

var ttlClause = regexp.MustCompile(`\bTTL (.+?) (?:SETTINGS|COMMENT)\b`)

func ttlOf(query string) string {
	if m := ttlClause.FindStringSubmatch(query); m != nil {
		return m[1]
	}
	return "none"
}
