package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
)

// streamFiles is where the server keeps the messages of its streams, and streamIndex what it believes to be in them (filestore.go of nats-server).
const (
	streamFiles = "jetstream/*/streams/*/msgs"
	streamIndex = "index.db"
)

// distrust removes the index of every stream that has an empty file of messages which is not its newest. The server looks only at the
// newest file and believes the index about the others: it counts messages that are gone. Without the index it counts what is in the files.
func distrust(dir string, log zerolog.Logger) error {
	folders, err := filepath.Glob(filepath.Join(dir, streamFiles))
	if err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	for _, folder := range folders {
		empty, err := emptied(folder)
		if err != nil {
			return err
		}
		if empty == "" {
			continue
		}
		log.Error().Str("file", empty).Msg("a file of messages is empty: the stream is counted anew")
		if err := os.Remove(filepath.Join(folder, streamIndex)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("stream index: %w", err)
		}
	}
	return nil
}

// emptied gives a file of messages of a stream that is empty although there is a newer one, "" when there is none.
func emptied(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("stream files: %w", err)
	}
	newest, empty, first := uint64(0), "", uint64(0)
	for _, e := range entries {
		name, isBlock := strings.CutSuffix(e.Name(), ".blk")
		n, err := strconv.ParseUint(name, 10, 32)
		if !isBlock || err != nil {
			continue
		}
		newest = max(newest, n)
		info, err := e.Info()
		if err != nil {
			return "", fmt.Errorf("stream files: %w", err)
		}
		if info.Size() == 0 && (empty == "" || n < first) {
			empty, first = filepath.Join(folder, e.Name()), n
		}
	}
	if first == newest {
		return "", nil
	}
	return empty, nil
}
