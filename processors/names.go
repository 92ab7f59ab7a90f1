package processors

import (
	"cmp"
	"strings"

	"deskstream/schemas"
)

// nameFacts are the display name of something reports group by, in its newest form. What was deleted keeps its name: tickets and activities of the past
// go on to be shown and found by it.
type nameFacts struct {
	kind      string
	id        int64
	at        int64
	heard     int64 // when it was received, nanoseconds
	hash      uint64
	name, key string
	typ       string
}

func (it *item) loadNamed() {
	var z schemas.ZNamed
	if it.unmarshal(it.ev.Data, &z) {
		it.name = &nameFacts{
			kind: string(it.ev.Kind), id: int64(z.ID), at: z.UpdatedAt.Unix(), heard: it.ev.ReceivedAt.UnixNano(), hash: it.hash,
			name: cut(cmp.Or(z.Name, z.AgentLabel), maxSubject),
		}
	}
}

func (it *item) loadField() {
	var z schemas.ZField
	if !it.unmarshal(it.ev.Data, &z) {
		return
	}
	n := &nameFacts{
		kind: string(it.ev.Kind), id: int64(z.ID), at: z.UpdatedAt.Unix(), heard: it.ev.ReceivedAt.UnixNano(), hash: it.hash, name: cut(z.Title, maxSubject),
		key: cut(z.Key, 255), typ: z.Type,
	}
	if n.key == "" { // ticket fields have no key of their own
		n.key = slugOf(z.Title)
	}
	it.name = n
}

// slugOf makes a key of a title: words in lower case, joined by hyphens.
func slugOf(title string) string {
	return strings.ReplaceAll(schemas.Tokens(cut(title, 255)), " ", "-")
}

func (r *run) takeName(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	if !r.putName(a, it.name) {
		r.result.Duplicates++
	}
}

// putName keeps and emits the newer of two forms of a name.
func (r *run) putName(a *accountWork, n *nameFacts) bool {
	key := nameKey(a.prefix, n.kind, n.id)
	known := open[nameFacts](r, key)
	if known.id != 0 && !n.form().newer(known.form()) {
		return false
	}
	*known = *n
	r.touch(key)
	r.emitLast(schemas.TableNames, key, appendName(r.room(200), &schemas.Name{
		Account: a.name, Kind: n.kind, ID: n.id, Name: n.name, Key: n.key, Type: n.typ,
	}))
	return true
}

func (n *nameFacts) empty() bool { return n.id == 0 }

func (n *nameFacts) encode(w *writer) {
	w.str(n.kind)
	w.int(n.id)
	w.int(n.at)
	w.int(n.heard)
	w.hash(n.hash)
	w.str(n.name)
	w.str(n.key)
	w.str(n.typ)
}

func (n *nameFacts) decode(r *reader) {
	n.kind, n.id, n.at, n.heard, n.hash = r.str(), r.int(), r.int(), r.int(), r.hash()
	n.name, n.key, n.typ = r.str(), r.str(), r.str()
}
