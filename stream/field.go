package stream

import (
	"encoding/binary"
	"errors"
)

var errTorn = errors.New("packed data is torn")

// appendField writes a value with its length in front; cutField reads it back.
func appendField[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// cutField gives the first field of b and what is behind it; ok is false where b does not hold a whole one.
func cutField(b []byte) (v, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(n)
	return b[size:end:end], b[end:], true
}
