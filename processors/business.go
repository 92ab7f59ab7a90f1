package processors

import (
	"math"
	"slices"
	"sort"
	"time"

	"deskstream/schemas"
)

const (
	daySeconds  = 24 * 60 * 60
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// schedule is one version of a business-hours schedule. Versions are kept because a schedule edited later must not restate what was
// recorded under the one in force before.
type schedule struct {
	id        int64
	created   int64 // unix seconds, as all times here
	updated   int64
	received  int64 // full second by which this content was first seen; holidays change without moving updated
	deleted   int64 // 0 = not deleted
	zone      string
	intervals []span // minutes from Sunday 00:00 local time
	holidays  []span // local dates as yyyymmdd, both inclusive
	hash      uint64 // of zone, intervals and holidays

	from  int64 // in force from; derived
	hours *hours
}

// span is a pair of numbers, from and to.
type span struct{ from, to int64 }

// calendar holds all schedule versions of an account, sorted by (id, updated, received, hash), and which schedules there were, by time.
type calendar struct {
	versions []schedule
	lists    []scheduleList
	waiting  []int64 // tickets that were told before the first list, ascending
}

// scheduleList are the schedules that there were when their list was read. Zendesk does not say when one is deleted.
type scheduleList struct {
	received int64   // full second by which they were read
	ids      []int64 // ascending
}

// newSchedule takes what Zendesk says and drops intervals and holidays that make no sense.
func newSchedule(z schemas.ZSchedule, received time.Time) schedule {
	s := schedule{
		id: int64(z.ID), created: z.CreatedAt.Unix(), updated: z.UpdatedAt.Unix(), received: fullSecond(received), zone: zoneName(z.TimeZone),
	}
	if z.DeletedAt != nil {
		s.deleted = z.DeletedAt.Unix()
	}
	for _, iv := range z.Intervals {
		if from, to := max(iv.Start, 0), min(iv.End, weekMinutes); to > from {
			s.intervals = append(s.intervals, span{int64(from), int64(to)})
		}
	}
	for _, h := range z.Holidays {
		from, to := dateNumber(h.Start), dateNumber(h.End)
		if from > 0 && to >= from {
			s.holidays = append(s.holidays, span{from, to})
		}
	}
	s.intervals, s.holidays = joinSpans(s.intervals), joinSpans(s.holidays)
	s.hash = s.digest()
	return s
}

// fullSecond gives the first full second not before a time: what was told of the second in which a schedule was read may have come before it.
func fullSecond(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

func (s *schedule) digest() uint64 {
	var w writer
	w.str(s.zone)
	w.int(s.deleted)
	list(&w, s.intervals, writeSpan)
	list(&w, s.holidays, writeSpan)
	return hashOf(w.b)
}

// dateNumber turns 2024-03-28 into 20240328, anything else into 0.
func dateNumber(s string) int64 {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0
	}
	return dateOf(t)
}

func dateOf(t time.Time) int64 {
	y, m, d := t.Date()
	return int64(y)*10000 + int64(m)*100 + int64(d)
}

// joinSpans sorts and joins overlapping spans, so that no minute counts twice.
func joinSpans(in []span) []span {
	sort.Slice(in, func(i, j int) bool { return in[i].from < in[j].from || in[i].from == in[j].from && in[i].to < in[j].to })
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// add puts a version into the set and reports whether it was new. Of those that say the same one after the other the first one is kept; what a schedule
// was before, and became again, is a version of its own. Versions come in the order in which they were read.
func (c *calendar) add(s schedule) bool {
	i := sort.Search(len(c.versions), func(i int) bool { return s.before(&c.versions[i]) })
	if i > 0 && c.versions[i-1].repeats(&s) {
		return false
	}
	if i < len(c.versions) && c.versions[i].repeats(&s) {
		c.versions[i].received = s.received
	} else {
		c.versions = slices.Insert(c.versions, i, s)
	}
	c.arrange()
	return true
}

// repeats says whether two versions of one schedule say the same.
func (s *schedule) repeats(o *schedule) bool {
	return s.id == o.id && s.updated == o.updated && s.hash == o.hash
}

// ever is before all that happened.
const ever = math.MinInt64

// arrange orders the versions and says from when each is in force: since ever for the one that each schedule of the first reading had then, else from
// when it was seen, because what had happened until then was counted without it.
func (c *calendar) arrange() {
	vs := c.versions
	sort.Slice(vs, func(i, j int) bool { return vs[i].before(&vs[j]) })
	for i := 0; i < len(vs); {
		begin, oldest := i, i
		for ; i < len(vs) && vs[i].id == vs[begin].id; i++ {
			vs[i].from = max(vs[i].updated, vs[i].received)
			if vs[i].received < vs[oldest].received {
				oldest = i
			}
		}
		if len(c.lists) == 0 || vs[oldest].received <= c.lists[0].received {
			vs[oldest].from = ever
		}
	}
}

func (s *schedule) before(o *schedule) bool {
	switch {
	case s.id != o.id:
		return s.id < o.id
	case s.updated != o.updated:
		return s.updated < o.updated
	case s.received != o.received:
		return s.received < o.received
	}
	return s.hash < o.hash
}

// at gives the default schedule in force at an instant, nil if the account has none: the one created first among those not deleted by
// then, in its newest version by then.
func (c *calendar) at(unix int64) *schedule {
	var best *schedule
	for i := 0; i < len(c.versions); {
		var s *schedule
		first := i
		for ; i < len(c.versions) && c.versions[i].id == c.versions[first].id; i++ {
			if c.versions[i].from <= unix {
				s = &c.versions[i]
			}
		}
		if s == nil || s.deleted != 0 && s.deleted <= unix || c.unlisted(&c.versions[first], unix) {
			continue
		}
		if best == nil || s.created < best.created || s.created == best.created && s.id < best.id {
			best = s
		}
	}
	return best
}

// known says whether the account had a schedule by an instant, in force or deleted since.
func (c *calendar) known(unix int64) bool {
	return slices.ContainsFunc(c.versions, func(s schedule) bool { return s.from <= unix })
}

// list takes a reading of the list of schedules and reports whether it tells anything new. Of readings that tell the same one after the other the first
// one is kept.
func (c *calendar) list(l scheduleList) bool {
	i := sort.Search(len(c.lists), func(i int) bool { return c.lists[i].received > l.received })
	if i > 0 && slices.Equal(c.lists[i-1].ids, l.ids) {
		return false
	}
	c.lists = slices.Insert(c.lists, i, l)
	if i+1 < len(c.lists) && slices.Equal(c.lists[i+1].ids, l.ids) {
		c.lists = slices.Delete(c.lists, i+1, i+2)
	}
	c.arrange()
	return true
}

// unlisted says whether a schedule was not there any more at an instant: the reading before it did not show it, though it was known by then.
func (c *calendar) unlisted(first *schedule, unix int64) bool {
	i := sort.Search(len(c.lists), func(i int) bool { return c.lists[i].received > unix })
	if i == 0 || first.received > c.lists[i-1].received {
		return false
	}
	_, there := slices.BinarySearch(c.lists[i-1].ids, first.id)
	return !there
}

// seconds gives the business seconds between two instants under the schedule in force at `at`; nil when there is no schedule.
func (c *calendar) seconds(from, to, at int64) *int64 {
	s := c.at(at)
	if s == nil {
		return nil
	}
	if s.hours == nil {
		s.hours = &hours{}
	}
	n := s.hours.between(s, from, to)
	return &n
}

// hours are the opening hours of a schedule laid out over some years, so that a span is two look-ups however long it is.
type hours struct {
	firstYear, lastYear int
	open                []span  // unix seconds, ascending
	before              []int64 // open seconds before open[i]
}

func (h *hours) between(s *schedule, from, to int64) int64 {
	if to <= from {
		return 0
	}
	h.cover(s, time.Unix(from, 0).UTC().Year()-1, time.Unix(to, 0).UTC().Year()+1)
	return h.until(to) - h.until(from)
}

// until gives the open seconds before an instant, counted from the beginning of the layout.
func (h *hours) until(unix int64) int64 {
	i := sort.Search(len(h.open), func(i int) bool { return h.open[i].from >= unix })
	if i == 0 {
		return 0
	}
	last := h.open[i-1]
	return h.before[i-1] + min(unix, last.to) - last.from
}

func (h *hours) cover(s *schedule, first, last int) {
	if h.before != nil && first >= h.firstYear && last <= h.lastYear {
		return
	}
	if h.before != nil {
		first, last = min(first, h.firstYear), max(last, h.lastYear)
	}
	h.firstYear, h.lastYear = first, last
	h.open, h.before = h.open[:0], make([]int64, 0, 260*(last-first+1))
	total := int64(0)
	begin, end := time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(last+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for _, st := range stretches(location(s.zone), begin, end) {
		for _, open := range s.open(st, begin, end) {
			h.open, h.before = append(h.open, open), append(h.before, total)
			total += open.to - open.from
		}
	}
}

// stretch is a time in which a zone's clock goes without being put: local time is UTC and offset.
type stretch struct {
	span
	offset int64
}

// stretches gives those of a zone in which its clock shows a time between two.
func stretches(loc *time.Location, begin, end int64) (out []stretch) {
	last := end + daySeconds
	for at := begin - daySeconds; at < last; {
		t := time.Unix(at, 0).In(loc)
		_, offset := t.Zone()
		to := last
		if _, next := t.ZoneBounds(); !next.IsZero() {
			to = min(last, next.Unix())
		}
		if to <= at { // so on the last day of a leap year beyond the transitions that the zone lists; the clock is not put on it
			to = min(last, at+daySeconds)
		}
		if n := len(out); n > 0 && out[n-1].offset == int64(offset) {
			out[n-1].to = to
		} else {
			out = append(out, stretch{span{at, to}, int64(offset)})
		}
		at = to
	}
	return out
}

// open gives the spans of a stretch in which its clock shows opening hours, from the date of begin to the date before end. Hours that the clock shows twice
// are open both times, those that it leaves out are not.
func (s *schedule) open(st stretch, begin, end int64) (out []span) {
	from, to := max(begin, st.from+st.offset), min(end, st.to+st.offset)
	for day := from - from%daySeconds; day < to; day += daySeconds {
		date := time.Unix(day, 0).UTC()
		if s.holiday(dateOf(date)) {
			continue
		}
		base := int64(date.Weekday()) * dayMinutes
		for _, iv := range s.intervals {
			opens, closes := day+60*(max(iv.from, base)-base), day+60*(min(iv.to, base+dayMinutes)-base)
			open := span{max(opens, from) - st.offset, min(closes, to) - st.offset}
			if open.from < open.to {
				out = append(out, open)
			}
		}
	}
	return out
}

func (s *schedule) holiday(date int64) bool {
	for _, h := range s.holidays {
		if date >= h.from && date <= h.to {
			return true
		}
	}
	return false
}

func writeSpan(w *writer, s *span) { w.int(s.from); w.int(s.to) }
func readSpan(r *reader, s *span)  { s.from, s.to = r.int(), r.int() }

func (c *calendar) encode(w *writer) {
	list(w, c.versions, func(w *writer, s *schedule) {
		w.int(s.id)
		w.int(s.created)
		w.int(s.updated)
		w.int(s.received)
		w.int(s.deleted)
		w.str(s.zone)
		list(w, s.intervals, writeSpan)
		list(w, s.holidays, writeSpan)
	})
	list(w, c.lists, func(w *writer, l *scheduleList) { w.int(l.received); w.ints(l.ids) })
	w.ints(c.waiting)
}

func (c *calendar) decode(r *reader) {
	c.versions = readList(r, func(r *reader, s *schedule) {
		s.id, s.created, s.updated, s.received, s.deleted = r.int(), r.int(), r.int(), r.int(), r.int()
		s.zone = r.str()
		s.intervals, s.holidays = readList(r, readSpan), readList(r, readSpan)
		s.hash = s.digest()
	})
	c.lists = readList(r, func(r *reader, l *scheduleList) { l.received, l.ids = r.int(), r.ints() })
	c.waiting = r.ints()
	c.arrange()
}
