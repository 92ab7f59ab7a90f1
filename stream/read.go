package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

const (
	// readPage and readBytes bound one answer of several messages.
	readPage  = 256
	readBytes = 8 << 20
)

// storedMessage is a message as the stream holds it.
type storedMessage struct {
	subject string
	seq     uint64
	at      time.Time
	header  nats.Header
	data    []byte
	pending uint64 // matching messages behind it, where several were asked for
}

// receivedBy gives what a consumer has received, still compressed.
func receivedBy(m jetstream.Msg, md *jetstream.MsgMetadata) storedMessage {
	return storedMessage{subject: m.Subject(), seq: md.Sequence.Stream, at: md.Timestamp, header: m.Headers(), data: m.Data(), pending: md.NumPending}
}

// get is the body of a direct get request (JSApiMsgGetRequest of nats-server).
type get struct {
	Seq       uint64     `json:"seq,omitempty"`
	LastFor   string     `json:"last_by_subj,omitempty"`
	NextFor   string     `json:"next_by_subj,omitempty"`
	Batch     int        `json:"batch,omitempty"`
	MaxBytes  int        `json:"max_bytes,omitempty"`
	StartTime *time.Time `json:"start_time,omitempty"`
	MultiLast []string   `json:"multi_last,omitempty"`
}

