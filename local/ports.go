//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// ports are the native and the HTTP port on 127.0.0.1.
type ports struct{ tcp, http int }

// Ports come from below the range that systems use for outgoing connections (linux from 32768, macOS from 49152). Inside it
// a client that dials the port while the engine is down can be given that very port and connect to itself, and then the
// engine cannot have it back.
const (
	firstPort = 20000
	lastPort  = 32000
)

func freePorts() (ports, error) {
	tcp, err := freePort(0)
	if err != nil {
		return ports{}, err
	}
	http, err := freePort(tcp)
	return ports{tcp, http}, err
}

// freePort finds a port nobody listens on. It may be gone when the engine wants it; then others are tried.
func freePort(except int) (int, error) {
	for range 200 {
		p := firstPort + rand.IntN(lastPort-firstPort)
		if p == except {
			continue
		}
		if free(p) {
			return p, nil
		}
	}
	return 0, errors.New("engine: no free port between 20000 and 32000 on 127.0.0.1")
}

func free(port int) bool {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
