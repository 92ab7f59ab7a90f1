package localtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/s2"
)

// Parts of a message record in a block file of the server (filestore.go of nats-server): length, sequence, time and length of the subject come
// first, a checksum last; the highest bit of the length says that there are headers.
const (
	recordHead     = 22
	recordChecksum = 8
	recordHeaders  = 1 << 31
)

// Stored calls fn with what the files below a folder of the server hold: every file as it is, and under the file's name with "+s2" behind it what is
// compressed in it, deleted messages included.
func Stored(tb testing.TB, dir string, fn func(path string, data []byte)) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		fn(path, data)
		if filepath.Ext(path) == ".blk" {
			for _, text := range compressed(data) {
				fn(path+"+s2", text)
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// ignoreGone makes nothing of files that the server has removed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// compressed gives the data of the messages of a block that are compressed.
func compressed(block []byte) (texts [][]byte) {
	for len(block) >= recordHead {
		length := binary.LittleEndian.Uint32(block)
		headers := length&recordHeaders != 0
		length &^= recordHeaders
		if length < recordHead+recordChecksum || int(length) > len(block) {
			return texts
		}
		record := block[:length-recordChecksum]
		block = block[length:]
		body := record[min(recordHead+int(binary.LittleEndian.Uint16(record[recordHead-2:])), len(record)):]
		if !headers || len(body) < 4 {
			continue
		}
		end := 4 + int(binary.LittleEndian.Uint32(body))
		if end > len(body) || !bytes.Contains(body[4:end], []byte("Content-Encoding: s2")) {
			continue
		}
		if text, err := s2.Decode(nil, body[end:]); err == nil {
			texts = append(texts, text)
		}
	}
	return texts
}
