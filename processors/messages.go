package processors

import (
	"deskstream/schemas"
)

// message is a comment of a ticket as it stands now; its text is fetched only when the row goes out.
type message struct {
	comment
	at       int64
	who      role
	redacted bool
	hash     uint64 // of the text
	chunk    int
	hint     bool
	born     int64 // when the ticket was created
}

// messages lists the comments of a ticket in order, each once. Orphans have none.
func (s *subject) messages() []message {
	out := s.scratch.messages[:0]
	for i := range s.h.moments {
		m := &s.h.moments[i]
		for _, c := range m.comments {
			if s.repeated(out, c.id) {
				continue
			}
			x := message{comment: c, at: m.at, who: s.roles(c.author, m.at), chunk: -1, hint: m.hint, born: s.base.created}
			x.public = c.public && !contains(s.hidden, c.id)
			if b := s.t.body(c.id); b != nil {
				x.redacted, x.hash, x.chunk = b.redacted, b.hash, b.chunk
			}
			out = append(out, x)
		}
	}
	s.scratch.messages = out
	return out
}

// repeated sees a comment that a webhook tells again behind the audit that has it.
func (s *subject) repeated(known []message, id int64) bool {
	for i := len(known) - 1; i >= 0; i-- {
		if known[i].id == id {
			return true
		}
	}
	return false
}

// digest identifies the row's content without building it: searching the text for words is the expensive part.
func (x *message) digest(w *writer) uint64 {
	w.b = w.b[:0]
	w.int(x.author)
	w.byte(byte(x.who))
	w.bool(x.public)
	w.bool(x.redacted)
	w.hash(x.hash)
	w.int(x.born)
	return hashOf(w.b)
}

func (x *message) row(account string, ticket int64, text string) schemas.Message {
	return schemas.Message{
		Account: account, At: unix(x.at), TicketID: ticket, MessageID: x.id, AuthorID: x.author, AuthorRole: x.who.String(),
		Public: flag(x.public), Body: text, Tokens: schemas.Tokens(text), Redacted: flag(x.redacted), TicketCreatedAt: unix(x.born),
	}
}
