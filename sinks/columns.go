package sinks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"

	"github.com/ClickHouse/ch-go/proto"
)

// cell is one decoded value on its way into a column. Which members count follows from the column's type. Its slices are valid until
// the next row is decoded.
type cell struct {
	text []byte   // String, LowCardinality(String)
	num  int64    // Int64, UInt8; DateTime as seconds since 1970, within its range
	null bool     // Nullable only
	list [][]byte // Array of strings
	nums []int64  // Array(Int64)
}

func (c *cell) clear() {
	*c = cell{null: true, list: c.list[:0], nums: c.nums[:0]}
}

// column collects the values of one column in the bytes of the native protocol, so that sending it copies nothing. The columns of
// ch-go keep values and bytes apart and would double a block's memory.
type column interface {
	proto.ColInput
	append(v *cell)
	reset()
	// size is the number of bytes held for reuse.
	size() int
}

// valueKind says how a column's JSON is read.
type valueKind uint8

const (
	kindText valueKind = iota
	kindInt            // within [least, most]
	kindTime
	kindTexts
	kindInts
)

// columnType is a ClickHouse type that rows may have.
type columnType struct {
	name     proto.ColumnType
	kind     valueKind
	nullable bool
	symbol   bool // LowCardinality
	width    int  // bytes of a number
	least    int64
	most     int64
}

var nameOfType = regexp.MustCompile(`^(?:(Nullable|Array)\()?(?:(LowCardinality)\()?(String|Int64|UInt8|DateTime(?:\('UTC'\))?)\)*$`)

// parseType reads a type as system.columns writes it.
func parseType(s string) (columnType, error) {
	m := nameOfType.FindStringSubmatch(s)
	if m == nil {
		return columnType{}, fmt.Errorf("type %s is not one that rows may have", s)
	}
	t := columnType{name: proto.ColumnType(s), nullable: m[1] == "Nullable", symbol: m[2] != ""}
	switch m[3] {
	case "String":
		t.kind = kindText
	case "Int64":
		t.kind, t.width, t.least, t.most = kindInt, 8, math.MinInt64, math.MaxInt64
	case "UInt8":
		t.kind, t.width, t.most = kindInt, 1, math.MaxUint8
	default:
		t.kind, t.width = kindTime, 4
	}
	if m[1] != "Array" {
		return t, refuseUnused(t, s)
	}
	switch t.kind {
	case kindText:
		t.kind = kindTexts
	case kindInt:
		t.kind = kindInts
	default:
		return t, fmt.Errorf("type %s is not one that rows may have", s)
	}
	return t, nil
}

func refuseUnused(t columnType, s string) error {
	if t.nullable && t.kind == kindText || t.symbol && t.kind != kindText {
		return fmt.Errorf("type %s is not one that rows may have", s)
	}
	return nil
}

// newColumn makes an empty column of the type.
func newColumn(t columnType) column {
	switch {
	case t.kind == kindTexts && t.symbol:
		return &lists{typ: t.name, data: &symbols{}}
	case t.kind == kindTexts:
		return &lists{typ: t.name, data: &texts{}}
	case t.kind == kindInts:
		return &lists{typ: t.name, data: &numbers{width: t.width}}
	case t.kind == kindText && t.symbol:
		return &symbols{}
	case t.kind == kindText:
		return &texts{}
	case t.nullable:
		return &nullables{numbers: numbers{typ: t.name, width: t.width}}
	default:
		return &numbers{typ: t.name, width: t.width}
	}
}

// texts is a String column: lengths and bytes in turn.
type texts struct {
	buf  []byte
	rows int
}

func (c *texts) Type() proto.ColumnType       { return proto.ColumnTypeString }
func (c *texts) Rows() int                    { return c.rows }
func (c *texts) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *texts) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *texts) append(v *cell)               { c.add(v.text) }
func (c *texts) reset()                       { c.buf, c.rows = c.buf[:0], 0 }
func (c *texts) size() int                    { return cap(c.buf) }
func (c *texts) addAll(list [][]byte, _ []int64) {
	for _, s := range list {
		c.add(s)
	}
}

func (c *texts) add(s []byte) {
	c.buf = binary.AppendUvarint(c.buf, uint64(len(s)))
	c.buf = append(c.buf, s...)
	c.rows++
}

// numbers is a column of integers of 1, 4 or 8 bytes.
type numbers struct {
	typ   proto.ColumnType
	width int
	buf   []byte
}

func (c *numbers) Type() proto.ColumnType       { return c.typ }
func (c *numbers) Rows() int                    { return len(c.buf) / c.width }
func (c *numbers) EncodeColumn(b *proto.Buffer) { b.PutRaw(c.buf) }
func (c *numbers) WriteColumn(w *proto.Writer)  { w.ChainWrite(c.buf) }
func (c *numbers) append(v *cell)               { c.add(uint64(v.num)) }
func (c *numbers) reset()                       { c.buf = c.buf[:0] }
func (c *numbers) size() int                    { return cap(c.buf) }
func (c *numbers) addAll(_ [][]byte, nums []int64) {
	for _, n := range nums {
		c.add(uint64(n))
	}
}

func (c *numbers) add(n uint64) {
	switch c.width {
	case 1:
		c.buf = append(c.buf, byte(n))
	case 4:
		c.buf = binary.LittleEndian.AppendUint32(c.buf, uint32(n))
	default:
		c.buf = binary.LittleEndian.AppendUint64(c.buf, n)
	}
}

// nullables is a column of integers that may be null: the marks of all rows, then their values.
type nullables struct {
	numbers
	marks []byte
}

