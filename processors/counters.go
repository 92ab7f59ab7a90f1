package processors

import (
	"sort"

	"deskstream/schemas"
)

// counters are the activities of one source and UTC day, by activity and quarter of an hour, because the days of every zone begin with one. They
// count the set of emitted activities, not events: only the difference between what was and what is emitted moves them.
type counters struct {
	cells []counterCell // by (slug, quarter)
}

// quarterSeconds is how long a cell is.
const quarterSeconds = 15 * 60

type counterCell struct {
	slug    slug
	quarter byte // of an hour, from midnight on
	happened
}

// happened is how many activities there are, and how many of these happened while the source was disconnected.
type happened struct{ count, away int64 }

type counterWork struct {
	account string
	source  string
	day     int64
	c       *counters
	before  map[[2]byte]happened
}

func (c *counters) cell(s slug, quarter byte) *counterCell {
	i := sort.Search(len(c.cells), func(i int) bool {
		x := &c.cells[i]
		return x.slug > s || x.slug == s && x.quarter >= quarter
	})
	if i == len(c.cells) || c.cells[i].slug != s || c.cells[i].quarter != quarter {
		c.cells = append(c.cells, counterCell{})
		copy(c.cells[i+1:], c.cells[i:])
		c.cells[i] = counterCell{slug: s, quarter: quarter}
	}
	return &c.cells[i]
}

// count moves the number of activities of one kind in one quarter of an hour.
func (r *run) count(a *accountWork, source string, s *sentActivity, delta int64) {
	w := r.quarters
	if w == nil || w.day != s.at/86400 || w.source != source || w.account != a.name {
		w = r.openCounters(a, source, s.at)
		r.quarters = w
	}
	quarter := byte(s.at % 86400 / quarterSeconds)
	cell := w.c.cell(s.slug, quarter)
	if _, ok := w.before[[2]byte{byte(s.slug), quarter}]; !ok {
		w.before[[2]byte{byte(s.slug), quarter}] = cell.happened
	}
	if cell.count += delta; s.away {
		cell.away += delta
	}
}

func (r *run) openCounters(a *accountWork, source string, at int64) *counterWork {
	key := counterKey(a.prefix, source, at)
	w, ok := r.counters[key]
	if !ok {
		w = &counterWork{account: a.name, source: source, day: at / 86400, c: open[counters](r, key), before: map[[2]byte]happened{}}
		r.counters[key] = w
		r.touch(key)
	}
	return w
}

func (r *run) flushCounters() {
	for _, key := range sortedKeys(r.counters) {
		w := r.counters[key]
		for _, c := range w.c.cells {
			if before, ok := w.before[[2]byte{byte(c.slug), c.quarter}]; ok && before != c.happened {
				r.emit(schemas.TableActivityCounts, appendActivityCount(r.room(180), &schemas.ActivityCount{
					Account: w.account, SourceID: w.source, Activity: c.slug.String(), At: unix(w.day*86400 + int64(c.quarter)*quarterSeconds), Count: c.count,
					Connected: c.count - c.away,
				}))
			}
		}
	}
}

func (c *counters) empty() bool { return len(c.cells) == 0 }

func (c *counters) encode(w *writer) {
	list(w, c.cells, func(w *writer, x *counterCell) {
		w.byte(byte(x.slug))
		w.byte(x.quarter)
		w.int(x.count)
		w.int(x.away)
	})
}

func (c *counters) decode(r *reader) {
	c.cells = readList(r, func(r *reader, x *counterCell) {
		x.slug, x.quarter, x.count, x.away = slug(r.byte()), r.byte(), r.int(), r.int()
		if int(x.slug) >= len(slugNames) {
			r.fail()
		}
	})
}
