package stream

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// TestServerTakesSmallBatches runs on a server that is not set up for large batches: after its first refusal they are smaller.
func TestServerTakesSmallBatches(t *testing.T) {
	t.Parallel()
	ns, err := server.NewServer(&server.Options{JetStream: true, StoreDir: t.TempDir(), DontListen: true, NoSigs: true, NoLog: true, MaxPayload: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s := open(t, Options{Conn: nc, Log: testLog(t), Partitions: 1, SinkLinger: 5 * time.Millisecond, MaxBytesEvents: 128 << 20, MaxBytesTxn: 256 << 20})
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := []schemas.Event{click("acme", "c1", 1, 1), trap(2, "wide", maxBatch+200), click("acme", "c1", 3, 1)}
	publish(t, s, events...)
	if s.maxMessages() != largeBatch {
		t.Fatalf("before the first refusal %d messages are tried", s.maxMessages())
	}
	run(t, s, counters, acts, counts)
	drain(t, s)
	checkExact(t, events, acts, counts)
	if s.maxMessages() != maxBatch {
		t.Fatalf("%d messages are tried still", s.maxMessages())
	}
}

// TestPace holds that batches become smaller when commits take long, and grow again, within bounds.
func TestPace(t *testing.T) {
	t.Parallel()
	l := &loop{most: firstEvents}
	for range 50 {
		l.pace(time.Millisecond)
	}
	if l.most != maxEvents {
		t.Errorf("fast commits: up to %d events", l.most)
	}
	l.pace(slowCommit * 3 / 4)
	if l.most != maxEvents {
		t.Errorf("neither fast nor slow: up to %d events", l.most)
	}
	for range 50 {
		l.pace(budget)
	}
	if l.most != 1 {
		t.Errorf("slow commits: up to %d events", l.most)
	}
}
