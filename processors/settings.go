package processors

import (
	"encoding/json"
	"reflect"
	"slices"
	"sort"

	"deskstream/schemas"
)

// sources are the settings of an account's sources as the stream told them.
type sources struct {
	list []toldSettings // by id
	// byPhone says whether any source lets, or once let, phone numbers merge people. As long as none did, whom one shares a number with does
	// not matter.
	byPhone bool

	prints map[string]uint64 // fingerprints by source, as far as somebody asked
}

// toldSettings are settings with their place in the stream. That orders them, because they are written by compare-and-set, and no clock does: those of
// two programs may differ.
type toldSettings struct {
	schemas.Settings
	Place uint64 `json:"place"`
}

// standard are the settings of a source nobody told us about.
var standard = schemas.Settings{
	Status: schemas.SourceConnected, Identifiers: schemas.DefaultIdentifiers, Fields: schemas.FieldRules{Writable: schemas.WritableFields},
	Retention: schemas.Retention{Days: schemas.DefaultRetentionDays},
}

// joinBy says whether users who share an identity of a kind may be one person.
func (s *sources) joinBy(kind string) bool { return kind != schemas.IdentifierPhone || s.byPhone }

type settings struct{ *schemas.Settings }

func (s *sources) find(id string) int {
	return sort.Search(len(s.list), func(i int) bool { return s.list[i].ID >= id })
}

func (s *sources) of(id string) settings {
	if i := s.find(id); i < len(s.list) && s.list[i].ID == id {
		return settings{&s.list[i].Settings}
	}
	return settings{&standard}
}

// silent says whether events of the source are not to be merged.
func (s *sources) silent(id string) bool {
	st := s.of(id).Status
	return st == schemas.SourceDisconnected || st == schemas.SourceArchived
}

// first gives the source that things count for which none told of, "" when there is none.
func (s *sources) first() string {
	if len(s.list) == 0 {
		return ""
	}
	return s.list[0].ID
}

// fingerprint gives the fingerprint of a source's settings.
func (s *sources) fingerprint(id string) uint64 {
	print, ok := s.prints[id]
	if !ok {
		if s.prints == nil {
			s.prints = map[string]uint64{}
		}
		print = s.of(id).fingerprint()
		s.prints[id] = print
	}
	return print
}

// outdated says whether settings that come at a place of the stream were told before others of their source.
func (s *sources) outdated(id string, place uint64) bool {
	i := s.find(id)
	return i < len(s.list) && s.list[i].ID == id && place < s.list[i].Place
}

func (s *sources) put(n toldSettings) {
	s.prints = nil
	s.byPhone = s.byPhone || slices.Contains(n.Identifiers, schemas.IdentifierPhone)
	i := s.find(n.ID)
	if i == len(s.list) || s.list[i].ID != n.ID {
		s.list = slices.Insert(s.list, i, toldSettings{})
	}
	s.list[i] = n
}

// fingerprint identifies the source, its retention and when that was set: people are shown with the sources that told of them; activities
// carry their expiry, so another retention means other rows, and the same one set again means rows that were dropped meanwhile.
func (s settings) fingerprint() uint64 {
	var w writer
	w.str(s.ID)
	if c := s.RetentionChange; c != nil {
		w.int(c.At.UnixNano())
	}
	w.int(int64(s.Retention.For("")))
	for _, k := range sortedKeys(s.Retention.Activities) {
		w.str(k)
		w.int(int64(s.Retention.Activities[k]))
	}
	return hashOf(w.b)
}

// remade identifies the change of retention after which an activity has to be made again: it may have been dropped before. 0: none.
func (s settings) remade(activity string, at int64) int64 {
	c := s.RetentionChange
	if c == nil || at+int64(c.Least.For(activity))*86400 > c.At.Unix() {
		return 0
	}
	return c.At.UnixNano()
}

// identifiers are the identifiers that may merge people, strongest first.
func (s settings) identifiers() []string {
	if s.Identifiers == nil {
		return standard.Identifiers
	}
	return s.Identifiers
}

// writable says whether the source may write a system field of an existing person; no list means all.
func (s settings) writable(field string) bool {
	if s.Fields.Writable == nil {
		return true
	}
	for _, f := range s.Fields.Writable {
		if f == field {
			return true
		}
	}
	return false
}

func (r *run) takeSource(a *accountWork, it *item) {
	if a.sources.outdated(it.source.ID, it.ev.Seq) {
		r.result.Duplicates++
		return
	}
	if !reflect.DeepEqual(a.sources.of(it.source.ID).Pauses, it.source.Pauses) {
		r.keepAway(a, it.source)
	}
	a.sources.put(toldSettings{*it.source, it.ev.Seq})
	r.touch(sourcesKey(a.prefix))
}

func (s *sources) empty() bool { return len(s.list) == 0 }

func (s *sources) encode(w *writer) {
	w.bool(s.byPhone)
	b, err := json.Marshal(s.list)
	if err != nil { // times beyond year 9999 cannot be written; such settings are not kept
		b = []byte("[]")
	}
	w.b = append(w.b, b...)
}

func (s *sources) decode(r *reader) {
	s.byPhone = r.bool()
	if r.err == nil && json.Unmarshal(r.b, &s.list) != nil {
		r.fail()
	}
}

func (c *calendar) empty() bool { return len(c.versions)+len(c.lists)+len(c.waiting) == 0 }

func (r *run) takeSchedule(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	c := r.cal(a)
	before := c.periods()
	var news bool
	if it.listed != nil {
		news = c.list(*it.listed)
		r.recompute(a, c.waiting, it.ev.Source, it.ev.ReceivedAt)
		c.waiting = nil
	} else {
		news = c.add(*it.cal)
	}
	if news {
		r.touch(calendarKey(a.prefix))
		r.emitOpeningHours(a, before, c.periods())
	}
	if (it.listed != nil || !r.putName(a, it.name)) && !news {
		r.result.Duplicates++
	}
}
