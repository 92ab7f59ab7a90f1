package stream

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// Headers of our messages. The server compares header names byte by byte.
const (
	headerID       = "Deskstream-Id"
	headerKind     = "Deskstream-Kind"
	headerSource   = "Deskstream-Source"
	headerAccount  = "Deskstream-Account"
	headerVia      = "Deskstream-Via"
	headerReceived = "Deskstream-Received"
	headerGen      = "Deskstream-Gen"    // on outputs: generation that made them
	headerRows     = "Deskstream-Rows"   // on packed rows of a table: how many there are
	headerBehind   = "Deskstream-Behind" // on outputs: the processor has a backlog
	headerClass    = "Deskstream-Class"  // on dead letters
	headerReason   = "Deskstream-Reason" // on dead letters
	headerSeq      = "Deskstream-Seq"    // on dead letters: position of the event in the raw stream
	headerEncoding = "Content-Encoding"  // on packed rows: how the data are compressed
)

const (
	headerMsgID      = "Nats-Msg-Id"
	headerRollup     = "Nats-Rollup"
	headerExpected   = "Nats-Expected-Last-Subject-Sequence"
	headerExpectedOf = "Nats-Expected-Last-Subject-Sequence-Subject" // of which subject; without it that of the message
	headerBatch      = "Nats-Batch-Id"
	headerBatchSeq   = "Nats-Batch-Sequence"
	headerCommit     = "Nats-Batch-Commit"
	rollupSubject    = "sub"
)

// maxHeader is what is left of the largest message for headers and a dead letter's reason, in bytes.
const maxHeader = 4 << 10

// Payload is the largest message in bytes that a NATS server has to take for events of so many bytes.
func Payload(data int) int64 { return int64(data) + maxHeader }

// maxName is the longest id, kind, source or account of an event, in bytes.
const maxName = 512

// check refuses events that could not be stored as they are, so that one of them cannot fail the commit of others.
func (s *Stream) check(e schemas.Event) error {
	for _, f := range []struct {
		name, value string
		needed      bool
	}{{"id", e.ID, true}, {"kind", string(e.Kind), true}, {"account", e.Account, true}, {"source", e.Source, false}, {"via", e.Via, false}} {
		if !plain(f.value) || (f.needed && f.value == "") {
			return fmt.Errorf("event %.80q: %w", e.ID, schemas.Invalid("event."+f.name, "must be at most 512 bytes of one line without space at its ends, and not empty"))
		}
	}
	if len(e.Data) > s.maxData {
		return fmt.Errorf("event %.80q: %w: %d bytes, at most %d are stored", e.ID, schemas.ErrTooLarge, len(e.Data), s.maxData)
	}
	return nil
}

// plain says whether a text comes back from a header as it was.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return len(s) <= maxName && strings.TrimSpace(s) == s
}

// message builds the stored form of an event: Data is the payload, all else are headers.
func (s *Stream) message(e schemas.Event) *nats.Msg {
	return &nats.Msg{Subject: schemas.SubjectRaw(schemas.Partition(e.Account, s.partitions)), Header: eventHeader(e), Data: e.Data}
}

func eventHeader(e schemas.Event) nats.Header {
	v := [6]string{e.ID, string(e.Kind), e.Source, e.Account, e.Via, e.ReceivedAt.UTC().Format(time.RFC3339Nano)}
	h := make(nats.Header, 12)
	for i, k := range [6]string{headerID, headerKind, headerSource, headerAccount, headerVia, headerReceived} {
		h[k] = v[i : i+1 : i+1]
	}
	return h
}

// event is the inverse of message. A header that cannot be read is left at its zero value: what the event is worth is decided by the
// processor.
func event(h nats.Header, data []byte, seq uint64) schemas.Event {
	e := schemas.Event{
		ID: h.Get(headerID), Kind: schemas.Kind(h.Get(headerKind)), Source: h.Get(headerSource), Account: h.Get(headerAccount),
		Via: h.Get(headerVia), Data: data, Seq: seq,
	}
	if t, err := time.Parse(time.RFC3339Nano, h.Get(headerReceived)); err == nil {
		e.ReceivedAt = t.UTC()
	}
	return e
}

// deadMessage stores a whole event with the reason why it could not be used.
func deadMessage(subject string, d schemas.DeadLetter) *nats.Msg {
	h := eventHeader(d.Event)
	h.Set(headerClass, clip(d.Class, 64))
	h.Set(headerReason, clip(d.Reason, 1024))
	h.Set(headerSeq, strconv.FormatUint(d.Event.Seq, 10))
	return &nats.Msg{Subject: subject, Header: h, Data: d.Event.Data}
}

// clip shortens s to n bytes without cutting a character in two.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

func rolled(subject string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Header: nats.Header{headerRollup: {rollupSubject}}, Data: data}
}

// fencedBy has a message stored only while the last message on another subject, which may have wildcards, is the expected one (0: there is none).
func fencedBy(m *nats.Msg, subject string, expected uint64) {
	m.Header[headerExpected], m.Header[headerExpectedOf] = []string{strconv.FormatUint(expected, 10)}, []string{subject}
}

// fenced is a rolled-up record that is only stored when the last message on its subject is the expected one (0: there is none).
func fenced(subject string, data []byte, expected uint64) *nats.Msg {
	m := rolled(subject, data)
	m.Header[headerExpected] = []string{strconv.FormatUint(expected, 10)}
	return m
}
