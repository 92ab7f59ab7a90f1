//go:build (linux || darwin) && !noengine

package local

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

var (
	//go:embed config.xml.tmpl
	configText string
	//go:embed users.xml.tmpl
	usersText string

	functions       = template.FuncMap{"xml": escapeXML}
	configTemplate  = template.Must(template.New("config.xml").Funcs(functions).Parse(configText))
	usersTemplate   = template.Must(template.New("users.xml").Funcs(functions).Parse(usersText))
	systemLogs      = []string{"query_log", "part_log", "asynchronous_insert_log"}
	tableEngines    = []string{"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree", "SummingMergeTree", "Memory", "Null", "Distributed"}
	engineFolders   = []string{"data", "log", "tmp", "user_files", "backups", "backups_disk"}
	errShortSecret  = errors.New("password file is too short; remove it to have a new one made")
	secretMinLength = 32
)

// limit is a setting of the analyst: its value and the most that a query may ask for.
type limit struct {
	Name       string
	Value, Max int64
}

// fixed is a setting that the analyst cannot change.
type fixed struct{ Name, Value string }

// analystLimits are in seconds, bytes and rows. They keep one careless query from starving the pipeline's inserts.
var analystLimits = []limit{
	{"max_execution_time", 10, 30},
	{"max_memory_usage", 300_000_000, 300_000_000},
	{"max_memory_usage_for_user", 300_000_000, 300_000_000}, // all queries together; the server has 700 MB, see config.xml.tmpl
	{"max_rows_to_read", 50_000_000, 50_000_000},
	{"max_result_rows", 10_000, 10_000},
	{"max_result_bytes", 50_000_000, 50_000_000},
	{"max_concurrent_queries_for_user", 5, 5},
}

// analystFixed keep the limits above from being softened to "stop silently with part of the result".
var analystFixed = []fixed{
	{"result_overflow_mode", "throw"},
	{"read_overflow_mode", "throw"},
	{"timeout_overflow_mode", "throw"},
}

// secrets are the passwords of the two users.
type secrets struct{ app, analyst string }

// loadSecrets reads the passwords of the folder, or makes them. They stay the same over restarts, so that a DSN an operator
// wrote down keeps working as long as the ports do.
func loadSecrets(dir string) (secrets, error) {
	app, err := loadSecret(filepath.Join(dir, "app.password"))
	if err != nil {
		return secrets{}, err
	}
	analyst, err := loadSecret(filepath.Join(dir, "analyst.password"))
	return secrets{app, analyst}, err
}

func loadSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeSecret(path)
	}
	if err != nil {
		return "", fmt.Errorf("engine password: %w", err)
	}
	s := strings.TrimSpace(string(b))
	if len(s) < secretMinLength {
		return "", fmt.Errorf("%s: %w", path, errShortSecret)
	}
	return s, nil
}

// makeSecret writes through a temporary file, so that a crash never leaves half a password.
func makeSecret(path string) (string, error) {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	s := hex.EncodeToString(b)
	if err := writePrivate(path, []byte(s+"\n")); err != nil {
		return "", fmt.Errorf("engine password: %w", err)
	}
	return s, nil
}

func writePrivate(path string, b []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// writeConfig makes the folders and writes config.xml and users.xml for an attempt on the given ports.
func writeConfig(o EngineOptions, s secrets, p ports) error {
	for _, f := range engineFolders {
		if err := os.MkdirAll(filepath.Join(o.Dir, f), 0o700); err != nil {
			return fmt.Errorf("engine folder: %w", err)
		}
	}
	config := map[string]any{
		"Dir": o.Dir, "TCP": p.tcp, "HTTP": p.http, "TTLMergeSeconds": o.TTLMergeSeconds, "SystemLogs": systemLogs, "Extra": "",
	}
	if o.extraConfig != nil {
		config["Extra"] = o.extraConfig(p.tcp)
	}
	if err := writeTemplate(configTemplate, o.Dir, config); err != nil {
		return err
	}
	return writeTemplate(usersTemplate, o.Dir, map[string]any{
		"Limits": analystLimits, "Fixed": analystFixed,
		"AppHash": hash(s.app), "AnalystHash": hash(s.analyst),
		"AppGrants": appGrants(o.Database), "AnalystGrants": analystGrants(o.Database),
	})
}

func writeTemplate(t *template.Template, dir string, data any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return fmt.Errorf("engine configuration %s: %w", t.Name(), err)
	}
	if err := writePrivate(filepath.Join(dir, t.Name()), b.Bytes()); err != nil {
		return fmt.Errorf("engine configuration %s: %w", t.Name(), err)
	}
	return nil
}

// appGrants are the rights of the pipeline user: all on its databases, but nothing that reaches files, commands or other
// hosts except through the native protocol. READ ON FILE is never granted: file access is not confined to a folder in this
// engine. CREATE DICTIONARY is taken back: this engine runs dictionaries whose source is a command, a file or a URL without
// asking for another right.
func appGrants(database string) []string {
	g := []string{
		"GRANT ALL ON " + database + ".*",
		"GRANT ALL ON " + database + "_*.*",
		"GRANT SELECT ON system.*",
		"GRANT CREATE TEMPORARY TABLE ON *.*",
		"GRANT KILL QUERY, SYSTEM FLUSH LOGS ON *.*",
		"GRANT READ, WRITE ON REMOTE",
	}
	for _, e := range tableEngines {
		g = append(g, "GRANT TABLE ENGINE ON "+e)
	}
	return append(g,
		"REVOKE CREATE DICTIONARY ON "+database+".*",
		"REVOKE CREATE DICTIONARY ON "+database+"_*.*",
	)
}

func analystGrants(database string) []string {
	return []string{
		"GRANT SELECT ON " + database + ".*",
		"GRANT SELECT ON " + database + "_*.*",
	}
}

func hash(password string) string {
	h := sha256.Sum256([]byte(password))
	return hex.EncodeToString(h[:])
}

func escapeXML(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}
