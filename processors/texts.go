package processors

import (
	"sort"
	"unicode/utf8"
)

const (
	// maxText bounds one comment or description; Zendesk cuts comments at 64 kB.
	maxText = 128 << 10
	// maxChunk is the size at which a row of texts is full, far below what one message may hold even after a last large text.
	maxChunk = 128 << 10
	// maxInlineText and maxInline bound a text, and the sum of them, that a ticket keeps in its own row: most tickets need no other row
	// then, and every row is a message, which costs the store far more than some bytes in one that is written anyway.
	maxInlineText = 2 << 10
	maxInline     = 4 << 10
	// maxSubject bounds subjects and other one-line texts.
	maxSubject = 4 << 10
)

// inline is the place number of texts in the ticket's own row.
const inline = 0

// texts are the comment texts of one place, by comment id: a state row of its own, or a part of the ticket's.
type texts struct {
	items []text
	size  int
}

type text struct {
	id   int64
	body string
}

func (t *texts) find(id int64) int {
	return sort.Search(len(t.items), func(i int) bool { return t.items[i].id >= id })
}

func (t *texts) get(id int64) string {
	if i := t.find(id); i < len(t.items) && t.items[i].id == id {
		return t.items[i].body
	}
	return ""
}

func (t *texts) set(id int64, body string) {
	i := t.find(id)
	if i == len(t.items) || t.items[i].id != id {
		t.items = append(t.items, text{})
		copy(t.items[i+1:], t.items[i:])
		t.items[i] = text{id: id}
	}
	t.size += len(body) - len(t.items[i].body)
	t.items[i].body = body
}

func (t *texts) remove(id int64) {
	if i := t.find(id); i < len(t.items) && t.items[i].id == id {
		t.size -= len(t.items[i].body)
		t.items = append(t.items[:i], t.items[i+1:]...)
	}
}

func (t *texts) encode(w *writer) {
	list(w, t.items, func(w *writer, x *text) { w.int(x.id); w.str(x.body) })
}

func (t *texts) decode(r *reader) {
	t.items = readList(r, func(r *reader, x *text) { x.id, x.body = r.int(), r.str() })
	for _, x := range t.items {
		t.size += len(x.body)
	}
}

func (t *texts) empty() bool { return len(t.items) == 0 }

// cut bounds a text without breaking a character.
func cut[T string | []byte](s T, limit int) T {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
