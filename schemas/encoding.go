package schemas

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// EncodingS2 says that data are one block of S2 (header Content-Encoding of messages with many rows).
const EncodingS2 = "s2"

// Expand gives data as they were before they were compressed, in room where that is large enough; data that are not compressed are given
// back as they are. An error is of class ErrInvalid.
func Expand(room, data []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		return data, nil
	case EncodingS2:
		out, err := s2.Decode(room[:cap(room)], data)
		if err != nil {
			return nil, fmt.Errorf("compressed data: %w: %w", ErrInvalid, err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("compressed data: %w: encoding %.20q is not known, accepted are none and %s", ErrInvalid, encoding, EncodingS2)
}

// ExpandedSize is how many bytes Expand will give; that of data which are torn means nothing.
func ExpandedSize(data []byte, encoding string) int {
	if encoding == EncodingS2 {
		if n, err := s2.DecodedLen(data); err == nil {
			return n
		}
	}
	return len(data)
}
