package ingest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"deskstream/schemas"
)

// LoadKey reads a secret key like ReadKey, and makes the file with a random key and mode 0600 where it does not exist. Call it only where
// nothing is sealed yet.
func LoadKey(path string) ([]byte, error) {
	key, err := ReadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	return key, err
}

// ReadKey reads a secret key from a file: base64 of KeySize bytes. Anything else in it is refused, because a new key would make every
// stored credential unreadable. The error is fs.ErrNotExist where there is no file.
func ReadKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return ParseKey(path, string(text))
}

// ParseKey decodes a base64 key of KeySize bytes; name says in the error where it came from.
func ParseKey(name, text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("secret key %s: %w: must be base64 of %d bytes", name, schemas.ErrInvalid, KeySize)
	}
	return key, nil
}

// makeKey writes the key beside its place and links it there, so that of two processes that start together one wins and both read the
// same key, and a crash never leaves half a file.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // Never fails (crypto/rand).
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*")
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // What stays behind is the same file under another name.
	_, err = tmp.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	switch err = os.Link(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return LoadKey(path)
	case err != nil:
		return nil, fmt.Errorf("secret key %s: %w", path, err)
	}
	return key, nil
}
