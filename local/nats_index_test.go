package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
)

// TestEmptiedFilesAreNotTrusted removes the index of streams with an empty file that is not the newest, and of no others.
func TestEmptiedFilesAreNotTrusted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		kept  bool
	}{
		"whole":        {map[string]string{"1.blk": "x", "2.blk": "x"}, true},
		"new":          {map[string]string{"1.blk": ""}, true},
		"just begun":   {map[string]string{"1.blk": "x", "10.blk": ""}, true},
		"first empty":  {map[string]string{"1.blk": "", "2.blk": "x"}, false},
		"middle empty": {map[string]string{"1.blk": "x", "9.blk": "", "10.blk": "x"}, false},
		"several":      {map[string]string{"1.blk": "", "9.blk": "", "10.blk": ""}, false},
		"other files":  {map[string]string{"1.blk": "x", "0.tmp": "", "x.blk": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			folder := filepath.Join(dir, "jetstream", "$G", "streams", "KEPT", "msgs")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			c.files[streamIndex] = "index"
			for file, data := range c.files {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := distrust(dir, zerolog.Nop()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(filepath.Join(folder, streamIndex)); (err == nil) != c.kept {
				t.Fatalf("the index: %v", err)
			}
		})
	}
}
