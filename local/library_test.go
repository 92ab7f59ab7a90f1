//go:build (linux || darwin) && !noengine

package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// It changes the working folder and the environment, so it cannot run beside other tests.
func TestFindLibraryOrder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("HOME", dir)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	explicit := filepath.Join(dir, "mine.so")
	cached := filepath.Join(cache, "deskstream", libraryFile)
	installed := filepath.Join(dir, "tools", "engine", "node_modules", "@chdb", libraryPackage(), libraryFile)

	if path, err := FindLibrary(""); err == nil {
		t.Logf("this system has a library of its own: %s", path)
	} else {
		for _, want := range []string{"tools/engine/node_modules/@chdb/lib-", cached, "/usr/local/lib/libchdb.so", "make engine", "DESKSTREAM_ENGINE", "DSN"} {
			if !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
	}
	for _, step := range []struct{ create, explicit, want string }{
		{cached, "", cached},
		{installed, "", installed},
		{explicit, "mine.so", explicit},
	} {
		writeFile(t, step.create)
		got, err := FindLibrary(step.explicit)
		if err != nil {
			t.Fatal(err)
		}
		if resolved(t, got) != resolved(t, step.want) {
			t.Errorf("after creating %s: found %s", step.create, got)
		}
	}
	if _, err := FindLibrary("other.so"); !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), "--engine (DESKSTREAM_ENGINE): other.so does not exist; accepted is ") {
		t.Errorf("an explicit path fell through to the search: %v", err)
	}
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func resolved(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOldLibrariesAreRefused(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"26.5.9": true, "25.12.1": true, "v3.2.0": true, "26.6.0": false, "26.7.3": false, "27.1": false, "unknown": false, "": false, "26": false,
	} {
		if got := tooOld(version); got != want {
			t.Errorf("tooOld(%q) = %v, want %v", version, got, want)
		}
	}
}
