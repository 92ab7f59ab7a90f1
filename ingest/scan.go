package ingest

import (
	"bytes"
	"strconv"
)

// envelope is what the endpoint needs of an event-subscription body before it answers. The slices point into the body.
type envelope struct {
	id     []byte // empty when it has none that can be part of an event's
	kind   []byte
	object int64 // detail.id
	other  int64 // event.user.id, the other side of a merge
}

// scanner walks over JSON without decoding it. It is forgiving: it promises only that it ends and never looks behind the body, so the
// values it finds must be checked by whoever uses them.
type scanner struct {
	body []byte
	pos  int
}

// scanEnvelope finds the parts of an envelope in one walk over the body. ok is false for anything that is not one, a trigger's body too; an
// envelope with parts missing still is one, so that what reads it says what is wrong.
func scanEnvelope(body []byte) (e envelope, ok bool) {
	s := scanner{body: body}
	done := s.object(func(key []byte) bool {
		switch string(key) {
		case "id":
			return s.take(&e.id)
		case "type":
			return s.take(&e.kind)
		case "detail":
			return s.ids(&e.object, nil)
		case "event":
			return s.ids(nil, &e.other)
		}
		return s.skip()
	})
	if !plainID(e.id) {
		e.id = nil
	}
	return e, done && bytes.HasPrefix(e.kind, []byte("zen:event-type"))
}

// name gives the short event name, e.g. ticket.created.
func (e envelope) name() []byte {
	name := bytes.TrimPrefix(e.kind, []byte("zen:event-type"))
	return bytes.TrimLeft(name, ":/")
}

// ids reads an object for its own id and for the id of its member user.
func (s *scanner) ids(own, user *int64) bool {
	if !s.at('{') {
		return s.skip()
	}
	return s.object(func(key []byte) bool {
		switch {
		case own != nil && string(key) == "id":
			var text []byte
			if !s.take(&text) {
				return false
			}
			*own, _ = strconv.ParseInt(string(text), 10, 64) // 0 = none
			return true
		case user != nil && string(key) == "user":
			return s.ids(user, nil)
		}
		return s.skip()
	})
}

// object calls member for each key of an object; member must walk over the value. It is false when the body is no object.
func (s *scanner) object(member func(key []byte) bool) bool {
	if !s.eat('{') {
		return false
	}
	if s.eat('}') {
		return true
	}
	for {
		key, ok := s.text()
		if !ok || !s.eat(':') || !member(key) {
			return false
		}
		if s.eat('}') {
			return true
		}
		if !s.eat(',') {
			return false
		}
	}
}

// take reads a string or a number as it is written; other values are walked over and leave out empty.
func (s *scanner) take(out *[]byte) bool {
	if s.at('"') {
		text, ok := s.text()
		*out = text
		return ok
	}
	if s.at('{') || s.at('[') {
		return s.skip()
	}
	word, ok := s.word()
	if ok && (word[0] == '-' || word[0] >= '0' && word[0] <= '9') {
		*out = word
	}
	return ok
}

// skip walks over one value, however deep, with a counter in place of recursion.
func (s *scanner) skip() bool {
	depth := 0
	for {
		s.space()
		if s.pos >= len(s.body) {
			return false
		}
		ok := true
		switch s.body[s.pos] {
		case '{', '[':
			depth++
			s.pos++
			continue
		case '}', ']':
			depth--
			s.pos++
		case ',', ':':
			if depth == 0 {
				return false
			}
			s.pos++
			continue
		case '"':
			_, ok = s.text()
		default:
			_, ok = s.word()
		}
		if !ok || depth < 0 {
			return false
		}
		if depth == 0 {
			return true
		}
	}
}

// text reads a string and returns what stands between its quotes, escapes as they are.
func (s *scanner) text() ([]byte, bool) {
	if !s.eat('"') {
		return nil, false
	}
	start := s.pos
	for {
		i := bytes.IndexByte(s.body[s.pos:], '"')
		if i < 0 {
			return nil, false
		}
		end := s.pos + i
		s.pos = end + 1
		back := end
		for back > start && s.body[back-1] == '\\' {
			back--
		}
		if (end-back)%2 == 0 {
			return s.body[start:end], true
		}
	}
}

// word reads a number, true, false or null.
func (s *scanner) word() ([]byte, bool) {
	s.space()
	start := s.pos
	for s.pos < len(s.body) && bytes.IndexByte([]byte(" \t\r\n,:{}[]\""), s.body[s.pos]) < 0 {
		s.pos++
	}
	return s.body[start:s.pos], s.pos > start
}

func (s *scanner) space() {
	for s.pos < len(s.body) && bytes.IndexByte([]byte(" \t\r\n"), s.body[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) at(c byte) bool {
	s.space()
	return s.pos < len(s.body) && s.body[s.pos] == c
}

func (s *scanner) eat(c byte) bool {
	if !s.at(c) {
		return false
	}
	s.pos++
	return true
}

// plainID says whether an id may become part of an event id: 1 to 128 of the characters Zendesk's UUIDs and ULIDs are made of, and
// a few more.
func plainID(id []byte) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for _, c := range id {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}
