//go:build (linux || darwin) && !noengine

package local

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func refused(t *tail) bool {
	select {
	case <-t.refused:
		return true
	default:
		return false
	}
}

func TestTailKnowsWhatMatters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, output    string
		refused, locked bool
		version, last   string
	}{
		{name: "nothing", last: "(no output)"},
		{name: "version", output: "engine: library version 26.7.3\nx", version: "26.7.3", last: "engine: library version 26.7.3\nx"},
		{name: "port", output: "Code: 210. DB::NetException: in use\nCode: 210. again\n", refused: true, last: "Code: 210. DB::NetException: in use\nCode: 210. again"},
		{name: "folder", output: "Code: 76. DB::Exception: Cannot lock file /d/status.\n", locked: true, last: "Code: 76. DB::Exception: Cannot lock file /d/status."},
		{name: "other file", output: "Code: 76. DB::Exception: Cannot open file\n", last: "Code: 76. DB::Exception: Cannot open file"},
		{name: "many lines", output: strings.Repeat("a\n", 100) + "b\n", last: strings.Repeat("a\n", tailLines-1) + "b"},
		{name: "long line", output: strings.Repeat("x", lineMax+5), last: strings.Repeat("x", lineMax)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tl := newTail(zerolog.Nop())
			if n, err := tl.Write([]byte(tt.output)); n != len(tt.output) || err != nil {
				t.Fatal(n, err)
			}
			if refused(tl) != tt.refused || tl.folderLocked() != tt.locked || tl.libraryVersion() != tt.version || tl.last() != tt.last {
				t.Errorf("refused %v, locked %v, version %q, last %q", refused(tl), tl.folderLocked(), tl.libraryVersion(), tl.last())
			}
		})
	}
}

// However the child's output is cut into writes, the meaning is the same.
func FuzzTail(f *testing.F) {
	f.Add("Code: 210. x\nCode: 76. Cannot lock file\n", 3)
	f.Add("engine: library version 1\n\n\r\n", 1)
	f.Fuzz(func(t *testing.T, output string, cut int) {
		if cut < 1 || cut > len(output) || len(output) > lineMax {
			t.Skip()
		}
		whole, pieces := newTail(zerolog.Nop()), newTail(zerolog.Nop())
		_, _ = whole.Write([]byte(output))
		for rest := output; rest != ""; {
			n := min(cut, len(rest))
			_, _ = pieces.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		if whole.last() != pieces.last() || refused(whole) != refused(pieces) || whole.folderLocked() != pieces.folderLocked() {
			t.Errorf("whole %q, in pieces of %d %q", whole.last(), cut, pieces.last())
		}
	})
}
