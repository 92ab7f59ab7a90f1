package ingest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"deskstream/schemas"
)

func TestSealer(t *testing.T) {
	t.Parallel()
	s := testSealer(t)
	sealed := s.Seal("src_1", "token", "canary")
	if strings.Contains(sealed, "canary") || sealed == s.Seal("src_1", "token", "canary") {
		t.Fatalf("sealed form %q is readable or the same twice", sealed)
	}
	if got, err := s.Open("src_1", "token", sealed); err != nil || got != "canary" {
		t.Fatalf("%q %v", got, err)
	}
	if s.Seal("src_1", "token", "") != "" {
		t.Error("nothing must stay nothing")
	}
	other, err := NewSealer(bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(sealed)
	flipped[10] ^= 1
	for name, open := range map[string]func() (string, error){
		"another source": func() (string, error) { return s.Open("src_2", "token", sealed) },
		"another field":  func() (string, error) { return s.Open("src_1", "secret", sealed) },
		"another key":    func() (string, error) { return other.Open("src_1", "token", sealed) },
		"changed":        func() (string, error) { return s.Open("src_1", "token", string(flipped)) },
		"cut":            func() (string, error) { return s.Open("src_1", "token", sealed[:8]) },
		"no base64":      func() (string, error) { return s.Open("src_1", "token", "!") },
	} {
		if got, err := open(); !errors.Is(err, schemas.ErrInvalid) || got != "" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestSealerKeySize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := NewSealer(make([]byte, n)); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestLoadKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	if _, err := ReadKey(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	var wg sync.WaitGroup
	keys := make([][]byte, 8)
	for i := range keys {
		wg.Go(func() {
			key, err := LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != KeySize || !bytes.Equal(key, keys[0]) {
			t.Fatalf("keys differ: %x %x", key, keys[0])
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	for _, text := range []string{"", "hello", base64.StdEncoding.EncodeToString(make([]byte, 16))} {
		bad := filepath.Join(t.TempDir(), "bad.key")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(bad); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
