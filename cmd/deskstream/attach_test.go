package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deskstream/local/localtest"
)

// TestToolsMakeNoDataFolder: a tool on a folder that is not there, or in which no start has made anything, says so and makes nothing; an address given
// for NATS is believed.
func TestToolsMakeNoDataFolder(t *testing.T) {
	t.Parallel()
	empty, absent := t.TempDir(), filepath.Join(t.TempDir(), "above", "nope")
	for _, args := range [][]string{
		{"verify", "--engine", localtest.Library()},
		{"verify", "--repair"},
		{"replay", "--engine", localtest.Library(), "--listen", anyPort},
		{"replay", "--rebuild", "--listen", anyPort},
		{"replay", "--into", "deskstream_copy", "--listen", anyPort},
		{"keys", "list"},
		{"keys", "create", "--name", "x"},
		{"keys", "revoke", "k_1"},
		{"dead", "list"},
		{"dead", "show", "1"},
		{"dead", "retry", "--all"},
		{"dead", "drop", "--all"},
	} {
		for _, data := range []string{absent, empty} {
			var out, errs bytes.Buffer
			status := Main(t.Context(), append(args, "--data", data), &out, &errs)
			if said := errs.String(); status != 1 || !strings.HasPrefix(said, "deskstream: no data folder at "+data+": ") || strings.Count(said, "\n") != 1 || out.Len() > 0 {
				t.Errorf("%v: status %d, %s%s", args, status, said, out.String())
			}
		}
		if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
			t.Fatalf("%v: the empty folder holds %v, %v", args, left, err)
		}
		if _, err := os.Stat(filepath.Dir(absent)); err == nil {
			t.Fatalf("%v made the folder", args)
		}
	}
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"dead", "list", "--data", absent, "--nats-url", "nats://127.0.0.1:1"}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "--nats-url") {
		t.Errorf("with --nats-url: status %d, %s", status, errs.String())
	}
}

// TestDoctorMakesNoDataFolder: of a folder that is not there yet the doctor says so, tries engine and message store elsewhere, and leaves nothing.
func TestDoctorMakesNoDataFolder(t *testing.T) {
	t.Parallel()
	needEngine(t)
	above := t.TempDir()
	data := filepath.Join(above, "nope", "data")
	_, text := doctorOn(t, data)
	for _, want := range []string{
		"disk         " + data + " is not there yet, the first start makes it", "ok    streams      there are none yet", "ok    clickhouse   there are no tables yet",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q:\n%s", want, text)
		}
	}
	if _, text := doctorOn(t, above); !strings.Contains(text, "disk         "+above+": ") {
		t.Errorf("of an empty folder:\n%s", text)
	}
	if left, err := os.ReadDir(above); err != nil || len(left) > 0 {
		t.Errorf("the doctor left %v, %v", left, err)
	}
	file := filepath.Join(above, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, text := doctorOn(t, filepath.Join(file, "data")); !strings.Contains(text, "FAIL  disk         --data "+filepath.Join(file, "data")) {
		t.Errorf("below a file:\n%s", text)
	}
}
