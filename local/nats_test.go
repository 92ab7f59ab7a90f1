package local

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

func startNATS(t *testing.T, o NATSOptions) *NATS {
	t.Helper()
	n, err := StartNATS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func jetStream(t *testing.T, n *NATS) jetstream.JetStream {
	t.Helper()
	nc, err := n.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestNATSIsDurableAndLimited(t *testing.T) {
	t.Parallel()
	n := startNATS(t, NATSOptions{Dir: t.TempDir(), Log: zerolog.Nop()})
	if !n.SyncAlways() {
		t.Error("SyncAlways is false")
	}
	if err := n.Healthz(); err != nil {
		t.Error(err)
	}
	if u := n.URL(); u != "" {
		t.Errorf("it listens on %s without having been asked", u)
	}
	js := jetStream(t, n)
	info, err := js.AccountInfo(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if info.Limits.MaxStore != -1 {
		t.Logf("account store limit %d", info.Limits.MaxStore)
	}
	if got := js.Conn().MaxPayload(); got != 2<<20 {
		t.Errorf("max payload %d, want 2 MiB", got)
	}
	if got := n.server.JetStreamConfig().MaxStore; got != 20<<30 {
		t.Errorf("max store %d, want 20 GiB", got)
	}
}

func TestNATSOptionsAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		o    NATSOptions
		want string
	}{
		{"no folder", NATSOptions{}, "Dir is empty"},
		{"negative store", NATSOptions{Dir: dir, MaxStore: -1}, "MaxStore"},
		{"no port", NATSOptions{Dir: dir, Listen: "127.0.0.1"}, "host:port"},
		{"port word", NATSOptions{Dir: dir, Listen: "127.0.0.1:nats"}, "port must be a number"},
		{"port too large", NATSOptions{Dir: dir, Listen: "127.0.0.1:70000"}, "port must be a number"},
		{"all interfaces", NATSOptions{Dir: dir, Listen: ":4222"}, "accepted hosts"},
		{"other host", NATSOptions{Dir: dir, Listen: "0.0.0.0:4222"}, "accepted hosts"},
		{"not writable", NATSOptions{Dir: "/dev/null/nats"}, "/dev/null/nats"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := StartNATS(tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestNATSListens(t *testing.T) {
	t.Parallel()
	n := startNATS(t, NATSOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	nc, err := nats.Connect(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	began := time.Now()
	_, err = StartNATS(NATSOptions{Dir: t.TempDir(), Listen: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("occupied port: got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the error took %s", took)
	}
}

func TestNATSAsksForItsToken(t *testing.T) {
	t.Parallel()
	n, err := StartNATS(NATSOptions{Dir: t.TempDir(), Log: zerolog.Nop(), Listen: "127.0.0.1:0", Token: "right-token"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	for token, ok := range map[string]bool{"right-token": true, "wrong": false, "": false} {
		nc, err := nats.Connect(n.URL(), nats.Token(token))
		if (err == nil) != ok {
			t.Errorf("token %q: connected %v, want %v (%v)", token, err == nil, ok, err)
		}
		if err == nil {
			nc.Close()
		}
	}
	nc, err := n.Connect()
	if err != nil {
		t.Fatalf("in-process connection: %v", err)
	}
	nc.Close()
}

func TestNATSFolderIsExclusive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := startNATS(t, NATSOptions{Dir: dir})
	if _, err := StartNATS(NATSOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second server on the folder: got %v", err)
	}
	n.Close()
	n.Close()
	startNATS(t, NATSOptions{Dir: dir}).Close()
}

// A stream that cannot be recovered vanishes from the server with nothing but a log line, so health must show it.
func TestNATSHealthNamesALostStream(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := startNATS(t, NATSOptions{Dir: dir})
	addStream(t, jetStream(t, n), 1)
	n.Close()
	meta := filepath.Join(dir, "jetstream", "$G", "streams", "KEPT", "meta.inf")
	b, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(meta, b, 0o600); err != nil {
		t.Fatal(err)
	}
	n = startNATS(t, NATSOptions{Dir: dir})
	if err := n.Healthz(); err == nil || !strings.Contains(err.Error(), "KEPT") {
		t.Fatalf("health of a damaged stream: %v", err)
	}
}

// addStream tries again for a while: a new cluster has a leader before it knows all its members.
func addStream(t *testing.T, js jetstream.JetStream, replicas int) {
	t.Helper()
	c := jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}, Replicas: replicas}
	eventually(t, time.Minute, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := js.CreateStream(ctx, c)
		return err
	})
}

// publishForever is a helper process: it prints the sequence of each message after it was acknowledged.
func publishForever(dir string) error {
	n, err := StartNATS(NATSOptions{Dir: dir})
	if err != nil {
		return err
	}
	nc, err := n.Connect()
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}}); err != nil {
		return err
	}
	for i := 1; ; i++ {
		body := strconv.Itoa(i)
		ack, err := js.Publish(ctx, "kept.a", []byte(body), jetstream.WithMsgID(body))
		if err != nil {
			return err
		}
		fmt.Println(ack.Sequence, body)
	}
}

func TestNATSKeepsAcknowledgedMessagesWhenKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper := startRole(t, "nats", dir)
	var acked []string
	for range 500 {
		acked = append(acked, helper.line(t))
	}
	acked = append(acked, helper.kill(t)...)

	js := jetStream(t, startNATS(t, NATSOptions{Dir: dir}))
	ctx := context.Background()
	stream, err := js.Stream(ctx, "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range acked {
		seq, body, complete := strings.Cut(l, " ")
		if !complete {
			continue // cut by the kill
		}
		n, err := strconv.ParseUint(seq, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.GetMsg(ctx, n)
		if err != nil {
			t.Fatalf("acknowledged message %d of %d: %v", n, len(acked), err)
		}
		if string(m.Data) != body {
			t.Fatalf("message %d is %q, want %q", n, m.Data, body)
		}
	}
	ack, err := js.Publish(ctx, "kept.a", []byte("again"), jetstream.WithMsgID("1"))
	if err != nil {
		t.Fatal(err)
	}
	if !ack.Duplicate {
		t.Error("the window of message ids was lost")
	}
	t.Logf("%d acknowledged messages, all there", len(acked))
}
