//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestExpiredRowsAreDeleted(t *testing.T) {
	t.Parallel()
	c := open(t, sharedEngine(t).DSN())
	mustExec(t, c,
		"CREATE TABLE expiring (x UInt64, expires DateTime) ENGINE = MergeTree ORDER BY x TTL expires DELETE",
		"SYSTEM STOP TTL MERGES expiring",
		"INSERT INTO expiring SELECT number, now() + if(number % 2 = 0, -10, 1000) FROM numbers(1000)",
	)
	if got := number(t, c, "SELECT count() FROM expiring"); got != 1000 {
		t.Fatalf("%d rows before the merge, want 1000", got)
	}
	mustExec(t, c, "SYSTEM START TTL MERGES expiring")
	eventually(t, time.Minute, func() error {
		if got := number(t, c, "SELECT count() FROM expiring"); got != 500 {
			return fmt.Errorf("%d rows, want 500", got)
		}
		return nil
	})
}

// A sink that did not hear back sends the same batch again; the token must make that harmless.
func TestRepeatedInsertIsDropped(t *testing.T) {
	t.Parallel()
	c := open(t, sharedEngine(t).DSN())
	mustExec(t, c, "CREATE TABLE once (x UInt64) ENGINE = MergeTree ORDER BY x")
	for _, token := range []string{"a", "a", "b"} {
		ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": token}))
		b, err := c.PrepareBatch(ctx, "INSERT INTO once")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if err := b.Append(uint64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
	}
	if got := number(t, c, "SELECT count() FROM once"); got != 200 {
		t.Errorf("%d rows, want 200", got)
	}
}

func TestTwoEnginesMakeADistributedTable(t *testing.T) {
	t.Parallel()
	second := startEngine(t, EngineOptions{Dir: t.TempDir()})
	dir := t.TempDir()
	own, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	first := startEngine(t, EngineOptions{Dir: dir, extraConfig: func(tcp int) string {
		return cluster(shard{fmt.Sprintf("127.0.0.1:%d", tcp), own.app}, shard{second.TCP(), second.secrets.app})
	}})
	a, b := open(t, first.DSN()), open(t, second.DSN())
	for _, c := range []clickhouse.Conn{a, b} {
		mustExec(t, c, "CREATE TABLE part (x UInt64) ENGINE = MergeTree ORDER BY x")
	}
	mustExec(t, a,
		"CREATE TABLE whole AS part ENGINE = Distributed('two', 'deskstream', 'part', x)",
		"INSERT INTO whole SELECT number FROM numbers(1000) SETTINGS distributed_foreground_insert = 1",
	)
	if got := number(t, a, "SELECT sum(x) FROM whole"); got != 499_500 {
		t.Errorf("sum over both is %d, want 499500", got)
	}
	for name, c := range map[string]clickhouse.Conn{"first": a, "second": b} {
		if got := number(t, c, "SELECT count() FROM part"); got != 500 {
			t.Errorf("the %s engine has %d rows, want 500", name, got)
		}
	}
}

// shard is an address with the password of its pipeline user.
type shard struct{ address, password string }

func cluster(shards ...shard) string {
	var b strings.Builder
	b.WriteString("<remote_servers><two>")
	for _, s := range shards {
		host, port, _ := strings.Cut(s.address, ":")
		fmt.Fprintf(&b, "<shard><replica><host>%s</host><port>%s</port><user>app</user><password>%s</password></replica></shard>", host, port, s.password)
	}
	b.WriteString("</two></remote_servers>")
	return b.String()
}
