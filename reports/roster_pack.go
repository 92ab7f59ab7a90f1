package reports

import (
	"encoding/binary"
	"math"
	"time"

	"deskstream/schemas"
)

// Values are packed into records: a person in memory is a few of them.

// Marks of packed values.
const (
	packedNone = iota
	packedText
	packedTexts
	packedNumber
	packedTrue
	packedFalse
	packedTime
)

// packValue appends a value as filters compare them.
func packValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return packText(append(b, packedText), v)
	case []string:
		b = binary.AppendUvarint(append(b, packedTexts), uint64(len(v)))
		for _, s := range v {
			b = packText(b, s)
		}
		return b
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, packedNumber), math.Float64bits(v))
	case bool:
		if v {
			return append(b, packedTrue)
		}
		return append(b, packedFalse)
	case time.Time:
		return binary.AppendUvarint(binary.AppendVarint(append(b, packedTime), v.Unix()), uint64(v.Nanosecond()))
	}
	return append(b, packedNone)
}

func packText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// unpacker reads what was packed.
type unpacker string

func (u *unpacker) more() bool { return len(*u) > 0 }

func (u *unpacker) byte() byte {
	b := (*u)[0]
	*u = (*u)[1:]
	return b
}

func (u *unpacker) unsigned() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := u.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (u *unpacker) signed() int64 {
	v := u.unsigned()
	return int64(v>>1) ^ -int64(v&1) // as binary.AppendVarint writes it
}

func (u *unpacker) text() string {
	n := u.unsigned()
	s := (*u)[:n]
	*u = (*u)[n:]
	return string(s)
}

func (u *unpacker) fixed() uint64 {
	v := binary.LittleEndian.Uint64([]byte((*u)[:8]))
	*u = (*u)[8:]
	return v
}

// value reads a value; skip says that it is not needed.
func (u *unpacker) value(skip bool) any {
	switch u.byte() {
	case packedText:
		return u.text()
	case packedTexts:
		n := u.unsigned()
		var list []string
		if !skip {
			list = make([]string, 0, n)
		}
		for range n {
			if s := u.text(); !skip {
				list = append(list, s)
			}
		}
		return list
	case packedNumber:
		return math.Float64frombits(u.fixed())
	case packedTrue:
		return true
	case packedFalse:
		return false
	case packedTime:
		seconds := u.signed()
		return time.Unix(seconds, int64(u.unsigned())).UTC()
	}
	return nil
}

// packFigures packs the ticket figures of a user.
func packFigures(s *schemas.PersonStats) []byte {
	b := make([]byte, 0, 48)
	for _, n := range []int64{s.TicketsTotal, s.TicketsOpen, s.TicketsClosed, s.GoodRatings, s.BadRatings, s.LastTicketID} {
		b = binary.AppendVarint(b, n)
	}
	for _, t := range []*time.Time{s.FirstTicketAt, s.LastTicketAt, s.LastScoreAt} {
		if t == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendVarint(append(b, 1), t.Unix())
	}
	for _, text := range []string{s.LastSubject, s.LastStatus, s.LastScore} {
		b = packText(b, text)
	}
	return b
}

func unpackFigures(u unpacker) *schemas.PersonStats {
	s := &schemas.PersonStats{}
	for _, n := range []*int64{&s.TicketsTotal, &s.TicketsOpen, &s.TicketsClosed, &s.GoodRatings, &s.BadRatings, &s.LastTicketID} {
		*n = u.signed()
	}
	for _, t := range []**time.Time{&s.FirstTicketAt, &s.LastTicketAt, &s.LastScoreAt} {
		if u.byte() == 1 {
			*t = new(time.Unix(u.signed(), 0).UTC())
		}
	}
	for _, text := range []*string{&s.LastSubject, &s.LastStatus, &s.LastScore} {
		*text = u.text()
	}
	return s
}

// everItem is the first and last occurrence of an activity of a user, by the place of its slug in the plan.
type everItem struct {
	slug int
	schemas.Occurrence
}

func packEver(items []everItem) []byte {
	var b []byte
	for _, e := range items {
		b = binary.AppendUvarint(b, uint64(e.slug))
		b = binary.AppendVarint(b, e.First.Unix())
		b = binary.AppendVarint(b, e.Last.Unix()-e.First.Unix())
		b = binary.AppendVarint(b, e.Count)
	}
	return b
}

func unpackEver(u unpacker) (items []everItem) {
	for u.more() {
		e := everItem{slug: int(u.unsigned())}
		first := u.signed()
		e.First, e.Last = time.Unix(first, 0).UTC(), time.Unix(first+u.signed(), 0).UTC()
		e.Count = u.signed()
		items = append(items, e)
	}
	return items
}

// rosterActivity is an activity of a user as it is kept.
type rosterActivity struct {
	id          uint64 // hash of its id
	kind        int    // place of its slug in the roster
	at, expires int64  // Unix seconds
	names       [len(nameKinds)]int64
	judged      string // bits by rosterJudge.place
}

func packActivities(list []rosterActivity) []byte {
	var b []byte
	for i := range list {
		a := &list[i]
		b = binary.LittleEndian.AppendUint64(b, a.id)
		b = binary.AppendUvarint(b, uint64(a.kind))
		b = binary.AppendVarint(b, a.at)
		b = binary.AppendVarint(b, a.expires-a.at)
		for _, id := range a.names {
			b = binary.AppendVarint(b, id)
		}
		b = packText(b, a.judged)
	}
	return b
}

func unpackActivities(u unpacker) (list []rosterActivity) {
	for u.more() {
		a := rosterActivity{id: u.fixed(), kind: int(u.unsigned()), at: u.signed()}
		a.expires = a.at + u.signed()
		for i := range a.names {
			a.names[i] = u.signed()
		}
		a.judged = u.text()
		list = append(list, a)
	}
	return list
}
