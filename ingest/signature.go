package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"sync"
	"time"
)

// signer verifies webhook signatures of one secret: base64 of HMAC-SHA256 over the timestamp header and the raw body. The key is the
// secret as Zendesk shows it; it looks like base64 and is not to be decoded (developer.zendesk.com/documentation/webhooks/verifying).
type signer struct {
	until time.Time // zero = valid without end
	macs  sync.Pool
}

func newSigner(secret string, until time.Time) *signer {
	return &signer{until: until, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(secret)) }}}
}

func (s *signer) verify(signature []byte, timestamp string, body []byte) bool {
	mac, ok := s.macs.Get().(hash.Hash)
	if !ok {
		return false
	}
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(timestamp))
	mac.Write(body)
	var sum [sha256.Size]byte
	return hmac.Equal(mac.Sum(sum[:0]), signature)
}

// nobody stands in for the secret of a source that does not exist or has none, so that the answer takes as long as for one that does.
var nobody = newSigner("no secret is this one", time.Time{})

// verifyAny says whether one of the valid secrets made the signature. It always computes at least one.
func verifyAny(signers []*signer, now time.Time, signature, timestamp string, body []byte) bool {
	want, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(want) != sha256.Size {
		want = make([]byte, sha256.Size)
		signers = nil
	}
	tried := false
	for _, s := range signers {
		if !s.until.IsZero() && !now.Before(s.until) {
			continue
		}
		tried = true
		if s.verify(want, timestamp, body) {
			return true
		}
	}
	if !tried {
		nobody.verify(want, timestamp, body)
	}
	return false
}

// fresh says whether a timestamp header is strict RFC 3339 and at most window away from now, earlier or later.
func fresh(timestamp string, now time.Time, window time.Duration) bool {
	// The package time takes a comma before the fraction, which RFC 3339 does not have.
	if len(timestamp) > len("2006-01-02T15:04:05.999999999+00:00") || strings.Contains(timestamp, ",") {
		return false
	}
	var at time.Time
	if err := at.UnmarshalText([]byte(timestamp)); err != nil {
		return false
	}
	age := now.Sub(at)
	return age <= window && age >= -window
}
