package localtest_test

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"deskstream/local/localtest"
)

func TestDatabaseIsEmptyAndWritable(t *testing.T) {
	t.Parallel()
	o, err := clickhouse.ParseDSN(localtest.TestDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx := context.Background()
	for _, q := range []string{
		"CREATE TABLE a (x UInt8) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO a VALUES (7)",
	} {
		if err := c.Exec(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	var tables, x uint64
	if err := c.QueryRow(ctx, "SELECT count(), (SELECT toUInt64(sum(x)) FROM a) FROM system.tables WHERE database = currentDatabase()").Scan(&tables, &x); err != nil {
		t.Fatal(err)
	}
	if tables != 1 || x != 7 {
		t.Fatalf("got %d tables and sum %d, want 1 and 7", tables, x)
	}
}

func TestAnalystReadsTheTestDatabase(t *testing.T) {
	t.Parallel()
	dsn := localtest.TestDatabase(t)
	open := func(dsn string) clickhouse.Conn {
		o, err := clickhouse.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		c, err := clickhouse.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ctx := context.Background()
	if err := open(dsn).Exec(ctx, "CREATE TABLE a ENGINE = MergeTree ORDER BY x AS SELECT 7 AS x"); err != nil {
		t.Fatal(err)
	}
	analyst := open(localtest.AnalystDSN(t, dsn))
	var x uint8
	if err := analyst.QueryRow(ctx, "SELECT x FROM a").Scan(&x); err != nil {
		t.Fatal(err)
	}
	if err := analyst.Exec(ctx, "INSERT INTO a VALUES (8)"); err == nil {
		t.Fatal("the analyst could insert")
	}
}

func TestJetStreamWorks(t *testing.T) {
	t.Parallel()
	n, _, js := localtest.TestJetStream(t)
	if _, err := js.AccountInfo(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !n.SyncAlways() {
		t.Fatal("the server does not sync before it acknowledges")
	}
}
