package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// packBytes is the size up to which rows of a table are packed into one message.
const packBytes = 256 << 10

// packer turns a result into messages: outputs first, then dead letters, then state.
type packer struct {
	s         *Stream
	partition int
	gen       []string // values of headers, which the messages share
	behind    []string // nil: there is no backlog
	msgs      []*nats.Msg
	open      map[string]*packing // packed message of a table that still has room
	rest      map[string]int      // bytes of rows and state that are not packed yet, by table and under journalKey
	ids       map[string]bool     // Msg-Ids in this batch
	tables    map[string]bool     // names that are known to be tables
	known     func(id string) bool
	journal   *nats.Msg // journal message that still has room
	size      int       // bytes of the journal
	packs     []*nats.Msg
}

// packing is a message of many rows of a table.
type packing struct {
	*nats.Msg
	rows int
}

// close notes how many rows there are.
func (p *packing) close() { p.Header[headerRows] = []string{strconv.Itoa(p.rows)} }

// packed is a result as it is stored.
type packed struct {
	msgs    []*nats.Msg
	packs   []*nats.Msg            // those of them that nobody else reads
	ids     map[string]bool        // Msg-Ids of the messages
	rows    int                    // state rows among them, in the journal
	moved   map[string]*journalled // rows that the messages move out of the journal
	journal int                    // bytes the messages add to it
}

// pack gives the messages of a result. Its errors are refusals: the processor made something that cannot be stored.
func (l *loop) pack(res schemas.Result) (packed, error) {
	single := singles(res)
	p := &packer{
		s: l.s, partition: l.partition, gen: []string{strconv.FormatUint(l.rec.Gen, 10)},
		msgs: make([]*nats.Msg, 0, single+len(res.Dead)+moveRows), open: map[string]*packing{}, ids: make(map[string]bool, single), known: l.known,
		rest: sizes(res), tables: map[string]bool{},
	}
	if l.behind() {
		p.behind = []string{"1"}
	}
	for _, o := range res.Outputs {
		if err := p.output(o); err != nil {
			return packed{}, &refusal{"invalid", err}
		}
	}
	for _, m := range p.open {
		m.close()
	}
	for _, d := range res.Dead {
		p.msgs = append(p.msgs, deadMessage(l.s.dead(l.partition), d))
	}
	for key, row := range res.State {
		if err := p.state(key, row); err != nil {
			return packed{}, &refusal{"invalid", err}
		}
	}
	most := min(l.moves(len(res.State)), int(l.room())-len(p.msgs))
	moved := l.journal.overdue(most, func(key string) bool {
		_, changes := res.State[key]
		return changes || l.beingStored(key)
	})
	out := packed{ids: p.ids, rows: len(res.State), moved: make(map[string]*journalled, len(moved)), journal: p.size}
	for i, r := range moved {
		m := l.own(r)
		r.before = uint64(len(moved) - i) // the record comes last
		p.msgs, p.packs, out.moved[r.key] = append(p.msgs, m), append(p.packs, m), r
	}
	out.msgs, out.packs = p.msgs, p.packs
	return out, nil
}

// moves is how many rows a commit that stores some may move out of the journal.
func (l *loop) moves(stored int) int {
	if l.journal.swollen() {
		return swollenRows
	}
	return min(max(stored/moveShare, moveLeast), moveRows)
}

// singles counts the rows that will have a message of their own.
func singles(res schemas.Result) (n int) {
	for i := range res.Outputs {
		if res.Outputs[i].Subject != "" {
			n++
		}
	}
	return n
}

// sizes gives the bytes that will be packed, so that no message has to grow.
func sizes(res schemas.Result) map[string]int {
	rest := map[string]int{}
	for _, o := range res.Outputs {
		if o.Subject == "" {
			rest[o.Table] += len(o.Data) + 1
		}
	}
	for key, row := range res.State {
		rest[journalKey] += len(key) + 2*binary.MaxVarintLen32
		if row != nil {
			rest[journalKey] += len(row.Data)
		}
	}
	return rest
}

// room gives space for n bytes, the first of what is left to pack under a name, and of as much behind them as one message may have.
func (p *packer) room(name string, n int) []byte {
	return make([]byte, 0, max(n, min(p.rest[name], packBytes)))
}

