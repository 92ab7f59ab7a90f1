package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// TestRowFile puts rows of all sizes again and again, and holds what the file has against what it was given; of rows that were replaced
// nothing is left, and room that became free is used.
func TestRowFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept := 0
	f, err := newRowFile(dir, []string{"*.u.*", "*.i.*.*"}, func(bytes int) { kept += bytes })
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("the file has a name: %v, %v", left, err)
	}
	want, copied, seq := map[string]string{}, map[string]bool{}, uint64(1)
	for round := range 200 {
		var rows []keyedRow
		only := round%3 == 2
		for range 40 {
			key := fmt.Sprint("acme.u.", rand.IntN(300)) // some twice
			data := fmt.Sprintf("<%d %s>%s", round, key, strings.Repeat("x", rand.IntN(500)))
			if rand.IntN(10) == 0 {
				data = ""
			}
			seq++
			row := keyedRow{key, []byte(data), seq}
			if _, ok := want[key]; !ok || !only || copied[key] {
				want[key], copied[key] = data, only
			} else {
				row.seq = 1 // what is copied may be older than what came in another way
			}
			rows = append(rows, row)
		}
		if _, err := f.put(rows, only); err != nil {
			t.Fatal(err)
		}
	}
	size := 0
	for key, data := range want {
		size += len(data)
		if got, ok := f.get(key); !ok || string(got) != data {
			t.Fatalf("%s: %t %.60q, want %.60q", key, ok, got, data)
		}
	}
	if _, ok := f.get("nobody"); ok {
		t.Fatal("a row that was never put is there")
	}
	all := make([]byte, int64(f.end)*slotBytes)
	if _, err := f.file.ReadAt(all, 0); err != nil {
		t.Fatal(err)
	}
	for key, data := range want {
		if n := bytes.Count(all, []byte(" "+key+">")); n != min(1, len(data)) {
			t.Errorf("%s is %d times in the file", key, n)
		}
	}
	if len(all) > 6*size {
		t.Errorf("%d bytes of file for %d bytes of rows", len(all), size)
	}
	for key, takes := range map[string]bool{
		"acme.u.5": true, "acme.i.email.ab": true, "acme.m.5.1": false, "acme.u": false, "acme.u.5.1": false, "acme.i.email": false, "u.5": false,
	} {
		if f.takes(key) != takes {
			t.Errorf("%s is to be kept: %t", key, !takes)
		}
	}
	many := make([]keyedRow, tellRows)
	for i := range many {
		many[i] = keyedRow{key: fmt.Sprint("acme.u.more", i)}
	}
	if _, err := f.put(many, false); err != nil || kept < tellRows*indexBytes {
		t.Errorf("told of %d bytes, %v", kept, err)
	}
	f.close()
	if kept != 0 {
		t.Errorf("%d bytes are said to be kept by a closed file", kept)
	}
	if _, ok := f.get("acme.u.1"); ok {
		t.Fatal("a closed file has rows")
	}
	if _, err := f.put([]keyedRow{{key: "a"}}, false); err != nil {
		t.Fatal(err)
	}
}

// TestRowFileTellsWhatIsReplaced: of two messages of a row the one that is not the newest is told of, in whatever order they come, and only what is
// certain to be the newest is given as such.
func TestRowFileTellsWhatIsReplaced(t *testing.T) {
	t.Parallel()
	f, err := newRowFile(t.TempDir(), []string{"*"}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for i, step := range []struct {
		seq      uint64
		copied   bool
		replaced uint64 // 0 = none
		sequence uint64
		certain  bool
	}{
		{5, true, 0, 5, false},
		{9, true, 5, 9, false},
		{20, false, 9, 20, true},
		{12, true, 12, 20, true}, // read late
		{20, true, 0, 20, true},  // read itself
		{20, false, 0, 20, true}, // read before it was kept
		{31, false, 20, 31, true},
	} {
		data := fmt.Sprint("row ", step.seq)
		replaced, err := f.put([]keyedRow{{"a", []byte(data), step.seq}}, step.copied)
		if err != nil || len(replaced) != int(min(step.replaced, 1)) || step.replaced > 0 && replaced[0].seq != step.replaced {
			t.Fatalf("step %d: %v is replaced, want %d (%v)", i, replaced, step.replaced, err)
		}
		if seq := f.sequence("a"); seq != step.sequence {
			t.Fatalf("step %d: the row is at %d, want %d", i, seq, step.sequence)
		}
		if got, ok := f.newest("a"); ok != step.certain || ok && string(got) != fmt.Sprint("row ", step.sequence) {
			t.Fatalf("step %d: the newest is %q, %t", i, got, ok)
		}
	}
	if _, err := f.put([]keyedRow{{"b", []byte("copied"), 3}}, true); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.newest("b"); ok {
		t.Fatal("a row is certain while others are being copied")
	}
	f.filled()
	if got, ok := f.newest("b"); !ok || string(got) != "copied" || f.sequence("nobody") != 0 {
		t.Fatalf("when all are copied a row is %q, %t", got, ok)
	}
}
