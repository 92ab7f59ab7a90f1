package reports

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// TestWhatCannotBeReadIsToldInTheLog: answers that go on without the store say so, once in a while however many they are.
func TestWhatCannotBeReadIsToldInTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := offline(t, func(o *Options) { o.Log = zerolog.New(&out) })
	s.store.fail = errors.New("store away")
	for range 3 {
		if got := s.knownAccounts(t.Context()); got != nil {
			t.Errorf("accounts %v", got)
		}
		if got := s.phrases.counted(t.Context(), []string{testAccount}); len(got) != 0 {
			t.Errorf("phrases %v", got)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Errorf("%d lines, want one of accounts and one of phrases: %s", len(lines), out.String())
	}
	for i, part := range []string{"accounts cannot be read", "phrases cannot be read"} {
		if i < len(lines) && (!strings.Contains(lines[i], part) || !strings.Contains(lines[i], "store away") || !strings.Contains(lines[i], `"level":"warn"`)) {
			t.Errorf("%q is missing in %s", part, lines[i])
		}
	}
}

// TestDurationsInTheLogNameTheirUnit looks at the line of a request.
func TestDurationsInTheLogNameTheirUnit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := offline(t, func(o *Options) { o.Log = zerolog.New(&out) })
	s.want(200, s.call("GET", "/healthz", "", nil), nil)
	if !strings.Contains(out.String(), `"took_ms":`) {
		t.Errorf("%s", out.String())
	}
}
