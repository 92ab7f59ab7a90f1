package local

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestLockRefusesTwice(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(dir)
	if err == nil {
		t.Fatal("the same folder was locked twice")
	}
	for _, want := range []string{dir, "another process is using it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	unlock()
	unlock()
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	again()
}

func TestLockRefusesBadFolders(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "/dev/null/x"} {
		if _, err := Lock(dir); err == nil {
			t.Errorf("Lock(%q) succeeded", dir)
		}
	}
}