// own is the message that moves a row from the journal to its own subject, in place of the one before. A deleted row is stored empty,
// which means that it does not exist: a delete request could not be part of the commit. The first row of a subject has nothing to
// replace; without the header the server need not look for it. Where the one before is known it is removed later, see replacedRows, unless there
// are too many already.
func (l *loop) own(r *journalled) *nats.Msg {
	m := rolled(l.s.state(l.partition, r.key), r.data)
	if !r.own || l.file.sequence(r.key) > 0 && !l.replaced.full() {
		m.Header = nil
	}
	return m
}

func (p *packer) output(o schemas.Output) error {
	if err := p.tabled(o.Table); err != nil {
		return err
	}
	if len(o.Data) == 0 || len(o.Data) > p.s.maxData || bytes.IndexByte(o.Data, '\n') >= 0 {
		return fmt.Errorf("output of %s: must be one line of 1 to %d bytes, it has %d", o.Table, p.s.maxData, len(o.Data))
	}
	if o.Subject != "" {
		return p.single(o)
	}
	m := p.open[o.Table]
	if m != nil && len(m.Data)+1+len(o.Data) > packBytes {
		m.close()
		m = nil
	}
	if m == nil {
		m = &packing{Msg: p.add(p.s.own(schemas.SubjectOut(o.Table, p.partition)))}
		m.Data, p.open[o.Table], p.packs = p.room(o.Table, len(o.Data)), m, append(p.packs, m.Msg)
	} else {
		m.Data = append(m.Data, '\n')
	}
	m.Data = append(m.Data, o.Data...)
	m.rows++
	p.rest[o.Table] -= len(o.Data) + 1
	return nil
}

// tabled refuses what is not the name of a table. Of the names in a batch, which are few, each is looked at once.
func (p *packer) tabled(name string) error {
	if p.tables[name] {
		return nil
	}
	if name == "" || schemas.Token(name) != name {
		return fmt.Errorf("output: %.60q is not a table", name)
	}
	p.tables[name] = true
	return nil
}

// consumed says whether other programs consume the rows of a table, one message each.
func consumed(table string) bool {
	return table == schemas.TableActivities || table == schemas.TableAudienceEntries
}

// single adds a row that other programs consume. The sink finds it by its subject, so it must be one of its table.
func (p *packer) single(o schemas.Output) error {
	if !validKey(o.Subject) || !consumed(o.Table) {
		return fmt.Errorf("output of %s: %.100q is not a subject of the table", o.Table, o.Subject)
	}
	m := p.add(p.s.own(o.Subject))
	m.Data = o.Data
	// The same id twice in one batch would make the server refuse it for good, one that it knows as long as it knows it.
	if o.ID != "" && !p.ids[o.ID] && !p.known(o.ID) {
		p.ids[o.ID] = true
		m.Header[headerMsgID] = []string{o.ID}
	}
	return nil
}

func (p *packer) add(subject string) *nats.Msg {
	m := &nats.Msg{Subject: subject, Header: nats.Header{headerGen: p.gen}}
	if p.behind != nil {
		m.Header[headerBehind] = p.behind
	}
	p.msgs = append(p.msgs, m)
	return m
}

// state adds a row to the journal.
func (p *packer) state(key string, row *schemas.StateRow) error {
	if !validKey(key) {
		return fmt.Errorf("state key %.100q: must be tokens of [A-Za-z0-9_=-] joined by dots", key)
	}
	var data []byte
	if row != nil {
		data = row.Data
	}
	if most := p.s.maxData - 2*maxKey; len(data) > most {
		return fmt.Errorf("state row %.100q: %d bytes, at most %d can be stored", key, len(data), most)
	}
	if p.journal == nil || len(p.journal.Data)+len(key)+len(data) > packBytes {
		p.journal = &nats.Msg{Subject: p.s.state(p.partition, journalKey), Data: p.room(journalKey, len(key)+len(data)+2*binary.MaxVarintLen32)}
		p.msgs, p.packs = append(p.msgs, p.journal), append(p.packs, p.journal)
	}
	before := len(p.journal.Data)
	p.journal.Data = journalRow(p.journal.Data, key, data)
	p.size += len(p.journal.Data) - before
	p.rest[journalKey] -= len(key) + len(data) + 2*binary.MaxVarintLen32
	return nil
}

// maxKey is the longest key of a state row, in bytes.
const maxKey = 400

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
	return token > 0 && len(key) <= maxKey
}
