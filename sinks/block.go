package sinks

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"deskstream/schemas"

	"github.com/ClickHouse/ch-go/proto"
)

// plan says how the rows of a table are read and laid out.
type plan struct {
	table   string
	columns []planColumn
	index   map[string]int
	key     []int
	account int
	month   int // index of the column that decides the partition, -1 = none
	expires int // index of the column that ends the row's life, -1 = none
}

type planColumn struct {
	name   string
	member string // the name as it mostly stands in a row, with the colon
	columnType
}

// newPlan takes the columns as the server has them: which strings are LowCardinality is the table's business, not the rows'.
func newPlan(table string, names, types []string) (*plan, error) {
	s, ok := shapes[table]
	if !ok {
		return nil, fmt.Errorf("table %s: no rows are written to it", table)
	}
	p := &plan{table: table, index: map[string]int{}, month: -1, expires: -1}
	for i, name := range names {
		if isOwnColumn(name) {
			continue
		}
		t, err := parseType(types[i])
		if err != nil {
			return nil, fmt.Errorf("table %s: column %s: %w", table, name, err)
		}
		p.index[name] = len(p.columns)
		p.columns = append(p.columns, planColumn{name: name, member: strconv.Quote(name) + ":", columnType: t})
	}
	return p, p.place(s)
}

// place finds the columns that the shape names.
func (p *plan) place(s shape) error {
	for _, name := range append([]string{s.month, s.expires, "account"}, s.key...) {
		if _, ok := p.index[name]; !ok && name != "" {
			return fmt.Errorf("table %s: column %s is missing: migrate the database", p.table, name)
		}
	}
	if s.month != "" {
		p.month = p.index[s.month]
	}
	if s.expires != "" {
		p.expires = p.index[s.expires]
	}
	p.account = p.index["account"]
	for _, name := range s.key {
		p.key = append(p.key, p.index[name])
	}
	return nil
}

// part is the rows of a block that go into one ClickHouse partition.
type part struct {
	month   int // 0 for tables with one partition
	columns []column
	seq     numbers
	ver     numbers
	batch   texts
	input   proto.Input
	rows    int
	// living says of each sorting key of the part whether its last row outlives the next minutes; nil unless asked for.
	living map[string]bool
}

// partition is the partition's id in ClickHouse.
func (p *part) partition() string {
	if p.month == 0 {
		return "all"
	}
	return strconv.Itoa(p.month)
}

func newPart(pl *plan) *part {
	p := &part{seq: numbers{typ: "UInt64", width: 8}, ver: numbers{typ: "UInt64", width: 8}}
	for _, c := range pl.columns {
		col := newColumn(c.columnType)
		p.columns = append(p.columns, col)
		p.input = append(p.input, proto.InputColumn{Name: c.name, Data: col})
	}
	p.input = append(p.input,
		proto.InputColumn{Name: columnSeq, Data: &p.seq},
		proto.InputColumn{Name: columnVer, Data: &p.ver},
		proto.InputColumn{Name: columnBatch, Data: &p.batch})
	return p
}

func (p *part) reset() {
	for _, c := range p.columns {
		c.reset()
	}
	p.seq.reset()
	p.ver.reset()
	p.batch.reset()
	p.rows, p.living = 0, nil
}

func (p *part) size() int {
	n := p.seq.size() + p.ver.size() + p.batch.size()
	for _, c := range p.columns {
		n += c.size()
	}
	return n
}

// name puts the token into every row.
func (p *part) name(token string) {
	p.batch.reset()
	for range p.rows {
		p.batch.add([]byte(token))
	}
}

// least is the number of rows that must still be there after the part was stored, however ClickHouse merged it since: it keeps one
// row for each sorting key and drops expired ones.
func (p *part) least() int {
	n := 0
	for _, lives := range p.living {
		if lives {
			n++
		}
	}
	return n
}

