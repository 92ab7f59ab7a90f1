//go:build (linux || darwin) && !noengine

package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEngineOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		o    EngineOptions
		want string
	}{
		{"no folder", EngineOptions{}, "Dir is empty"},
		{"capital letters", EngineOptions{Dir: "x", Database: "Desk"}, `Database "Desk"`},
		{"statement", EngineOptions{Dir: "x", Database: "a.* TO x"}, "Database"},
		{"empty prefix", EngineOptions{Dir: "x", Database: "*"}, "Database"},
		{"too long", EngineOptions{Dir: "x", Database: strings.Repeat("a", 64)}, "Database"},
		{"reserved", EngineOptions{Dir: "x", Database: "system"}, "not default or system"},
		{"time", EngineOptions{Dir: "x", TTLMergeSeconds: -1}, "TTLMergeSeconds"},
	} {
		if _, err := tt.o.filled(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	o, err := EngineOptions{Dir: "x"}.filled()
	if err != nil || o.Database != "deskstream" || o.TTLMergeSeconds != 3600 || !filepath.IsAbs(o.Dir) {
		t.Errorf("defaults: %+v, %v", o, err)
	}
}

func TestSecretsAreKeptAndChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.app == first.analyst || len(first.app) < secretMinLength {
		t.Errorf("passwords of %d and %d characters", len(first.app), len(first.analyst))
	}
	if again, err := loadSecrets(dir); err != nil || again != first {
		t.Errorf("other passwords at the second time: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "app.password"), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSecrets(dir); !errors.Is(err, errShortSecret) || !strings.Contains(err.Error(), "app.password") {
		t.Errorf("a short password: %v", err)
	}
}

func TestFreePortsDiffer(t *testing.T) {
	t.Parallel()
	for range 50 {
		p, err := freePorts()
		if err != nil {
			t.Fatal(err)
		}
		if p.tcp == p.http || min(p.tcp, p.http) < firstPort || max(p.tcp, p.http) >= lastPort {
			t.Fatalf("ports %v", p)
		}
	}
}
