package sinks

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// meta is stream.Meta, which this package must satisfy without importing it.
type meta interface {
	LoadMeta(ctx context.Context) ([]schemas.StreamMeta, error)
	SaveMeta(ctx context.Context, m schemas.StreamMeta) error
}

// sink is stream.Sink.
type sink interface {
	Table() string
	Write(ctx context.Context, b schemas.Block) error
}

var (
	_ meta = (*DB)(nil)
	_ sink = (*Writer)(nil)
)

func TestMeta(t *testing.T) {
	t.Parallel()
	db, dsn := testDB(t)
	if all, err := db.LoadMeta(t.Context()); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 123_000_000, time.UTC)
	events := schemas.StreamMeta{Stream: schemas.StreamEvents, Epoch: "e1", Gen: 1, LastSeq: 10, RecordedAt: at}
	txn := schemas.StreamMeta{Stream: schemas.StreamTxn, Epoch: "e2", Gen: 3, LastSeq: 1<<63 + 5, RecordedAt: at}
	later := events
	later.LastSeq, later.RecordedAt = 20, at.Add(time.Millisecond)
	for _, m := range []schemas.StreamMeta{txn, later, events, events} {
		if err := db.SaveMeta(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	all, err := openDB(t, dsn).LoadMeta(t.Context())
	if err != nil || len(all) != 2 || all[0] != later || all[1] != txn {
		t.Errorf("%+v, %v", all, err)
	}
	later.LastSeq, later.RecordedAt = 30, time.Time{}
	if err := db.SaveMeta(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if all, err = db.LoadMeta(t.Context()); err != nil || all[0].LastSeq != 30 || time.Since(all[0].RecordedAt) > time.Minute {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestParseDSN(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "is empty",
		"localhost:9000/deskstream":     "--clickhouse-dsn",
		"http://h:8123/d":               "native protocol",
		"https://h:8443/d?secure=true":  "native protocol",
		"postgres://h/d":                "scheme",
		"clickhouse://h:9000":           "names no database",
		"clickhouse://h:9000/a-b":       `names the database "a-b"`,
		"clickhouse://h:9000/d;DROP":    "names the database",
		"clickhouse:///d":               "--clickhouse-dsn",
		"clickhouse://:9000/d":          "no host",
		"clickhouse://h:99999/d":        "port",
		"clickhouse://u:hunter2@h:x/d":  "--clickhouse-dsn",
		"clickhouse://u:hunter2@h%zz/d": "--clickhouse-dsn",
	} {
		_, err := Open(t.Context(), in, Options{})
		if !errors.Is(err, schemas.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--clickhouse-dsn") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	for in, want := range map[string]struct {
		addr   string
		method clickhouse.CompressionMethod
	}{
		"clickhouse://u:p@127.0.0.1:9001/d":           {"127.0.0.1:9001", clickhouse.CompressionNone},
		"clickhouse://localhost/d":                    {"localhost:9000", clickhouse.CompressionNone},
		"clickhouse://[::1]:9000/d":                   {"[::1]:9000", clickhouse.CompressionNone},
		"tcp://ch.example.test/d?secure=true":         {"ch.example.test:9440", clickhouse.CompressionLZ4},
		"native://10.0.0.1:9000/d":                    {"10.0.0.1:9000", clickhouse.CompressionLZ4},
		"clickhouse://10.0.0.1:9000/d?compress=none":  {"10.0.0.1:9000", clickhouse.CompressionNone},
		"clickhouse://127.0.0.1:9000/d?compress=zstd": {"127.0.0.1:9000", clickhouse.CompressionZSTD},
	} {
		o, err := ParseDSN(in)
		if err != nil || o.Addr[0] != want.addr || o.Compression.Method != want.method {
			t.Errorf("%s: %+v, %v", in, o, err)
		}
	}
}

// TestDatabaseOfADSN names the database in every form that the driver takes: what is told of it is what the driver connects to, and another one
// in its place is all that changes.
func TestDatabaseOfADSN(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"clickhouse://u:p@h:9000/live",
		"clickhouse://u:p@h:9000/live/?x=1",
		"clickhouse://u:p@h:9000?database=live",
		"clickhouse://u:p@h:9000/?database=live",
		"clickhouse://u:p@h:9000/other?database=live",
		"clickhouse://u:p@h:9000/other?database=live&database=third",
		"clickhouse://u:p@h:9000/l%69ve",
		"clickhouse://u:p@h:9000/other?d%61tabase=l%69ve&dial_timeout=3s",
		"clickhouse://u:p@h:9000/live?Database=other",
		"clickhouse://u:p@h:9000/live?x=1;database=other",
		"clickhouse://u:p@h:9000/live#?database=other",
		"clickhouse://u:p@h:9000/live?a=/x?b",
		"clickhouse://u:p%2Fq%3Fr%23s%40t@h:9000/live?username=v&password=%26w%3D+x",
		"clickhouse://u:p@h1:9000,h2:9001/live?secure=true",
		"tcp://[::1]:9000/live?compress=lz4",
	} {
		o, err := clickhouse.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		name, err := Database(dsn)
		if strings.Contains(dsn, "live/") {
			if err == nil {
				t.Errorf("%s: a path of two parts names %s", dsn, name)
			}
			continue
		}
		if err != nil || name != "live" || name != o.Auth.Database {
			t.Errorf("%s: %s, %v", dsn, name, err)
		}
		second, err := WithDatabase(dsn, "live_verify")
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		got, err := clickhouse.ParseDSN(second)
		if err != nil {
			t.Fatal(err)
		}
		if o.Auth.Database = "live_verify"; !reflect.DeepEqual(got, o) {
			t.Errorf("%s is %+v, want %+v", second, got, o)
		}
	}
	for _, dsn := range []string{"", "clickhouse://h:9000", "clickhouse://h:9000/live?database=", "http://h:8123/live", "clickhouse:live"} {
		if name, err := Database(dsn); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%s: %q, %v", dsn, name, err)
		}
		if second, err := WithDatabase(dsn, "b"); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%s: %q, %v", dsn, second, err)
		}
	}
	for _, name := range []string{"", "a-b", "a?database=live", "a#", "a/b", "a%62"} {
		if second, err := WithDatabase("clickhouse://h:9000/live", name); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%q: %q, %v", name, second, err)
		}
	}
}