func (s *Stream) readOne(ctx context.Context, stream string, g get) (storedMessage, bool, error) {
	body, err := json.Marshal(g)
	if err != nil {
		return storedMessage{}, false, fmt.Errorf("read request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	r, err := s.o.Conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, body)
	if err != nil {
		return storedMessage{}, false, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
	}
	if st := r.Header.Get("Status"); st == "404" {
		return storedMessage{}, false, nil
	} else if st != "" {
		return storedMessage{}, false, statusError(stream, r)
	}
	m, err := parseStoredMessage(r)
	return m, err == nil, err
}

// last gives the newest message on a subject.
func (s *Stream) last(ctx context.Context, stream, subject string) (storedMessage, bool, error) {
	return s.readOne(ctx, stream, get{LastFor: subject})
}

// next gives the first message that matches filter at or behind a sequence, with the number of those behind it.
func (s *Stream) next(ctx context.Context, stream, filter string, from uint64) (m storedMessage, found bool, err error) {
	_, err = s.readMany(ctx, stream, get{Seq: max(from, 1), NextFor: filter, Batch: 1}, func(got storedMessage) error {
		m, found = got, true
		return nil
	})
	return m, found, err
}

// since gives the first message that matches filter and was stored at or after a time.
func (s *Stream) since(ctx context.Context, stream, filter string, t time.Time) (storedMessage, bool, error) {
	t = t.UTC()
	return s.readOne(ctx, stream, get{NextFor: filter, StartTime: &t})
}

// count gives the number of messages that match filter at or behind a sequence.
func (s *Stream) count(ctx context.Context, stream, filter string, from uint64) (uint64, error) {
	m, found, err := s.next(ctx, stream, filter, from)
	if err != nil || !found {
		return 0, err
	}
	return m.pending + 1, nil
}

// errStop ends each early.
var errStop = errors.New("stop")

// each calls fn with every message that matches filter at or behind a sequence, in order; fn ends it with errStop.
func (s *Stream) each(ctx context.Context, stream, filter string, from uint64, fn func(storedMessage) error) error {
	from = max(from, 1)
	for {
		n := 0
		g := get{Seq: from, NextFor: filter, Batch: readPage, MaxBytes: readBytes}
		pending, err := s.readMany(ctx, stream, g, func(m storedMessage) error {
			n++
			from = m.seq + 1
			return fn(m)
		})
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil || n == 0 || pending == 0 {
			return err
		}
	}
}

// newest calls fn with the newest message on every subject that matches filter, in the order in which they were stored. A record that was
// replaced can still be there: the server stores a record and then removes the one before, and a crash may come between.
func (s *Stream) newest(ctx context.Context, stream, filter string, fn func(storedMessage) error) error {
	var all []storedMessage
	at := map[string]int{}
	err := s.each(ctx, stream, filter, 1, func(m storedMessage) error {
		if older, ok := at[m.subject]; ok {
			all[older] = storedMessage{}
		}
		at[m.subject] = len(all)
		all = append(all, m)
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.seq == 0 {
			continue
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	return nil
}

// lasts calls fn with the newest message of each of the subjects that has one.
func (s *Stream) lasts(ctx context.Context, stream string, subjects []string, fn func(storedMessage) error) error {
	for len(subjects) > 0 {
		page := subjects[:min(readPage, len(subjects))]
		got := make(map[string]bool, len(page))
		pending, err := s.readMany(ctx, stream, get{MultiLast: page, MaxBytes: readBytes}, func(m storedMessage) error {
			got[m.subject] = true
			return fn(m)
		})
		if err != nil {
			return err
		}
		rest := subjects[len(page):]
		if pending > 0 { // the answer grew too large: ask again for those that were not in it
			for _, subject := range page {
				if !got[subject] {
					rest = append(rest[:len(rest):len(rest)], subject)
				}
			}
			if len(got) == 0 {
				return fmt.Errorf("stream %s: read: %w: an empty page", stream, schemas.ErrUnavailable)
			}
		}
		subjects = rest
	}
	return nil
}

// readMany asks for several messages at once; pending is the number of those that did not fit.
func (s *Stream) readMany(ctx context.Context, stream string, g get, fn func(storedMessage) error) (pending uint64, err error) {
	body, err := json.Marshal(g)
	if err != nil {
		return 0, fmt.Errorf("read request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	inbox := s.o.Conn.NewInbox()
	// A channel of the size of the answer: the client's own would be allocated for 65,536 messages each time.
	answers := make(chan *nats.Msg, readPage+2)
	sub, err := s.o.Conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return 0, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.o.Conn.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return 0, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
	}
	before := uint64(0)
	for {
		var r *nats.Msg
		select {
		case r = <-answers:
		case <-ctx.Done():
			return 0, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, ctx.Err())
		}
		switch r.Header.Get("Status") {
		case "":
		case "204":
			return number(r, "Nats-Num-Pending"), nil
		case "404":
			if r.Header.Get("Description") == "Message Not Found" && len(g.MultiLast) > 0 {
				return 0, statusError(stream, r)
			}
			return 0, nil
		default:
			return 0, statusError(stream, r)
		}
		m, err := parseStoredMessage(r)
		if err != nil {
			return 0, err
		}
		// Every message names the one before it, so that one lost on the way does not look like one that does not exist.
		if number(r, "Nats-Last-Sequence") != before {
			return 0, fmt.Errorf("stream %s: read: %w: a message was lost on the way", stream, schemas.ErrUnavailable)
		}
		before = m.seq
		if err := fn(m); err != nil {
			return 0, err
		}
	}
}

func statusError(stream string, r *nats.Msg) error {
	return fmt.Errorf("stream %s: read: %w: %s %s", stream, schemas.ErrUnavailable, r.Header.Get("Status"), r.Header.Get("Description"))
}

func parseStoredMessage(r *nats.Msg) (storedMessage, error) {
	m := storedMessage{
		subject: r.Header.Get("Nats-Subject"), seq: number(r, "Nats-Sequence"), header: r.Header, data: r.Data,
		pending: number(r, "Nats-Num-Pending"),
	}
	at, err := time.Parse(time.RFC3339Nano, r.Header.Get("Nats-Time-Stamp"))
	if err != nil || m.seq == 0 || m.subject == "" {
		return m, fmt.Errorf("stream answer: %w: not a stored message", schemas.ErrUnavailable)
	}
	m.at = at.UTC()
	return m, m.expand()
}

func number(r *nats.Msg, header string) uint64 {
	n, err := strconv.ParseUint(r.Header.Get(header), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
