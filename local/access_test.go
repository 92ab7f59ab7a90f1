//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Codes of the server's errors, from ClickHouse's ErrorCodes.cpp.
const (
	codeDisk           = 36
	codeNoFile         = 76
	codeTooManyRows    = 158
	codeTooSlow        = 159
	codeReadonly       = 164
	codeQuota          = 201
	codeTooManyResults = 396
	codeConstraint     = 452
	codeOutside        = 481
	codeDenied         = 497
	codeAuthentication = 516
	codeSessions       = 700
)

// answer runs a statement and reads to its end, because some errors show only there.
func answer(t *testing.T, dsn, statement string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	rows, err := open(t, dsn).Query(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		continue
	}
	return rows.Err()
}

func TestAnalystOnlyReadsWithinLimits(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	// The logs are made when they are flushed first; a table that is not there yet would be another error.
	mustExec(t, open(t, e.DSN()), "CREATE OR REPLACE TABLE many (x UInt64) ENGINE = MergeTree ORDER BY x", "INSERT INTO many SELECT number FROM numbers(20000)", "SYSTEM FLUSH LOGS")
	for statement, want := range map[string]int32{
		"SELECT x FROM many LIMIT 10000": 0,
		"SELECT x FROM many LIMIT 10 SETTINGS max_execution_time = 20, max_result_rows = 10": 0,
		"SELECT x FROM many": codeTooManyResults,
		"SELECT x FROM many LIMIT 20 SETTINGS max_result_rows = 10": codeTooManyResults,
		"SELECT sum(number) FROM numbers(60000000)":                 codeTooManyRows,
		"SELECT count() FROM many WHERE sleepEachRow(1) = 0 SETTINGS max_execution_time = 1, max_block_size = 1, function_sleep_max_microseconds_per_block = 3000000": codeTooSlow,

		"INSERT INTO many VALUES (1)":                                            codeDenied,
		"CREATE TABLE more (x UInt8) ENGINE = Memory":                            codeDenied,
		"CREATE TEMPORARY TABLE more (x UInt8)":                                  codeDenied,
		"ALTER TABLE many DELETE WHERE 1":                                        codeDenied,
		"DROP TABLE many":                                                        codeDenied,
		"SYSTEM FLUSH LOGS":                                                      codeDenied,
		"KILL QUERY WHERE 1":                                                     codeDenied,
		"SELECT * FROM system.users":                                             codeDenied,
		"SELECT * FROM system.query_log":                                         codeDenied,
		"SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt64')":            codeDenied,
		"SELECT * FROM file('/etc/hostname', 'CSV', 'a String')":                 codeDenied,
		"SELECT * FROM remote('127.0.0.1:1', 'deskstream', 'many')":              codeDenied,
		"SELECT * FROM s3('http://127.0.0.1:1/bucket/b.csv', 'CSV', 'a UInt64')": codeDenied,
		"SELECT * FROM sqlite('/tmp/a.db', 'a')":                                 codeOutside,
		"SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')":                 codeDenied,

		"SELECT x FROM many SETTINGS readonly = 0":                             codeReadonly,
		"SELECT x FROM many SETTINGS max_result_rows = 0":                      codeConstraint,
		"SELECT x FROM many SETTINGS max_result_rows = 20000":                  codeConstraint,
		"SELECT x FROM many SETTINGS max_result_bytes = 0":                     codeConstraint,
		"SELECT x FROM many SETTINGS result_overflow_mode = 'break'":           codeConstraint,
		"SELECT x FROM many SETTINGS max_rows_to_read = 0":                     codeConstraint,
		"SELECT x FROM many SETTINGS max_execution_time = 0":                   codeConstraint,
		"SELECT x FROM many SETTINGS max_execution_time = 31":                  codeConstraint,
		"SELECT x FROM many SETTINGS max_memory_usage = 0":                     codeConstraint,
		"SELECT x FROM many SETTINGS max_memory_usage_for_user = 0":            codeConstraint,
		"SELECT x FROM many SETTINGS max_memory_usage_for_user = 300000001":    codeConstraint,
		"SELECT x FROM many SETTINGS profile = 'default'":                      codeTooManyResults,
		"SELECT x FROM many SETTINGS profile = 'default', max_result_rows = 0": codeConstraint,
	} {
		if err := answer(t, e.AnalystDSN(), statement); code(err) != want {
			t.Errorf("%s: got %v, want code %d", statement, err, want)
		}
	}
}

// TestAnalystGetsNoPartOfAnAnswer: over HTTP a query that goes over a limit after its first rows is answered by an error, not by these rows.
func TestAnalystGetsNoPartOfAnAnswer(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	q := querier{url: e.HTTP(), user: "analyst", password: e.secrets.analyst}
	const slowly = " SETTINGS max_block_size = 100, output_format_parallel_formatting = 0"
	for statement, want := range map[string]string{
		"SELECT number FROM numbers(20000)" + slowly:                            "HTTP 500: Code: 396.",
		"SELECT repeat(toString(number), 6000) FROM numbers(9000)" + slowly:     "HTTP 500: Code: 396.",
		"SELECT number, throwIf(number = 9000) FROM numbers(9100)" + slowly:     "HTTP 500: Code: 395.",
		"SELECT number FROM numbers(10000) ORDER BY number LIMIT 1 OFFSET 9999": "",
	} {
		rows, err := q.query(context.Background(), statement)
		if want == "" && (err != nil || rows != "9999\n") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %.100q, %.300v, want %q", statement, rows, err, want)
		}
	}
}

