//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// readyLimit is for one attempt; a warm start takes 0.5 s, but a data folder after a crash has parts to check.
	readyLimit = 2 * time.Minute
	readyPoll  = 20 * time.Millisecond
	// outputLimit is how long the output of a child that has ended is waited for.
	outputLimit = 2 * time.Second
)

var (
	errPortTaken    = errors.New("port taken")
	errFolderLocked = errors.New("data folder in use by another engine")
)

// process is one child. It is replaced, not restarted.
type process struct {
	cmd  *exec.Cmd
	life *os.File
	tail *tail
	done chan struct{} // closed when the child has ended and err is set
	err  error
}

// startProcess starts the child and waits until it answers. The error wraps errPortTaken or errFolderLocked where another
// attempt makes sense, and carries the child's last output.
func startProcess(ctx context.Context, library string, o EngineOptions, s secrets, p ports) (*process, error) {
	if err := writeConfig(o, s, p); err != nil {
		return nil, err
	}
	c, err := spawn(library, o, p)
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx, o, s, p); err != nil {
		c.kill()
		return nil, fmt.Errorf("engine: %w; its last output:\n%s", err, c.tail.last())
	}
	return c, nil
}

func spawn(library string, o EngineOptions, p ports) (*process, error) {
	self, err := ownPath()
	if err != nil {
		return nil, fmt.Errorf("engine: path of this program: %w", err)
	}
	life, childsLife, err := streamPair()
	if err != nil {
		return nil, fmt.Errorf("engine: life line: %w", err)
	}
	defer func() { _ = childsLife.Close() }()
	output, childsOutput, err := streamPair()
	if err != nil {
		_ = life.Close()
		return nil, fmt.Errorf("engine: output: %w", err)
	}
	defer func() { _ = childsOutput.Close() }()
	c := &process{life: life, tail: newTail(o.Log), done: make(chan struct{})}
	c.cmd = &exec.Cmd{
		Path: self,
		Args: arguments(library, o, p),
		Env:  environment(o.Dir),
		// What the engine calls the user files folder is its working folder, whatever the configuration says; below it
		// ATTACH … FROM may read and move files. It must hold nothing.
		Dir:        filepath.Join(o.Dir, "user_files"),
		Stdout:     childsOutput,
		Stderr:     childsOutput,
		ExtraFiles: []*os.File{childsLife}, // becomes descriptor 3
		// A session of its own: Ctrl-C at the terminal must stop our stages first, and the engine last.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := c.cmd.Start(); err != nil {
		_, _ = life.Close(), output.Close()
		return nil, fmt.Errorf("engine: start: %w", err)
	}
	go c.wait(output)
	return c, nil
}

// wait reads the child's output and notes its end.
func (c *process) wait(output *os.File) {
	read := make(chan struct{})
	go func() {
		_, _ = io.Copy(c.tail, output)
		close(read)
	}()
	c.err = c.cmd.Wait()
	select {
	case <-read:
	case <-time.After(outputLimit):
	}
	_ = output.Close()
	close(c.done)
}

// streamPair gives two ends of a stream, the second one for the child. It is no pipe: a process can open by their paths in /proc the pipes that it holds,
// to read what others should, or to wait for ever, but no sockets, and users of SQL can have the engine open any path.
func streamPair() (ours, childs *os.File, err error) {
	syscall.ForkLock.RLock() // until both are closed in other children
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil { // a read of ours ends when it is closed
		return nil, nil, errors.Join(err, syscall.Close(fds[0]), syscall.Close(fds[1]))
	}
	return os.NewFile(uintptr(fds[0]), "engine"), os.NewFile(uintptr(fds[1]), "engine"), nil
}

// ownPath names the running program, also when its file has been replaced by another version meanwhile.
func ownPath() (string, error) {
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/proc/self/exe"); err == nil {
			return "/proc/self/exe", nil
		}
	}
	return os.Executable()
}

func arguments(library string, o EngineOptions, p ports) []string {
	return []string{
		childName, library,
		"--config-file=" + filepath.Join(o.Dir, "config.xml"),
		"--path=" + filepath.Join(o.Dir, "data"),
		"--listen_host=127.0.0.1",
		fmt.Sprintf("--tcp_port=%d", p.tcp),
		fmt.Sprintf("--http_port=%d", p.http),
		"--interactive", "--disable_suggestion", "--history_file=/dev/null", "--highlight=0", "--progress=off",
		"--query", "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP",
	}
}

// allocator has the engine keep memory that it has freed for half a minute. By default it gives it back after five seconds, and a dashboard that asks
// every few seconds then waits for each page to be there again, which on a virtual machine takes longer than the query itself.
const allocator = "dirty_decay_ms:30000,muzzy_decay_ms:30000"

// environment is all the child gets: ours may hold secrets, and variables that change what the engine does.
func environment(dir string) []string {
	return []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "TZ=UTC", "LANG=C.UTF-8", "TERM=dumb", "JE_MALLOC_CONF=" + allocator,
	}
}

// ready waits until the engine answers with our password and the database exists. A plain /ping could be answered by
// someone else's engine on a port we lost.
func (c *process) ready(ctx context.Context, o EngineOptions, s secrets, p ports) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	q := querier{url: fmt.Sprintf("http://127.0.0.1:%d", p.http), user: "app", password: s.app}
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case <-c.tail.refused:
			return fmt.Errorf("%w: %d or %d", errPortTaken, p.tcp, p.http)
		case <-c.done:
			return c.ended()
		case <-tick.C:
		}
		if q.ping(ctx) {
			break
		}
	}
	return q.exec(ctx, "CREATE DATABASE IF NOT EXISTS "+o.Database)
}

// ended says why the child stopped before it was ready. A folder in use ends it with code 0.
func (c *process) ended() error {
	if c.tail.folderLocked() {
		return errFolderLocked
	}
	if c.err != nil {
		return fmt.Errorf("ended before it was ready: %w", c.err)
	}
	return errors.New("ended before it was ready")
}

// stop closes the life line and waits; when ctx ends first the child is killed. Acknowledged rows survive that too.
func (c *process) stop(ctx context.Context) error {
	_ = c.life.Close()
	select {
	case <-c.done:
	case <-ctx.Done():
		c.kill()
		return fmt.Errorf("engine: killed, it did not stop in time: %w", ctx.Err())
	}
	if c.err != nil {
		return fmt.Errorf("engine: stop: %w; its last output:\n%s", c.err, c.tail.last())
	}
	return nil
}

func (c *process) kill() {
	_ = c.life.Close()
	_ = c.cmd.Process.Kill()
	<-c.done
}

// querier sends statements over HTTP, for the few the package needs itself.
type querier struct{ url, user, password string }

// Keep-alive connections would make every stop of the engine wait for them.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}

func (q querier) ping(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url+"/ping", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	return err == nil && resp.StatusCode == http.StatusOK && strings.TrimSpace(string(b)) == "Ok."
}

func (q querier) exec(ctx context.Context, statement string) error {
	_, err := q.query(ctx, statement)
	return err
}

// query returns the answer as text, cut at 1 MiB.
func (q querier) query(ctx context.Context, statement string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url+"/", strings.NewReader(statement))
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	req.Header.Set("X-Clickhouse-User", q.user)
	req.Header.Set("X-Clickhouse-Key", q.password)
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("query: HTTP %d: %s", resp.StatusCode, strings.TrimSpace(string(b)))
	}
	return string(b), nil
}
