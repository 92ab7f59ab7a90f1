package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestNATSOutsideIsChecked connects to servers that are set up wrong, right, and so that it cannot be known: only the system account sees
// whether writes are synced.
func TestNATSOutsideIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload, jetstream, user string
		refused, warned                string
	}{
		{"small messages", "1MB", "sync_interval: always", "sys", "", "max_payload"},
		{"not to be known", "2MB", "", "app", "", "sync_interval: always"},
		{"not synced", "2MB", "", "sys", "sync_interval: always", ""},
		{"synced", "2MB", "sync_interval: always", "sys", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "nats.conf")
			text := fmt.Sprintf("max_payload: %s\njetstream { store_dir: %q\n%s }\nsystem_account: SYS\n"+
				"accounts { SYS { users [{user: sys, password: p}] }, APP { jetstream: enabled, users [{user: app, password: p}] } }\n", c.payload, dir, c.jetstream)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			o, err := server.ProcessConfigFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", server.RANDOM_PORT, true, true
			s, err := server.NewServer(o)
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
			if !s.ReadyForConnections(30 * time.Second) {
				t.Fatal("the server did not start")
			}
			nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(c.user, "p"))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			warnings, err := checkNATS(nc)
			warning := strings.Join(warnings, "; ")
			var setting *settingError
			if c.refused == "" && err != nil || c.refused != "" && (!errors.As(err, &setting) || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("error %v, want one that says %q", err, c.refused)
			}
			if !strings.Contains(warning, c.warned) || c.warned == "" && warning != "" {
				t.Errorf("warning %q, want one that says %q", warning, c.warned)
			}
		})
	}
}
