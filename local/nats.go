package local

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// natsMaxStore is the default limit of the file store in bytes.
	natsMaxStore = 20 << 30
	// natsMaxMemory limits memory streams in bytes; ours are on disk, so this only has to be above zero.
	natsMaxMemory = 64 << 20
	// natsMaxPayload is the largest message in bytes, the same as in the configuration for external servers.
	natsMaxPayload = 2 << 20
	// natsMaxBatch is how many messages an atomic batch may have, as there.
	natsMaxBatch = 4000
	natsReady    = 30 * time.Second
)

// NATSOptions says how StartNATS runs the server.
type NATSOptions struct {
	// Dir is the folder of the file store; it is created when missing and must not be shared with another server.
	Dir string
	// MaxStore limits the file store, in bytes; 0 means 20 GiB. It must stay below the size of the volume.
	MaxStore int64
	// Log receives the server's own lines.
	Log zerolog.Logger
	// Listen is an additional "host:port" for other local programs; empty means in-process connections only. The server
	// has no user accounts, so only loopback addresses are accepted. Port 0 chooses a free one.
	Listen string
	// Token, when set, is asked of every connection, those of Connect included.
	Token string
}

// NATS is a running JetStream server inside this process. Its methods are safe for concurrent use.
type NATS struct {
	server *server.Server
	log    *natsLog
	token  string
	close  func()
}

// StartNATS starts a JetStream server whose every acknowledged write has been synced to disk, and returns when it accepts
// connections. Recovery of a large store takes longer; it gives up after 30 s. The caller must call Close.
func StartNATS(o NATSOptions) (*NATS, error) {
	so, err := serverOptions(o)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFile(o.Dir, "nats.lock")
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	if err := distrust(so.StoreDir, o.Log); err != nil {
		unlock()
		return nil, fmt.Errorf("nats server in %s: %w", o.Dir, err)
	}
	s, err := server.NewServer(so)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("nats server in %s: %w", o.Dir, err)
	}
	log := &natsLog{log: o.Log}
	s.SetLoggerV2(log, false, false, false)
	n := &NATS{server: s, log: log, token: o.Token, close: sync.OnceFunc(func() {
		s.Shutdown()
		s.WaitForShutdown()
		unlock()
	})}
	s.Start()
	if err := n.ready(); err != nil {
		n.Close()
		return nil, fmt.Errorf("nats server in %s: %w", o.Dir, err)
	}
	return n, nil
}

func serverOptions(o NATSOptions) (*server.Options, error) {
	if o.Dir == "" {
		return nil, errors.New("nats options: Dir is empty, a folder for the file store is needed")
	}
	if o.MaxStore < 0 {
		return nil, fmt.Errorf("nats options: MaxStore is %d, accepted are 0 (20 GiB) or a number of bytes", o.MaxStore)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("nats options: Dir: %w", err)
	}
	so := &server.Options{
		ServerName: "local",
		JetStream:  true,
		StoreDir:   dir,
		// Without it acknowledged messages of the last two minutes are lost when power fails.
		SyncAlways:         true,
		JetStreamMaxMemory: natsMaxMemory,
		JetStreamMaxStore:  o.MaxStore,
		MaxPayload:         natsMaxPayload,
		JetStreamLimits:    server.JSLimitOpts{MaxBatchSize: natsMaxBatch},
		NoSigs:             true, // signals belong to the program, which stops its parts in order
		DontListen:         o.Listen == "",
		Authorization:      o.Token,
	}
	if so.JetStreamMaxStore == 0 {
		so.JetStreamMaxStore = natsMaxStore
	}
	if o.Listen != "" {
		if so.Host, so.Port, err = loopback(o.Listen); err != nil {
			return nil, err
		}
	}
	return so, nil
}

// loopback splits a listen address and refuses those that other machines can reach.
func loopback(listen string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("nats options: Listen %q: accepted is host:port: %w", listen, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, fmt.Errorf("nats options: Listen %q: accepted hosts are 127.0.0.1, ::1 and localhost, "+
			"because the embedded server has no users; run an external server for access from other machines", listen)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("nats options: Listen %q: the port must be a number from 0 to 65535", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// ready waits for connections. The server reports what keeps it from starting only to its log, so that is looked at too.
func (n *NATS) ready() error {
	for deadline := time.Now().Add(natsReady); time.Now().Before(deadline); {
		if fatal := n.log.fatal.Load(); fatal != nil {
			return errors.New(*fatal)
		}
		if !n.server.ReadyForConnections(50 * time.Millisecond) {
			continue
		}
		if !n.server.JetStreamEnabled() {
			return errors.New("JetStream did not start, see the log; is the folder writable?")
		}
		return nil
	}
	return fmt.Errorf("not ready for connections after %s", natsReady)
}

// Connect opens an in-process connection. The caller closes it before Close.
func (n *NATS) Connect(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append([]nats.Option{nats.InProcessServer(n.server), nats.Token(n.token)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("nats connection: %w", err)
	}
	return nc, nil
}

// URL is the address other local programs connect to, "" when the server does not listen.
func (n *NATS) URL() string {
	if n.server.Addr() == nil {
		return ""
	}
	return n.server.ClientURL()
}

// Healthz returns nil when JetStream is up and every stream and consumer is usable. A stream that had a write error stays
// frozen until the server is restarted (nats-server 2.14 and later), and is reported here by name.
func (n *NATS) Healthz() error {
	h := n.server.Healthz(&server.HealthzOptions{})
	if h.Status == "ok" && h.Error == "" {
		return nil
	}
	return fmt.Errorf("nats server: %s: %s", h.Status, h.Error)
}

// Stopped says why the server must be started anew: a stream that stays as it is since a write of it failed, or JetStream that was shut off for want of
// room. It is nil for all that passes by itself, as a busy machine does.
func (n *NATS) Stopped() error {
	if !n.server.JetStreamEnabled() {
		return errors.New("nats server: JetStream was shut off")
	}
	if err := n.Healthz(); err != nil && strings.Contains(err.Error(), "write error") {
		return err
	}
	return nil
}

// SyncAlways reports whether the running server syncs every write before it acknowledges, as the server itself reports in
// its monitoring data (the value /jsz shows), not as it was asked for.
func (n *NATS) SyncAlways() bool {
	info, err := n.server.Jsz(&server.JSzOptions{Config: true})
	return err == nil && !info.Disabled && info.Config.SyncAlways
}

// Close shuts the server down and returns when its files are closed. Further calls do nothing.
func (n *NATS) Close() {
	n.close()
}