// TestNobodyReadsOtherFiles: the function file() asks for no right.
func TestNobodyReadsOtherFiles(t *testing.T) {
	t.Parallel()
	if err := confinable(); err != nil {
		t.Skip(err)
	}
	e := sharedEngine(t)
	secret := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	inMemory := filepath.Join("/dev/shm", fmt.Sprintf("deskstream-%d", os.Getpid()))
	if err := os.WriteFile(inMemory, []byte("secret"), 0o600); err == nil {
		t.Cleanup(func() { _ = os.Remove(inMemory) })
	}
	parent := fmt.Sprintf("/proc/%d", os.Getpid())
	for _, path := range []string{
		secret, "/etc/passwd", "../app.password", filepath.Join(shared.dir, "app.password"), filepath.Join(shared.dir, "analyst.password"),
		"/proc/self/root" + secret, parent + "/environ", parent + "/root/etc/passwd", parent + "/cmdline", parent + "/status", "/proc/1/cmdline", inMemory,
		"/etc/ssl/private/ssl-cert-snakeoil.key", "/proc/keys", "/proc/kmsg", "/sys/kernel/notes", "/sys/kernel/tracing/trace_pipe", "/dev/stdin", "/dev/tty", "/dev/ptmx",
	} {
		if _, err := os.Lstat(path); filepath.IsAbs(path) && errors.Is(err, fs.ErrNotExist) {
			continue // not every system has it
		}
		for user, dsn := range map[string]string{"analyst": e.AnalystDSN(), "app": e.DSN()} {
			if err := answer(t, dsn, "SELECT file('"+path+"')"); code(err) != codeNoFile {
				t.Errorf("%s reads %s: %v, want code %d", user, path, err, codeNoFile)
			}
		}
	}
}