func (c *nullables) EncodeColumn(b *proto.Buffer) {
	b.PutRaw(c.marks)
	c.numbers.EncodeColumn(b)
}

func (c *nullables) WriteColumn(w *proto.Writer) {
	w.ChainWrite(c.marks)
	c.numbers.WriteColumn(w)
}

func (c *nullables) append(v *cell) {
	mark := byte(0)
	if v.null {
		mark = 1
	}
	c.marks = append(c.marks, mark)
	c.numbers.append(v)
}

func (c *nullables) reset() {
	c.marks = c.marks[:0]
	c.numbers.reset()
}

func (c *nullables) size() int { return c.numbers.size() + cap(c.marks) }

// Layout of LowCardinality in the native protocol: a version ahead of all data, then flags with the width of the keys, the
// dictionary, and one key for each row (ClickHouse, SerializationLowCardinality.cpp).
const (
	lowCardinalityVersion = 1
	lowCardinalityFlags   = 1<<9 | 1<<10 // keys follow; they replace an earlier dictionary
)

// symbols is a LowCardinality(String) column.
type symbols struct {
	keys  []uint32
	dict  texts
	index map[string]uint32
	last  []byte // value added last
	wire  []byte // keys in their final width, made when the column is sent
}

func (c *symbols) Type() proto.ColumnType { return "LowCardinality(String)" }
func (c *symbols) Rows() int              { return len(c.keys) }
func (c *symbols) append(v *cell)         { c.add(v.text) }
func (c *symbols) addAll(list [][]byte, _ []int64) {
	for _, s := range list {
		c.add(s)
	}
}

func (c *symbols) add(s []byte) {
	if n := len(c.keys); n > 0 && bytes.Equal(s, c.last) {
		c.keys = append(c.keys, c.keys[n-1])
		return
	}
	c.last = append(c.last[:0], s...)
	key, ok := c.index[string(s)]
	if !ok {
		if c.index == nil {
			c.index = map[string]uint32{}
		}
		key = uint32(c.dict.rows)
		c.index[string(s)] = key
		c.dict.add(s)
	}
	c.keys = append(c.keys, key)
}

func (c *symbols) reset() {
	c.keys, c.wire = c.keys[:0], c.wire[:0]
	c.dict.reset()
	clear(c.index)
}

func (c *symbols) size() int { return 4*cap(c.keys) + c.dict.size() + cap(c.wire) }

// EncodeState writes what stands ahead of the data, also when the column is inside an array.
func (c *symbols) EncodeState(b *proto.Buffer) { b.PutInt64(lowCardinalityVersion) }

func (c *symbols) EncodeColumn(b *proto.Buffer) {
	if len(c.keys) == 0 {
		return
	}
	b.PutRaw(c.head())
	b.PutRaw(c.dict.buf)
	b.PutInt64(int64(len(c.keys)))
	b.PutRaw(c.keyBytes())
}

func (c *symbols) WriteColumn(w *proto.Writer) {
	if len(c.keys) == 0 {
		return
	}
	w.ChainWrite(c.head())
	w.ChainWrite(c.dict.buf)
	w.ChainWrite(binary.LittleEndian.AppendUint64(nil, uint64(len(c.keys))))
	w.ChainWrite(c.keyBytes())
}

func (c *symbols) head() []byte {
	head := binary.LittleEndian.AppendUint64(nil, lowCardinalityFlags|uint64(c.keyWidth()))
	return binary.LittleEndian.AppendUint64(head, uint64(c.dict.rows))
}

// keyWidth is the protocol's number for keys of 1, 2 or 4 bytes.
func (c *symbols) keyWidth() proto.CardinalityKey {
	switch n := c.dict.rows; {
	case n <= math.MaxUint8+1:
		return proto.KeyUInt8
	case n <= math.MaxUint16+1:
		return proto.KeyUInt16
	default:
		return proto.KeyUInt32
	}
}

func (c *symbols) keyBytes() []byte {
	c.wire = c.wire[:0]
	width := c.keyWidth()
	for _, k := range c.keys {
		switch width {
		case proto.KeyUInt8:
			c.wire = append(c.wire, byte(k))
		case proto.KeyUInt16:
			c.wire = binary.LittleEndian.AppendUint16(c.wire, uint16(k))
		default:
			c.wire = binary.LittleEndian.AppendUint32(c.wire, k)
		}
	}
	return c.wire
}

// elements is a column that can stand inside an array.
type elements interface {
	column
	addAll(list [][]byte, nums []int64)
}

// lists is an Array column: the end of each row among all elements, then the elements.
type lists struct {
	typ  proto.ColumnType
	ends numbers
	data elements
}

func (c *lists) Type() proto.ColumnType { return c.typ }
func (c *lists) Rows() int              { return len(c.ends.buf) / 8 }

func (c *lists) append(v *cell) {
	c.data.addAll(v.list, v.nums)
	c.ends.width = 8
	c.ends.add(uint64(c.data.Rows()))
}

// EncodeState writes what the elements need ahead of the data.
func (c *lists) EncodeState(b *proto.Buffer) {
	if s, ok := c.data.(proto.StateEncoder); ok {
		s.EncodeState(b)
	}
}

func (c *lists) EncodeColumn(b *proto.Buffer) {
	b.PutRaw(c.ends.buf)
	c.data.EncodeColumn(b)
}

func (c *lists) WriteColumn(w *proto.Writer) {
	w.ChainWrite(c.ends.buf)
	c.data.WriteColumn(w)
}

func (c *lists) reset() {
	c.ends.reset()
	c.data.reset()
}

func (c *lists) size() int { return c.ends.size() + c.data.size() }