// parts splits a block by partition. It keeps its buffers for the next block.
type parts struct {
	plan    *plan
	decoder *decoder
	used    []*part
	spare   []*part
	keys    bool // note sorting keys
	soon    int64
	key     []byte
	room    []byte // for the rows of a message
}

func newParts(p *plan) *parts { return &parts{plan: p, decoder: newDecoder(p)} }

// maxKept bounds the buffers kept for the next block: more only after a burst, and then it is better given back.
const maxKept = 16 << 20

// reset takes the parts back.
func (s *parts) reset() {
	kept := 0
	for _, p := range slices.Concat(s.used, s.spare) {
		kept += p.size()
	}
	if kept > maxKept {
		s.used, s.spare, s.decoder.spare = nil, nil, nil
		return
	}
	for _, p := range s.used {
		p.reset()
	}
	s.spare, s.used = append(s.spare, s.used...), s.used[:0]
}

// expirySlack is how far ClickHouse's clock may be ahead of ours, and how long a recovery may take.
const expirySlack = 15 * time.Minute

// fill decodes the block. With keys it also notes the sorting keys, for recovery.
func (s *parts) fill(ctx context.Context, b schemas.Block, keys bool, now time.Time) error {
	s.keys, s.soon = keys, now.Add(expirySlack).Unix()
	for _, m := range b.Messages {
		if err := ctx.Err(); err != nil {
			return unavailable(fmt.Errorf("table %s: %w", b.Table, err))
		}
		if m.Seq < b.From || m.Seq > b.To {
			return fmt.Errorf("table %s: seq %d is outside its block %d-%d: %w", b.Table, m.Seq, b.From, b.To, schemas.ErrInvalid)
		}
		if err := s.message(m, schemas.RowVersion(b.Gen, m.Seq)); err != nil {
			return err
		}
	}
	slices.SortFunc(s.used, func(a, b *part) int { return a.month - b.month })
	return nil
}

func (s *parts) message(m schemas.BlockMessage, ver uint64) error {
	rest, err := m.Rows(s.room)
	if err != nil {
		return fmt.Errorf("table %s: seq %d: %w", s.plan.table, m.Seq, err)
	}
	if m.Encoding != "" {
		s.room = rest
	}
	for n := 1; len(rest) > 0; n++ {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := s.decoder.decode(line); err != nil {
			return fmt.Errorf("table %s: seq %d, row %d: %w: %w", s.plan.table, m.Seq, n, schemas.ErrInvalid, err)
		}
		s.add(m.Seq, ver)
	}
	return nil
}

// add appends the decoded row to the part it belongs to.
func (s *parts) add(seq, ver uint64) {
	p := s.part()
	for i, c := range p.columns {
		c.append(&s.decoder.cells[i])
	}
	p.seq.add(seq)
	p.ver.add(ver)
	p.rows++
	if s.keys {
		s.note(p)
	}
}

func (s *parts) part() *part {
	m := 0
	if s.plan.month >= 0 {
		m = month(s.decoder.cells[s.plan.month].num)
	}
	for _, p := range s.used {
		if p.month == m {
			return p
		}
	}
	var p *part
	if n := len(s.spare); n > 0 {
		p, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		p = newPart(s.plan)
	}
	p.month = m
	s.used = append(s.used, p)
	return p
}

// note remembers the row's sorting key. A later row of the block with the same key replaces an earlier one.
func (s *parts) note(p *part) {
	s.key = s.key[:0]
	for _, i := range s.plan.key {
		c := &s.decoder.cells[i]
		s.key = binary.AppendUvarint(s.key, uint64(len(c.text)))
		s.key = append(s.key, c.text...)
		s.key = binary.LittleEndian.AppendUint64(s.key, uint64(c.num))
	}
	if p.living == nil {
		p.living = map[string]bool{}
	}
	p.living[string(s.key)] = s.plan.expires < 0 || s.decoder.cells[s.plan.expires].num > s.soon
}

var errOtherTable = errors.New("block is of another table")
