package sinks

import (
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

func TestMigrateTwiceAtOnceAndCutOff(t *testing.T) {
	t.Parallel()
	dsn := localtest.TestDatabase(t)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = Migrate(t.Context(), dsn) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	db := openDB(t, dsn)
	want := count(t, db, "system.tables WHERE database = currentDatabase()")

	// A process that was killed between a statement and the record of it: the table is there, its version is not.
	exec(t, db, "ALTER TABLE "+versionTable+" DELETE WHERE version_id >= 12")
	if err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if got := count(t, db, "system.tables WHERE database = currentDatabase()"); got != want {
		t.Errorf("tables: %d, want %d", got, want)
	}
}

func TestMigrateCreatesTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := localtest.TestDatabase(t)
	db := openDB(t, dsn)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "_new"
	if err := Migrate(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "DROP DATABASE "+strings.TrimPrefix(u.Path, "/")+" SYNC")
	if _, err := Open(t.Context(), u.String(), Options{}); !errors.Is(err, schemas.ErrUnavailable) || !strings.Contains(err.Error(), "migrate it first") {
		t.Errorf("open a missing database: %v", err)
	}
}

func TestMigrateRefusesNewerDatabase(t *testing.T) {
	t.Parallel()
	db, dsn := testDB(t)
	exec(t, db, "INSERT INTO "+versionTable+" (version_id, is_applied) VALUES (9000, 1)")
	err := Migrate(t.Context(), dsn)
	if !errors.Is(err, schemas.ErrConflict) || !strings.Contains(err.Error(), "9000") {
		t.Errorf("migrate: %v", err)
	}
}

func TestMigrateNoServer(t *testing.T) {
	t.Parallel()
	if err := Migrate(t.Context(), "clickhouse://u:secret@127.0.0.1:1/d?dial_timeout=1s"); !errors.Is(err, schemas.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("migrate: %v", err)
	}
}

// A migration is run again when its process was killed before it was recorded.
func TestMigrationsCanBeAppliedTwice(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schemas.Migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	statement := regexp.MustCompile(`(?m)^(CREATE|DROP|ALTER)\b.*$`)
	for _, file := range files {
		text, err := fs.ReadFile(schemas.Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statement.FindAllString(string(text), -1) {
			if !strings.Contains(s, "IF NOT EXISTS") && !strings.Contains(s, "IF EXISTS") && !strings.Contains(s, "OR REPLACE") {
				t.Errorf("%s: %s: cannot be applied twice", file, s)
			}
		}
	}
}

func TestEveryTableAndColumnHasAComment(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	bare, err := db.strings(t.Context(), `
		SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''
		UNION ALL
		SELECT table || '.' || name FROM system.columns WHERE database = currentDatabase() AND comment = ''`)
	if err != nil || len(bare) > 0 {
		t.Errorf("without comment: %v, %v", bare, err)
	}
	if n := count(t, db, "system.tables WHERE database = currentDatabase() AND engine = 'View' AND name LIKE 'current\\_%'"); n != uint64(len(schemas.Tables)) {
		t.Errorf("views: %d, want one for each of %d tables", n, len(schemas.Tables))
	}
}

func TestShapesAgreeWithTables(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	if len(shapes) != len(schemas.Tables) {
		t.Errorf("%d shapes for %d tables", len(shapes), len(schemas.Tables))
	}
	for _, table := range schemas.Tables {
		var partition, sorting, create string
		err := db.queries.QueryRow(parameters(t.Context(), "table", table),
			"SELECT partition_key, sorting_key, create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table:String}").Scan(&partition, &sorting, &create)
		if err != nil {
			t.Fatal(table, err)
		}
		s := shapes[table]
		want := ""
		if s.month != "" {
			want = "toYYYYMM(" + s.month + ")"
		}
		if table == schemas.TableTickets { // one partition a month too
			want = "(" + want + ", ticket_id < 0)"
		}
		if partition != want {
			t.Errorf("%s: partition key %s, want %s", table, partition, want)
		}
		if got := strings.Join(s.key, ", "); got != sorting {
			t.Errorf("%s: sorting key %s, want %s", table, sorting, got)
		}
		if has := strings.Contains(create, "TTL "); has != (s.expires != "") {
			t.Errorf("%s: TTL %v, want %q", table, has, s.expires)
		}
	}
}

func TestSelfCheck(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	checks := db.SelfCheck(t.Context())
	if len(checks) < len(schemas.Tables)+5 {
		t.Errorf("%d checks", len(checks))
	}
	for _, c := range checks {
		if !c.OK || c.Value == "" {
			t.Errorf("%+v", c)
		}
	}

	exec(t, db, "ALTER TABLE tickets MODIFY SETTING fsync_after_insert = 0")
	exec(t, db, "ALTER TABLE people MODIFY SETTING non_replicated_deduplication_window = 0")
	exec(t, db, "ALTER TABLE activities REMOVE TTL")
	exec(t, db, "DROP TABLE names")
	files, err := schemas.Migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	number, _, _ := strings.Cut(files[len(files)-1].Name(), "_")
	newest := strings.TrimLeft(number, "0")
	exec(t, db, "ALTER TABLE "+versionTable+" DELETE WHERE version_id = "+newest)
	want := map[string]string{
		"table tickets": "fsync_after_insert = 1", "table people": "deduplication_window = 1000", "table activities": "MODIFY TTL expires_at",
		"table names": "migrate", "schema version": "needs version " + newest,
	}
	for _, c := range db.SelfCheck(t.Context()) {
		fix, bad := want[c.Name]
		if c.OK == bad || bad && !strings.Contains(c.Fix, fix) {
			t.Errorf("%+v, want a fix with %q", c, fix)
		}
	}
}
