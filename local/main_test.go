package local

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// roleVariable makes the test binary do something else than testing, in a process that a test can kill.
const roleVariable = "LOCAL_TEST_ROLE"

var roles = map[string]func(dir string) error{
	"nats":   publishForever,
	"engine": holdEngine,
}

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		if err := role(os.Args[1]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	closeShared()
	os.Exit(code)
}

// roleProcess is a helper process and the lines it prints.
type roleProcess struct {
	cmd   *exec.Cmd
	lines chan string
}

func startRole(t *testing.T, role, dir string) *roleProcess {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], dir)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &roleProcess{cmd: cmd, lines: make(chan string, 100_000)}
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return r
}

// line waits for the next line and fails the test on an error of the helper.
func (r *roleProcess) line(t *testing.T) string {
	t.Helper()
	l, ok := <-r.lines
	if !ok || strings.HasPrefix(l, "error:") {
		t.Fatalf("helper process: %q", l)
	}
	return l
}

// kill ends the process with SIGKILL and returns the lines it had printed.
func (r *roleProcess) kill(t *testing.T) []string {
	t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var rest []string
	for l := range r.lines {
		rest = append(rest, l)
	}
	_ = r.cmd.Wait()
	return rest
}

// eventually polls until ok returns nil, and fails the test when it never does.
func eventually(t *testing.T, limit time.Duration, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
