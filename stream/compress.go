package stream

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

const (
	// encodingS2 is the value of headerEncoding for data that are one block of S2.
	encodingS2 = "s2"
	// compressFrom is the size from which data are compressed, in bytes.
	compressFrom = 1 << 10
)

// compressRoom has space to compress into.
var compressRoom = sync.Pool{New: func() any { return new([]byte) }}

// compress makes the data of messages smaller where they are packed rows. Rows of a table and of state repeat each other's names and texts, and
// the server copies, sums and writes every byte of a commit twice: once where the batch is collected and once in the stream. Messages that other
// programs read stay as they are.
func compress(msgs []message) {
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
		m.Header[headerEncoding] = []string{encodingS2}
		m.Data = bytes.Clone(small)
	}
}

// expand gives the data of a stored message as they were before compress.
func expand(h nats.Header, data []byte) ([]byte, error) {
	encoding := h.Get(headerEncoding)
	if encoding == "" {
		return data, nil
	}
	if encoding != encodingS2 {
		return nil, fmt.Errorf("stored message: %w: %s %.20q is not known", schemas.ErrInvalid, headerEncoding, encoding)
	}
	data, err := s2.Decode(nil, data)
	if err != nil {
		return nil, fmt.Errorf("stored message: %w: %w", errTorn, err)
	}
	return data, nil
}
