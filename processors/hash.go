package processors

import "github.com/cespare/xxhash/v2"

// hashOf is the content hash of everything that is compared by content: fast, and the same on every machine and in every version.
func hashOf(b []byte) uint64 { return xxhash.Sum64(b) }

func hashText(s string) uint64 { return xxhash.Sum64String(s) }
