package stream

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// compressFrom is the size from which data are compressed, in bytes.
const compressFrom = 1 << 10

// compressRoom has space to compress into.
var compressRoom = sync.Pool{New: func() any { return new([]byte) }}

// compress makes the data of messages smaller where they are packed rows. Rows of a table and of state repeat each other's names and texts, and
// the server copies, sums and writes every byte of a commit twice: once where the batch is collected and once in the stream. Messages that other
// programs read stay as they are.
func compress(msgs []*nats.Msg) {
	room := compressRoom.Get().(*[]byte)
	defer compressRoom.Put(room)
	for _, m := range msgs {
		if len(m.Data) < compressFrom {
			continue
		}
		if most := s2.MaxEncodedLen(len(m.Data)); cap(*room) < most {
			*room = make([]byte, most)
		}
		small := s2.Encode((*room)[:cap(*room)], m.Data)
		if len(small) >= len(m.Data) {
			continue
		}
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		m.Header[headerEncoding] = []string{schemas.EncodingS2}
		m.Data = bytes.Clone(small)
	}
}

// expand makes the data what they were before compress.
func (m *storedMessage) expand() error {
	encoding := m.header.Get(headerEncoding)
	if encoding == "" {
		return nil
	}
	data, err := schemas.Expand(nil, m.data, encoding)
	if err != nil {
		return fmt.Errorf("stored message %d: %w: %w", m.seq, errTorn, err)
	}
	m.data = data
	m.header.Del(headerEncoding)
	return nil
}