// TestNobodyMakesFiles: the function sqlite() makes its file before it asks for a right.
func TestNobodyMakesFiles(t *testing.T) {
	t.Parallel()
	if err := confinable(); err != nil {
		t.Skip(err)
	}
	e := sharedEngine(t)
	there := filepath.Join(t.TempDir(), "there.txt")
	if err := os.WriteFile(there, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := []string{filepath.Join(t.TempDir(), "made")}
	for _, folder := range []string{"", "data", "data/metadata", "data/store", "tmp", "user_files"} {
		made = append(made, filepath.Join(shared.dir, folder, "made.sql"))
	}
	for user, dsn := range map[string]string{"analyst": e.AnalystDSN(), "app": e.DSN()} {
		for _, path := range append(made, there) {
			if err := answer(t, dsn, "SELECT * FROM sqlite('"+path+"', 'a')"); err == nil {
				t.Errorf("%s opens %s", user, path)
			}
			if _, err := os.Stat(path); path != there && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s made %s: %v", user, path, err)
			}
		}
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "as it was" {
		t.Errorf("a file outside reads %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(shared.dir, "data", "metadata")); err != nil {
		t.Error(err) // the folders of this test are those of the engine
	}
}

func TestAnalystHasAQuota(t *testing.T) {
	t.Parallel()
	e := startEngine(t, EngineOptions{Dir: t.TempDir()})
	app := open(t, e.DSN())
	mustExec(t, app, "CREATE TABLE few (x UInt64) ENGINE = MergeTree ORDER BY x", "INSERT INTO few VALUES (1)")
	c := open(t, e.AnalystDSN())
	var err error
	n := 0
	for ; err == nil && n < 700; n++ {
		err = c.Exec(context.Background(), "SELECT x FROM few")
	}
	if code(err) != codeQuota {
		t.Fatalf("after %d queries: %v, want code %d", n, err, codeQuota)
	}
	if got := number(t, app, "SELECT sum(x) FROM few"); got != 1 {
		t.Error("the pipeline was limited too")
	}
}

func TestAppReachesNeitherFilesNorCommands(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	secret := filepath.Join(t.TempDir(), "secret.csv")
	if err := os.WriteFile(secret, []byte("1,secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dictionary := "CREATE DICTIONARY %s (a UInt64, b String) PRIMARY KEY a SOURCE(%s) LAYOUT(FLAT()) LIFETIME(0)"
	for statement, want := range map[string]int32{
		"SELECT * FROM file('" + secret + "', 'CSV', 'a UInt64, b String')":                                                                  codeDenied,
		"SELECT * FROM file('s.csv', 'CSV', 'a UInt64, b String')":                                                                           codeDenied,
		"INSERT INTO FUNCTION file('" + secret + "', 'CSV', 'a UInt64') SELECT 1":                                                            codeDenied,
		"SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt64')":                                                                        codeDenied,
		"SELECT * FROM s3('http://127.0.0.1:1/bucket/b.csv', 'CSV', 'a UInt64')":                                                             codeDenied,
		"SELECT * FROM icebergLocal('" + secret + "')":                                                                                       codeDenied,
		"SELECT * FROM sqlite('" + secret + "', 'a')":                                                                                        codeOutside,
		"CREATE TABLE f (a UInt64, b String) ENGINE = File(CSV, '" + secret + "')":                                                           codeDenied,
		"CREATE TABLE f (a UInt64, b String) ENGINE = URL('http://127.0.0.1:1/', CSV)":                                                       codeDenied,
		"CREATE DATABASE deskstream_f ENGINE = Filesystem('/etc')":                                                                           codeDenied,
		fmt.Sprintf(dictionary, "d", "FILE(PATH '"+secret+"' FORMAT 'CSV')"):                                                                 codeDenied,
		fmt.Sprintf(dictionary, "d", "EXECUTABLE(COMMAND 'cat "+secret+"' FORMAT 'CSV')"):                                                    codeDenied,
		fmt.Sprintf(dictionary, "d", "HTTP(URL 'http://127.0.0.1:1/' FORMAT 'CSV')"):                                                         codeDenied,
		fmt.Sprintf(dictionary, "deskstream_x.d", "EXECUTABLE(COMMAND 'cat x' FORMAT 'CSV')"):                                                codeDenied,
		"ATTACH TABLE f FROM '/etc' (a UInt64) ENGINE = MergeTree ORDER BY a":                                                                codeOutside,
		"ATTACH TABLE f FROM '" + shared.dir + "' (a UInt64) ENGINE = MergeTree ORDER BY a":                                                  codeOutside,
		"ATTACH TABLE f FROM '" + shared.dir + "/data' (a UInt64) ENGINE = MergeTree ORDER BY a":                                             codeOutside,
		"BACKUP DATABASE deskstream TO File('/tmp/backup')":                                                                                  codeDisk,
		"CREATE TABLE f (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '" + filepath.Dir(secret) + "/')": codeDisk,

		"CREATE DATABASE other":                             codeDenied,
		"CREATE TABLE default.f (a UInt64) ENGINE = Memory": codeDenied,
		"CREATE FUNCTION f AS (x) -> x":                     codeDenied,
		"CREATE USER other":                                 codeDenied,
		"SYSTEM SHUTDOWN":                                   codeDenied,
		"SYSTEM STOP LISTEN TCP":                            codeDenied,
		"SYSTEM ENABLE FAILPOINT terminate_with_exception":  codeDenied,
	} {
		if err := answer(t, e.DSN(), statement); code(err) != want {
			t.Errorf("%s: got %v, want code %d", statement, err, want)
		}
	}
}

func TestAppOwnsItsDatabases(t *testing.T) {
	t.Parallel()
	c := open(t, sharedEngine(t).DSN())
	mustExec(t, c,
		"CREATE DATABASE deskstream_own",
		"CREATE TABLE deskstream_own.a (x UInt64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY x",
		"CREATE TABLE deskstream_own.s (x UInt64) ENGINE = SummingMergeTree ORDER BY x",
		"CREATE MATERIALIZED VIEW deskstream_own.m TO deskstream_own.s AS SELECT x FROM deskstream_own.a",
		"CREATE VIEW deskstream_own.p AS SELECT * FROM deskstream_own.a FINAL WHERE x = {x:UInt64}",
		"INSERT INTO deskstream_own.a VALUES (1, 1)",
		"ALTER TABLE deskstream_own.a ADD COLUMN y UInt64",
		"DELETE FROM deskstream_own.a WHERE x = 2",
		"OPTIMIZE TABLE deskstream_own.a FINAL",
		"BACKUP DATABASE deskstream_own TO Disk('backups', 'own.tar.gz')",
		"DROP DATABASE deskstream_own SYNC",
		"RESTORE DATABASE deskstream_own FROM Disk('backups', 'own.tar.gz')",
	)
	if got := number(t, c, "SELECT count() FROM deskstream_own.s"); got != 1 {
		t.Errorf("%d rows restored, want 1", got)
	}
	mustExec(t, c, "DROP DATABASE deskstream_own SYNC")
}

func TestNobodyLogsInAsDefault(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	for _, password := range []string{"", "x"} {
		u := url.URL{Scheme: "clickhouse", User: url.UserPassword("default", password), Host: e.TCP(), Path: "/deskstream"}
		if err := answer(t, u.String(), "SELECT 1"); code(err) != codeSessions && code(err) != codeAuthentication {
			t.Errorf("native port, password %q: %v", password, err)
		}
		q := querier{url: e.HTTP(), user: "default", password: password}
		if out, err := q.query(context.Background(), "SELECT 1"); err == nil || !strings.Contains(err.Error(), "HTTP ") {
			t.Errorf("HTTP port, password %q: %q, %v", password, out, err)
		}
	}
	// The pipeline user may connect to other engines, hence to this one too.
	if err := answer(t, e.DSN(), "SELECT * FROM remote('"+e.TCP()+"', 'system', 'one', 'default', '')"); err == nil {
		t.Error("the pipeline user could log in as default")
	}
}
