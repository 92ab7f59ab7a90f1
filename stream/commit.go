package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"deskstream/schemas"
)

const (
	// maxBatch is how many messages of one atomic batch every server takes, largeBatch how many one takes that is set up for it. A batch costs
	// the server as much disk work as hundreds of messages do.
	maxBatch   = 1000
	largeBatch = 4000
	// maxOpenBatches bounds the batches that are open at once; the server refuses more than 50 per stream.
	maxOpenBatches = 16
	// budget is how long one commit may take before its outcome counts as unknown; a webhook sender gets its 503 within 5 s.
	budget = 4 * time.Second
)

// errDuplicateID says that a message of a batch carried a Nats-Msg-Id the stream knows; nothing was stored.
var errDuplicateID = errors.New("batch refused: a message id is known")

// errBatchTooLarge says that the server takes smaller batches only; nothing was stored.
var errBatchTooLarge = errors.New("batch refused: too many messages for the server")

// codes of JetStream's API errors (server/errors.json of nats-server).
const (
	codeWrongLast      = 10071
	codeWrongLastBatch = 10164
	codeDuplicateID    = 10201
	codeLargeBatch     = 10199
	codeTooLarge       = 10054
	codeNoStorage      = 10047
	codeNoResources    = 10023
)

// ack is the server's answer to a stored message or batch.
type ack struct {
	Stream    string    `json:"stream"`
	Seq       uint64    `json:"seq"`
	Duplicate bool      `json:"duplicate"`
	Batch     string    `json:"batch"`
	Count     int       `json:"count"`
	Error     *apiError `json:"error"`
}

type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// class turns the server's refusal into one of our classes. All that is not the sender's fault is worth another try.
func (e *apiError) class() error {
	switch e.ErrCode {
	case codeWrongLast, codeWrongLastBatch:
		return schemas.ErrFenced
	case codeDuplicateID:
		return errDuplicateID
	case codeLargeBatch:
		return errBatchTooLarge
	case codeTooLarge:
		return schemas.ErrTooLarge
	}
	return schemas.ErrUnavailable
}

// store publishes one message and waits until it is on disk.
func (s *Stream) store(ctx context.Context, m *nats.Msg) (ack, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	r, err := s.o.Conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return ack{}, s.unwritten(unknown(err))
	}
	a, err := parseAck(r.Data)
	return a, s.unwritten(err)
}

// UnwritableHint says what to do about a server that cannot write.
const UnwritableHint = "the message store cannot be written: make room on its volume, then it is started anew"

// unwritten puts the reason before an error of a server that is known not to write: what it answers itself, or that it does not, tells nobody.
func (s *Stream) unwritten(err error) error {
	if err == nil || !errors.Is(err, schemas.ErrUnavailable) || s.o.Unwritable == nil || !s.o.Unwritable() {
		return err
	}
	return fmt.Errorf("%s: %w", UnwritableHint, err)
}

func parseAck(data []byte) (ack, error) {
	var a ack
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("stream answer: %w: %w", schemas.ErrUnavailable, err)
	}
	if a.Error != nil {
		return a, fmt.Errorf("stream %s: %w: %w", a.Stream, a.Error.class(), a.Error)
	}
	return a, nil
}

// unknown wraps an error after which the message may or may not be stored.
func unknown(err error) error {
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("stream: %w: %w", schemas.ErrTooLarge, err)
	}
	return fmt.Errorf("stream: %w: %w", schemas.ErrUnavailable, err)
}

// commit stores messages of one stream all or nothing, in order, and gives the sequence of the last. stage names the crash points on
// the way. An error of class ErrUnavailable leaves the outcome unknown; ErrFenced and errDuplicateID say that nothing was stored.
//
// The client library has no call for atomic batches: the headers follow ADR-50. First and last message are requests, the rest are
// plain publishes on the same connection; whatever is lost in between makes the server refuse the last one.
func (s *Stream) commit(ctx context.Context, stage string, msgs []*nats.Msg) (uint64, error) {
	if len(msgs) == 1 {
		s.crash(stage + ".staged")
		a, err := s.store(ctx, msgs[0])
		return a.Seq, err
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	select {
	case s.open <- struct{}{}:
		defer func() { <-s.open }()
	case <-ctx.Done():
		return 0, unknown(ctx.Err())
	}
	id := nuid.Next()
	if err := s.stageBatch(ctx, id, msgs); err != nil {
		return 0, s.unwritten(err)
	}
	s.crash(stage + ".staged")
	seq, err := s.commitBatch(ctx, id, msgs)
	if errors.Is(err, errBatchTooLarge) {
		s.small.Store(true)
	}
	return seq, s.unwritten(err)
}

// maxMessages is how many messages a commit may have, as far as is known of the server.
func (s *Stream) maxMessages() int {
	if s.small.Load() {
		return maxBatch
	}
	return largeBatch
}

func (s *Stream) stageBatch(ctx context.Context, id string, msgs []*nats.Msg) error {
	ids, seqs := []string{id}, make([]string, len(msgs))
	for i, m := range msgs {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		seqs[i] = strconv.Itoa(i + 1)
		m.Header[headerBatch], m.Header[headerBatchSeq] = ids, seqs[i:i+1:i+1]
	}
	r, err := s.o.Conn.RequestMsgWithContext(ctx, msgs[0])
	if err != nil {
		return unknown(err)
	}
	if len(r.Data) > 0 { // an empty answer says that the first message is staged
		if _, err := parseAck(r.Data); err != nil {
			return err
		}
	}
	for _, m := range msgs[1 : len(msgs)-1] {
		if err := s.o.Conn.PublishMsg(m); err != nil {
			return unknown(err)
		}
	}
	return nil
}

func (s *Stream) commitBatch(ctx context.Context, id string, msgs []*nats.Msg) (uint64, error) {
	last := msgs[len(msgs)-1]
	last.Header[headerCommit] = []string{"1"}
	r, err := s.o.Conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return 0, unknown(err)
	}
	a, err := parseAck(r.Data)
	if err != nil {
		return 0, err
	}
	if a.Batch != id || a.Count != len(msgs) {
		return 0, fmt.Errorf("stream %s: %w: %d of %d messages of batch %s stored", a.Stream, schemas.ErrUnavailable, a.Count, len(msgs), id)
	}
	return a.Seq, nil
}