// TestLiveDatabaseIsNotDropped asks for it in every form of DSN; the one beside it goes.
func TestLiveDatabaseIsNotDropped(t *testing.T) {
	t.Parallel()
	db, dsn := testDB(t)
	i := strings.LastIndex(dsn, "/")
	server, name := dsn[:i], dsn[i+1:]
	second, err := WithDatabase(dsn, name+"_second")
	if err != nil {
		t.Fatal(err)
	}
	for _, live := range []string{dsn, server + "?database=" + name, server + "/deskstream_other?database=" + name} {
		if err := DropDatabase(t.Context(), live, name); !errors.Is(err, schemas.ErrConflict) {
			t.Errorf("%s: %v", live, err)
		}
		if err := Migrate(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if err := DropDatabase(t.Context(), live, name+"_second"); err != nil {
			t.Error(err)
		}
		if have, _, err := Versions(t.Context(), second); err != nil || have != 0 {
			t.Errorf("%s: the second database has version %d, %v", live, have, err)
		}
	}
	if n := count(t, db, "system.tables WHERE database = currentDatabase()"); n == 0 {
		t.Error("the live database has no tables")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	_, dsn := testDB(t)
	if _, err := Open(t.Context(), strings.Replace(dsn, "app:", "app:wrong", 1), Options{}); !errors.Is(err, schemas.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("wrong password: %v", err)
	}
	r := prometheus.NewRegistry()
	db, err := Open(t.Context(), dsn+"?compress=lz4", Options{Registerer: r, MaxInserts: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := pack(t, schemas.TableActivities, 1, activities(0, 2000, day(1))...)
	if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), b); err != nil {
		t.Errorf("compressed: %v", err)
	}
	if n := count(t, db, "activities WHERE message LIKE '%colorful%'"); n != 2000 {
		t.Errorf("%d rows", n)
	}
	if families, err := r.Gather(); err != nil || len(families) < 2 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), b); !errors.Is(err, schemas.ErrUnavailable) {
		t.Errorf("write after close: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(canceled, dsn, Options{}); !errors.Is(err, schemas.ErrUnavailable) {
		t.Errorf("canceled: %v", err)
	}
}
