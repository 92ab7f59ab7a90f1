package local

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startCluster runs three servers as an operator of the external kind would, to see that what the embedded server promises
// holds for a replicated one.
func startCluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []*url.URL
	ports := make([]int, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, &url.URL{Scheme: "nats", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[i]))})
		_ = l.Close()
	}
	var cluster []*server.Server
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 28, SyncAlways: true,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
			Routes:  routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
		cluster = append(cluster, s)
	}
	eventually(t, time.Minute, func() error {
		for _, s := range cluster {
			if s.ReadyForConnections(time.Millisecond) && s.JetStreamIsLeader() {
				return nil
			}
		}
		return fmt.Errorf("no leader")
	})
	return cluster
}

func TestNATSClusterSurvivesItsLeader(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	urls := cluster[0].ClientURL() + "," + cluster[1].ClientURL() + "," + cluster[2].ClientURL()
	nc, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	addStream(t, js, 3)
	publish := func(from, to int) {
		for i := from; i < to; i++ {
			id := strconv.Itoa(i)
			eventually(t, time.Minute, func() error {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_, err := js.Publish(ctx, "kept.a", []byte(id), jetstream.WithMsgID(id))
				return err
			})
		}
	}
	publish(0, 50)
	stopLeader(t, cluster, js)
	began := time.Now()
	publish(50, 51)
	t.Logf("first message after %s", time.Since(began))
	publish(51, 100)

	s, err := js.Stream(context.Background(), "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().State.Msgs; got != 100 {
		t.Fatalf("%d messages, want 100 without loss or double", got)
	}
}

func stopLeader(t *testing.T, cluster []*server.Server, js jetstream.JetStream) {
	t.Helper()
	s, err := js.Stream(context.Background(), "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	leader := s.CachedInfo().Cluster.Leader
	for _, c := range cluster {
		if c.Name() == leader {
			c.Shutdown()
			c.WaitForShutdown()
			return
		}
	}
	t.Fatalf("no server is the leader %q", leader)
}
