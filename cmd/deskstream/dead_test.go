package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
	"deskstream/stream"
)

// storedLetters gives the address of a NATS server with n dead letters, and the sequence of the first.
func storedLetters(t *testing.T, n int) (server string, first uint64) {
	t.Helper()
	server, nc := startStreams(t)
	if said := deadTool(t, server, 0, "list"); strings.Count(said, "\n") != 1 {
		t.Fatal(said)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m := nats.NewMsg("deskstream.dead.0")
		m.Header.Set("Deskstream-Id", "evt_"+strconv.Itoa(i))
		m.Header.Set("Deskstream-Kind", string(schemas.KindTicket))
		m.Header.Set("Deskstream-Account", "acme")
		a, err := js.PublishMsg(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = a.Sequence
		}
	}
	return server, first
}

// deadTool runs a command on dead letters and gives what it prints.
func deadTool(t *testing.T, server string, status int, args ...string) string {
	t.Helper()
	var printed bytes.Buffer
	args = append([]string{"dead"}, append(args, "--nats-url", server, "--data", t.TempDir(), "--log-level", "error", "--log-format", "json")...)
	if got := Main(t.Context(), args, &printed, &printed); got != status {
		t.Errorf("%v: status %d, want %d: %s", args, got, status, &printed)
	}
	return printed.String()
}

// TestTwoTakeAllDeadLetters: both programs end well, whichever comes to a letter first, and each letter is done by at least one.
func TestTwoTakeAllDeadLetters(t *testing.T) {
	t.Parallel()
	const letters = 40
	server, _ := storedLetters(t, letters)
	for _, tool := range []string{"retry", "drop"} {
		var said [2]string
		var both sync.WaitGroup
		for i := range said {
			both.Go(func() { said[i] = deadTool(t, server, 0, tool, "--all") })
		}
		both.Wait()
		sum := 0
		for _, s := range said {
			var n int
			if _, err := fmt.Sscan(s, &n); err != nil {
				t.Errorf("%s: %q", tool, s)
			}
			sum += n
		}
		if tool == "retry" && sum < letters || tool == "drop" && sum > letters {
			t.Errorf("%s: %q", tool, said)
		}
		if left := deadTool(t, server, 0, "list"); strings.Count(left, "\n") != 1 {
			t.Errorf("%s left %s", tool, left)
		}
		server, _ = storedLetters(t, letters)
	}
}

// TestInterruptedToolsSayHowFarTheyCame: status 1, with how many letters were done where it was some of all.
func TestInterruptedToolsSayHowFarTheyCame(t *testing.T) {
	t.Parallel()
	server, _ := storedLetters(t, 5)
	var printed bytes.Buffer
	out := &streams{out: &printed, err: &printed}
	c := BaseFlags{Data: t.TempDir(), NATSURL: server, LogLevel: "error"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := c.withStream(ctx, out, func(s *stream.Stream) error {
		n := 0
		return eachLetter(ctx, s, nil, true, out, "dropped", func(ctx context.Context, seq uint64) error {
			if n++; n == 3 {
				cancel()
			}
			return s.DeadDrop(ctx, seq)
		})
	})
	if status := exitStatus(err, &printed); status != 1 || !strings.Contains(printed.String(), "interrupted before it was finished: 2 of 5 dropped; start it again") {
		t.Errorf("status %d: %s", status, &printed)
	}
	if list := deadTool(t, server, 0, "list"); strings.Count(list, "\n") != 4 {
		t.Errorf("left are\n%s", list)
	}
	for _, args := range [][]string{{"dead", "list"}, {"dead", "drop", "--all"}, {"keys", "create", "--name", "x"}, {"keys", "list"}} {
		printed.Reset()
		args = append(args, "--nats-url", server, "--log-level", "error")
		if status := Main(ctx, args, &printed, &printed); status != 1 || !strings.Contains(printed.String(), "interrupted before it was finished") {
			t.Errorf("%v: status %d: %s", args, status, &printed)
		}
	}
}

// TestOneDeadLetterOrAll: a SEQ of 0 is one too, with --all it is a contradiction; behind the last SEQ there is nothing.
func TestOneDeadLetterOrAll(t *testing.T) {
	t.Parallel()
	server, first := storedLetters(t, 3)
	for _, tool := range []string{"retry", "drop"} {
		for _, args := range [][]string{{}, {"0", "--all"}, {"1", "--all"}} {
			if said := deadTool(t, server, 2, append([]string{tool}, args...)...); !strings.Contains(said, "either one SEQ or --all") {
				t.Errorf("%s %v: %s", tool, args, said)
			}
		}
		if said := deadTool(t, server, 1, tool, "0"); !strings.Contains(said, "dead letter 0: not found") {
			t.Errorf("%s: %s", tool, said)
		}
	}
	for _, after := range []uint64{first + 2, 1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1} {
		if list := deadTool(t, server, 0, "list", "--after", strconv.FormatUint(after, 10)); strings.Count(list, "\n") != 1 {
			t.Errorf("behind %d: %s", after, list)
		}
	}
	if list := deadTool(t, server, 0, "list", "--after", "0"); strings.Count(list, "\n") != 4 {
		t.Error(list)
	}
	if said := deadTool(t, server, 0, "drop", strconv.FormatUint(first, 10)); said != "1 dropped\n" {
		t.Error(said)
	}
}

// TestToolsMakeNoStreams: on a server without the streams of a pipeline, most likely the wrong one, tools make none.
func TestToolsMakeNoStreams(t *testing.T) {
	t.Parallel()
	server := startNATS(t)
	for _, args := range [][]string{{"dead", "list"}, {"dead", "drop", "--all"}, {"keys", "create", "--name", "x"}, {"keys", "list"}} {
		var printed bytes.Buffer
		args = append(args, "--nats-url", server, "--data", t.TempDir(), "--log-level", "error")
		if status := Main(t.Context(), args, &printed, &printed); status != 1 || !strings.Contains(printed.String(), "--nats-url: no streams of deskstream") {
			t.Errorf("%v: status %d: %s", args, status, &printed)
		}
	}
	nc, err := nats.Connect(server)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if found, err := stream.Exists(t.Context(), stream.Options{Conn: nc}); found || err != nil {
		t.Errorf("streams were made: %t, %v", found, err)
	}
}
