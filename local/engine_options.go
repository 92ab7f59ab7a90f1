package local

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rs/zerolog"
)

// ErrNoEngine is wrapped by the errors of FindLibrary and StartEngine when there is no engine to run: none was found, or this
// binary was built without it.
var ErrNoEngine = errors.New("no ClickHouse engine")

// overdueEach is the time between two looks for queries that go on past their limit.
const overdueEach = 10 * time.Second

// EngineOptions says how StartEngine runs the engine.
type EngineOptions struct {
	// Dir holds everything of the engine: data, configuration, passwords, backups. It is created when missing (mode 0700).
	Dir string
	// Library is the path of libchdb; empty means search, see FindLibrary.
	Library string
	// Database is the one the pipeline uses, created at start; empty means "deskstream". Lower-case letters, digits and
	// underscores. The users may also use databases whose name begins with it and an underscore.
	Database string
	// Log receives the engine's output at debug level and its failures.
	Log zerolog.Logger
	// OnRestart, when set, is called after each restart that succeeded, before the next failure can be handled: it must
	// return soon and must not call Close.
	OnRestart func()
	// TTLMergeSeconds is the least time between two merges that delete expired rows of a table; 0 means 3600.
	TTLMergeSeconds int

	// extraConfig adds elements to config.xml, given the native port of this attempt.
	extraConfig func(tcp int) string
	// ports are tried first instead of free ones.
	ports ports
	// overdueEach replaces the constant.
	overdueEach time.Duration
}

var databaseName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// filled returns the options with defaults and an absolute folder. The database name goes into grants and SQL text, where
// nothing can be bound, so its letters are restricted.
func (o EngineOptions) filled() (EngineOptions, error) {
	if o.Dir == "" {
		return o, errors.New("engine options: Dir is empty, a folder for the engine's data is needed")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("engine options: Dir: %w", err)
	}
	o.Dir = dir
	if o.Database == "" {
		o.Database = "deskstream"
	}
	if !databaseName.MatchString(o.Database) || o.Database == "default" || o.Database == "system" {
		return o, fmt.Errorf("engine options: Database %q: accepted are lower-case letters, digits and underscores, a letter first, and not default or system", o.Database)
	}
	if o.TTLMergeSeconds < 0 {
		return o, fmt.Errorf("engine options: TTLMergeSeconds is %d, accepted are 0 (3600) or a number of seconds", o.TTLMergeSeconds)
	}
	if o.TTLMergeSeconds == 0 {
		o.TTLMergeSeconds = 3600
	}
	if o.overdueEach == 0 {
		o.overdueEach = overdueEach
	}
	return o, nil
}
