package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/stream"
)

// control is how the tools of this program reach the NATS server and ClickHouse of a running one, of which at least one is inside it:
// addresses and secrets that only readers of the data folder know.
type control struct {
	URL        string `json:"url"`
	Token      string `json:"token"`      // of a server inside
	ClickHouse string `json:"clickhouse"` // DSN, "" while the engine starts
}

func controlFile(data string) string { return filepath.Join(data, "nats.json") }

func writeControl(data string, c control) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("control file: %w", err)
	}
	if err := os.WriteFile(controlFile(data), body, 0o600); err != nil {
		return fmt.Errorf("control file: %w", err)
	}
	return nil
}

// readControl gives what the program that runs on a data folder has written. The error is fs.ErrNotExist where there is no file.
func readControl(data string) (c control, err error) {
	body, err := os.ReadFile(controlFile(data))
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil {
		return c, fmt.Errorf("control file %s: %w", controlFile(data), err)
	}
	return c, nil
}

// newSecret makes 256 random bits in URL-safe base64.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// openStream gives the tools (keys, dead) the stream: of --nats-url, of the program running on the data folder, or, when none
// runs, of the folder itself.
func openStream(ctx context.Context, f *BaseFlags, log zerolog.Logger) (*stream.Stream, func(), error) {
	nc, closeAll, err := openNATS(f, log)
	if err != nil {
		return nil, nil, err
	}
	o := stream.Options{Conn: nc, Log: log, Now: time.Now}
	if f.NATSURL != "" {
		err = wantStreams(ctx, o)
	}
	var s *stream.Stream
	if err == nil {
		s, err = stream.Open(ctx, o)
	}
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return s, func() { _ = s.Close(ctx); closeAll() }, nil
}

// wantStreams refuses a server without the streams of a pipeline: a tool would make them where nobody looks for them.
func wantStreams(ctx context.Context, o stream.Options) error {
	if found, err := stream.Exists(ctx, o); err != nil || found {
		return err
	}
	return errors.New("--nats-url: no streams of deskstream are on this server; `deskstream run`, or one of the stages, makes them at its first start")
}

func openNATS(f *BaseFlags, log zerolog.Logger) (*nats.Conn, func(), error) {
	if f.NATSURL != "" {
		nc, err := nats.Connect(f.NATSURL, nats.Name("deskstream tool"))
		if err != nil {
			return nil, nil, fmt.Errorf("--nats-url: no connection: %w", err)
		}
		return nc, nc.Close, nil
	}
	unlock, lockErr := local.Lock(f.Data)
	if lockErr != nil {
		return connectRunning(f.Data, lockErr)
	}
	server, err := local.StartNATS(local.NATSOptions{Dir: filepath.Join(f.Data, natsFolder), Log: log})
	if err != nil {
		unlock()
		return nil, nil, err
	}
	nc, err := server.Connect()
	if err != nil {
		server.Close()
		unlock()
		return nil, nil, err
	}
	return nc, func() { nc.Close(); server.Close(); unlock() }, nil
}

// connectRunning reaches the program that holds the data folder.
func connectRunning(data string, lockErr error) (*nats.Conn, func(), error) {
	c, err := readControl(data)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, lockErr
	}
	if err != nil {
		return nil, nil, err
	}
	nc, err := nats.Connect(c.URL, nats.Token(c.Token), nats.Name("deskstream tool"))
	if err != nil {
		return nil, nil, fmt.Errorf("the program running on %s does not answer: %w", data, err)
	}
	return nc, nc.Close, nil
}
