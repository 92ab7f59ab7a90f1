package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// packBytes is the size up to which rows of a table are packed into one message.
const packBytes = 256 << 10

type message = *nats.Msg

// packer turns a result into messages: outputs first, then dead letters, then state.
type packer struct {
	s         *Stream
	partition int
	gen       string
	msgs      []message
	open      map[string]message // packed message of a table that still has room
	ids       map[string]bool    // Msg-Ids in this batch
	absent    func(key string) bool
}

// pack gives the messages of a result. Its errors are refusals: the processor made something that cannot be stored.
func (l *loop) pack(res schemas.Result) ([]message, error) {
	p := &packer{
		s: l.s, partition: l.partition, gen: strconv.FormatUint(l.rec.Gen, 10),
		msgs: make([]message, 0, len(res.State)+len(res.Outputs)+len(res.Dead)+1),
		open: map[string]message{}, ids: map[string]bool{}, absent: l.absent,
	}
	for _, o := range res.Outputs {
		if err := p.output(o); err != nil {
			return nil, &refusal{"invalid", err}
		}
	}
	for _, d := range res.Dead {
		p.msgs = append(p.msgs, deadMessage(l.s.dead(l.partition), d))
	}
	for key, row := range res.State {
		if err := p.state(key, row); err != nil {
			return nil, &refusal{"invalid", err}
		}
	}
	return p.msgs, nil
}

func (p *packer) output(o schemas.Output) error {
	if o.Table == "" || schemas.Token(o.Table) != o.Table {
		return fmt.Errorf("output: %.60q is not a table", o.Table)
	}
	if len(o.Data) == 0 || len(o.Data) > p.s.maxData || bytes.IndexByte(o.Data, '\n') >= 0 {
		return fmt.Errorf("output of %s: must be one line of 1 to %d bytes, it has %d", o.Table, p.s.maxData, len(o.Data))
	}
	if o.Subject != "" {
		return p.single(o)
	}
	m := p.open[o.Table]
	if m == nil || len(m.Data)+1+len(o.Data) > packBytes {
		m = p.add(p.s.own(schemas.SubjectOut(o.Table, p.partition)))
		p.open[o.Table] = m
	} else {
		m.Data = append(m.Data, '\n')
	}
	if need := len(o.Data) + 1; cap(m.Data)-len(m.Data) < need {
		m.Data = slices.Grow(m.Data, max(need, len(m.Data))) // append alone would copy large messages several times
	}
	m.Data = append(m.Data, o.Data...)
	return nil
}

// single adds a row that other programs consume. The sink finds it by its subject, so it must be one of its table.
func (p *packer) single(o schemas.Output) error {
	if !validKey(o.Subject) || o.Table != schemas.TableActivities {
		return fmt.Errorf("output of %s: %.100q is not a subject of the table", o.Table, o.Subject)
	}
	m := p.add(p.s.own(o.Subject))
	m.Data = o.Data
	// The same id twice in one batch would make the server refuse it for good.
	if o.ID != "" && !p.ids[o.ID] {
		p.ids[o.ID] = true
		m.Header[headerMsgID] = []string{o.ID}
	}
	return nil
}

func (p *packer) add(subject string) message {
	m := &nats.Msg{Subject: subject, Header: nats.Header{headerGen: {p.gen}}}
	p.msgs = append(p.msgs, m)
	return m
}

// state stores a row in place of the one before. A deleted row is stored empty, which means that it does not exist: a delete request
// could not be part of the commit. The first row under a key has nothing to replace; without the header the server need not look for it.
func (p *packer) state(key string, row *schemas.StateRow) error {
	if !validKey(key) {
		return fmt.Errorf("state key %.100q: must be tokens of [A-Za-z0-9_=-] joined by dots", key)
	}
	var data []byte
	if row != nil {
		data = row.Data
	}
	if len(data) > p.s.maxData {
		return fmt.Errorf("state row %.100q: %d bytes, at most %d can be stored", key, len(data), p.s.maxData)
	}
	m := rolled(p.s.state(p.partition, key), data)
	if p.absent(key) {
		m.Header = nil
	}
	p.msgs = append(p.msgs, m)
	return nil
}

// validKey says whether a key or subject is made of non-empty tokens without wildcards.
func validKey(key string) bool {
	token := 0
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '=':
			token++
		case c == '.' && token > 0:
			token = 0
		default:
			return false
		}
	}
	return token > 0 && len(key) <= 400
}
