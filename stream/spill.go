package stream

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

const (
	// spillMessages is how many messages one part of a spill carries: what is written back in one commit.
	spillMessages = 800
	// spillKey is the state key of the parts; processors' keys have no leading underscore.
	spillKey = "_spill."
)

// spill notes a result that is stored but not yet spread: Done of Parts are.
type spill struct {
	Parts int `json:"parts"`
	Done  int `json:"done"`
}

// spill handles the result of one event that needs more messages than a commit may have (a user for whom a thousand tickets wait). The
// messages are packed into few large ones and committed with the offset: from then on the result is decided. They are spread in
// further commits, each fenced and with its progress in the record, so that a crash in between is continued.
func (l *loop) spill(ctx context.Context, rec offset, msgs []*nats.Msg) error {
	parts, err := l.parts(msgs)
	if err != nil {
		return err
	}
	if len(parts) >= maxBatch {
		return fmt.Errorf("partition %d: event %d: the result takes %d messages, that is more than can be stored", l.partition, rec.In, len(msgs))
	}
	packed := make([]*nats.Msg, len(parts))
	for i, data := range parts {
		packed[i] = rolled(l.s.state(l.partition, spillKey+strconv.Itoa(i)), data)
	}
	rec.Spill = &spill{Parts: len(parts)}
	if err := l.commit(ctx, "spill", rec, packed); err != nil {
		return err
	}
	l.s.metrics.spills.Inc()
	l.s.crash("spill.committed")
	if err := l.unspill(ctx); err != nil {
		return err
	}
	return l.loadJournal(ctx)
}

// unspill spreads what a spill has left.
func (l *loop) unspill(ctx context.Context) error {
	for l.rec.Spill != nil {
		i := l.rec.Spill.Done
		subject := l.s.state(l.partition, spillKey+strconv.Itoa(i))
		m, found, err := l.s.last(ctx, l.s.txn, subject)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("partition %d: part %d of a result is missing", l.partition, i)
		}
		msgs, err := decodeMessages(m.data)
		if err != nil {
			return fmt.Errorf("partition %d: part %d of a result: %w", l.partition, i, err)
		}
		rec := l.rec
		rec.Spill = &spill{Parts: l.rec.Spill.Parts, Done: i + 1}
		if rec.Spill.Done == rec.Spill.Parts {
			rec.Spill = nil
		}
		if err := l.commit(ctx, "unspill", rec, append(msgs, rolled(subject, nil))); err != nil {
			return err
		}
		l.s.crash("unspill.committed")
	}
	l.cache = newRowCache(l.processor, l.heat)
	return nil
}

// parts packs messages, bounded in number and so that each part fits into one message.
func (l *loop) parts(msgs []*nats.Msg) ([][]byte, error) {
	var parts [][]byte
	var part []byte
	n := 0
	for _, m := range msgs {
		one := encodeMessage(nil, m)
		if len(one) > l.s.maxData+maxHeader/2 {
			return nil, fmt.Errorf("partition %d: message of %d bytes does not fit", l.partition, len(one))
		}
		if n == spillMessages || (n > 0 && len(part)+len(one) > l.s.maxData+maxHeader/2) {
			parts, part, n = append(parts, part), nil, 0
		}
		part = append(part, one...)
		n++
	}
	return append(parts, part), nil
}

// encodeMessage writes subject, headers and data, each with its length in front.
func encodeMessage(b []byte, m *nats.Msg) []byte {
	b = binary.AppendUvarint(appendField(b, m.Subject), uint64(len(m.Header)))
	for k, v := range m.Header {
		b = appendField(appendField(b, k), v[0])
	}
	return appendField(b, m.Data)
}

func decodeMessages(b []byte) ([]*nats.Msg, error) {
	var msgs []*nats.Msg
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, false
		}
		b = b[size:]
		return n, true
	}
	bytes := func() ([]byte, bool) {
		v, rest, ok := cutField(b)
		b = rest
		return v, ok
	}
	for len(b) > 0 {
		subject, ok := bytes()
		n, ok2 := number()
		if !ok || !ok2 || n > uint64(len(b)) {
			return nil, errTorn
		}
		h := make(nats.Header, n)
		for range n {
			k, ok := bytes()
			v, ok2 := bytes()
			if !ok || !ok2 {
				return nil, errTorn
			}
			h[string(k)] = []string{string(v)}
		}
		data, ok := bytes()
		if !ok {
			return nil, errTorn
		}
		msgs = append(msgs, &nats.Msg{Subject: string(subject), Header: h, Data: data})
	}
	return msgs, nil
}
