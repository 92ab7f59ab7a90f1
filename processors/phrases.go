package processors

import (
	"encoding/json"
	"strings"

	"deskstream/schemas"
)

// phrases are the saved phrases of an account as the stream told them. Version 0: it never told any.
type phrases struct {
	schemas.SavedPhrases
	root *phraseNode // made when first needed
}

func (p *phrases) empty() bool { return p.Version == 0 }

func (p *phrases) encode(w *writer) {
	b, err := json.Marshal(p.SavedPhrases)
	if err != nil { // strings and numbers can always be written
		b = []byte("{}")
	}
	w.b = append(w.b, b...)
}

func (p *phrases) decode(r *reader) {
	if json.Unmarshal(r.b, &p.SavedPhrases) != nil {
		r.fail()
	}
}

// phraseNode is a state of the automaton that finds all phrases in one pass (Aho and Corasick), whose letters are words.
type phraseNode struct {
	next  map[string]*phraseNode
	back  *phraseNode // longest other beginning of a phrase that the words read so far end in; nil at the root
	ends  int         // phrase that ends here, counted from 1; 0 = none
	other *phraseNode // nearest node on the way back at which a phrase ends
}

func newAutomaton(list []schemas.SavedPhrase) *phraseNode {
	root := &phraseNode{}
	for i := range list {
		at := root
		for word := range strings.SplitSeq(list[i].Tokens, " ") {
			at = at.grow(word)
		}
		at.ends = i + 1
	}
	level := []*phraseNode{root}
	for len(level) > 0 {
		at := level[0]
		level = level[1:]
		for word, child := range at.next {
			child.link(at, root, word)
			level = append(level, child)
		}
	}
	return root
}

func (n *phraseNode) grow(word string) *phraseNode {
	child, ok := n.next[word]
	if !ok {
		if n.next == nil {
			n.next = map[string]*phraseNode{}
		}
		child = &phraseNode{}
		n.next[word] = child
	}
	return child
}

// link finds the way back of a child; nodes nearer to the root have theirs.
func (n *phraseNode) link(parent, root *phraseNode, word string) {
	n.back = root
	if parent != root {
		n.back = parent.back.read(word)
	}
	if n.other = n.back.other; n.back.ends != 0 {
		n.other = n.back
	}
}

// read gives the state after another word.
func (n *phraseNode) read(word string) *phraseNode {
	for {
		if child, ok := n.next[word]; ok {
			return child
		}
		if n.back == nil {
			return n
		}
		n = n.back
	}
}

// count gives the phrases that a text holds, given as tokens, and how often each begins in it.
func (p *phrases) count(tokens string) (ids []string, times []int64) {
	if len(p.Phrases) == 0 || tokens == "" {
		return nil, nil
	}
	if p.root == nil {
		p.root = newAutomaton(p.Phrases)
	}
	found := make([]int64, len(p.Phrases))
	at := p.root
	for word := range strings.SplitSeq(tokens, " ") {
		at = at.read(word)
		for n := at; n != nil; n = n.other {
			if n.ends != 0 {
				found[n.ends-1]++
			}
		}
	}
	for i, n := range found {
		if n > 0 {
			ids, times = append(ids, p.Phrases[i].ID), append(times, n)
		}
	}
	return ids, times
}

func (it *item) loadPhrases() {
	it.loaded = true
	if it.saved = new(schemas.SavedPhrases); !it.unmarshal(it.ev.Data, it.saved) {
		return
	}
	for _, p := range it.saved.Phrases {
		if p.ID == "" || p.Tokens == "" || p.Tokens != schemas.Tokens(p.Tokens) {
			it.die("invalid", "a saved phrase has no id or no tokens")
			return
		}
	}
	it.domain = domainPhrases
}

func (r *run) takePhrases(a *accountWork, it *item) {
	p := r.phrases(a)
	if it.saved.Version <= p.Version {
		r.result.Duplicates++
		return
	}
	p.SavedPhrases, p.root = *it.saved, nil
	r.touch(phrasesKey(a.prefix))
}

func (r *run) phrases(a *accountWork) *phrases {
	if a.phrases == nil {
		a.phrases = open[phrases](r, phrasesKey(a.prefix))
	}
	return a.phrases
}

// place says which text of a ticket a row of hits is about; message 0 is the subject. born is when the ticket was created; 0 of one that is withdrawn.
type place struct {
	at, message, born int64
	public            bool
}

func (x *message) place() place { return place{x.at, x.id, x.born, x.public} }

// subjectPlace is where the subject of a ticket stands that was created then.
func subjectPlace(created int64) place { return place{at: created, born: created, public: true} }

// emitHits emits which saved phrases a text holds. A text that held none may have a row only if it was sent before.
func (r *run) emitHits(w *ticketWork, at place, tokens string, sent bool) {
	p := r.phrases(w.account)
	if p.empty() {
		return
	}
	ids, times := p.count(tokens)
	if len(ids) == 0 && !sent {
		return
	}
	row := appendPhraseHits(r.room(200+32*len(ids)), &schemas.PhraseHits{
		Account: w.account.name, At: unix(at.at), TicketID: w.id, MessageID: at.message, Public: flag(at.public), PhraseIDs: ids, Times: times,
		TicketCreatedAt: unix(at.born), IsDeleted: flag(len(ids) == 0),
	})
	if w.recount { // the text is searched twice in this batch
		r.emitLast(schemas.TablePhraseHits, w.account.prefix+decimal(w.id)+"."+decimal(at.message)+"."+decimal(at.at), row)
		return
	}
	r.emit(schemas.TablePhraseHits, row)
}

// emitSubjectHits does so for the subject, where it is not the one of the row sent last.
func (r *run) emitSubjectHits(w *ticketWork, s *subject, row *schemas.TicketRow) {
	t := w.t
	moved := t.row != 0 && t.rowCreated != s.base.created
	if t.row != 0 && !moved && t.share.subject == row.Subject {
		return
	}
	if moved {
		r.emitHits(w, place{at: t.rowCreated}, "", true)
	}
	if !r.phrases(w.account).empty() {
		r.emitHits(w, subjectPlace(s.base.created), schemas.Tokens(row.Subject), t.row != 0)
	}
}

// recount emits the hits of all texts of a ticket.
func (r *run) recount(w *ticketWork) {
	s := r.subject(w.account, w.id, w.t)
	if s == nil {
		return
	}
	row := &facts(s).row
	r.emitHits(w, subjectPlace(s.base.created), schemas.Tokens(row.Subject), true)
	messages := s.messages()
	for i := range messages {
		r.emitHits(w, messages[i].place(), schemas.Tokens(r.textOf(w, &messages[i])), true)
	}
}
