//go:build (linux || darwin) && !noengine

package local

import (
	"bytes"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

const (
	// tailLines is how many of the child's last lines an error shows.
	tailLines = 20
	// lineMax cuts a line of the child, in bytes.
	lineMax = 2000

	versionLine = "engine: library version "
)

// tail reads the child's output by lines: it logs them, keeps the last ones and watches for those that mean something.
// The child's two streams write to it at once.
type tail struct {
	log zerolog.Logger
	// refused is closed when the child could not open a port. It keeps running then, without listening.
	refused chan struct{}

	mu      sync.Mutex
	part    []byte
	lines   []string
	version string
	locked  bool
	seen    bool
}

func newTail(log zerolog.Logger) *tail {
	return &tail{log: log, refused: make(chan struct{})}
}

// Write never fails: the child must not be blocked by what we make of its output.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part = append(t.part, p...)
	for {
		i := bytes.IndexByte(t.part, '\n')
		if i < 0 {
			break
		}
		t.line(string(t.part[:i]))
		t.part = t.part[i+1:]
	}
	if len(t.part) > lineMax {
		t.line(string(t.part))
		t.part = nil
	}
	return len(p), nil
}

func (t *tail) line(s string) {
	s = strings.TrimSpace(s)
	if s == "" {
		return
	}
	if len(s) > lineMax {
		s = s[:lineMax]
	}
	t.log.Debug().Str("line", s).Msg("engine output")
	if len(t.lines) == tailLines {
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, s)
	if v, ok := strings.CutPrefix(s, versionLine); ok {
		t.version = v
	}
	// Code 210 is NETWORK_ERROR; the child prints it only when a listener could not be opened.
	if strings.Contains(s, "Code: 210.") && !t.seen {
		t.seen = true
		close(t.refused)
	}
	// Code 76 is CANNOT_OPEN_FILE; with this text another engine still has the data folder.
	if strings.Contains(s, "Code: 76.") && strings.Contains(s, "Cannot lock file") {
		t.locked = true
	}
}

// last returns the last lines, each on its own.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines
	if rest := strings.TrimSpace(string(t.part)); rest != "" {
		lines = append(lines[:len(lines):len(lines)], rest)
	}
	if len(lines) == 0 {
		return "(no output)"
	}
	return strings.Join(lines, "\n")
}

func (t *tail) folderLocked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.locked
}

func (t *tail) libraryVersion() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}
