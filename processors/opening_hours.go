package processors

import (
	"slices"

	"deskstream/schemas"
)

// Opening hours are laid out for these years: Zendesk began in the first.
const firstLaidOut, lastLaidOut = 2007, 2046

// period is a stretch of time in which one schedule is the default one, up to the next period.
type period struct {
	from     int64    // 0: from the beginning
	schedule schedule // without an id: there is none
}

// periods tells which schedule counts when, as calendar.at does; none where there is no schedule at all.
func (c *calendar) periods() (out []period) {
	if len(c.versions) == 0 {
		return nil
	}
	starts := []int64{0}
	for i := range c.versions {
		starts = append(starts, max(0, c.versions[i].from), max(0, c.versions[i].deleted))
	}
	for i := range c.lists {
		starts = append(starts, max(0, c.lists[i].received))
	}
	slices.Sort(starts)
	for _, at := range slices.Compact(starts) {
		p := period{from: at}
		if s := c.at(at); s != nil {
			p.schedule = *s
		}
		if n := len(out); n == 0 || !out[n-1].same(&p) {
			out = append(out, p)
		}
	}
	return out
}

// same says whether two periods have the same opening hours.
func (p *period) same(o *period) bool {
	return p.schedule.id == o.schedule.id && p.schedule.hash == o.schedule.hash
}

// rows lays the opening hours of a period out. The first row has every instant find the span that opened last before it.
func (p *period) rows(account string) []schemas.OpeningHours {
	begin := schemas.OpeningHours{Account: account, InForceFrom: unix(p.from), Year: 1970, Opens: []int64{0}, Closes: []int64{0}, ScheduleID: p.schedule.id}
	out := []schemas.OpeningHours{begin}
	if p.schedule.id == 0 {
		return out
	}
	open := int64(0)
	for year := firstLaidOut; year <= lastLaidOut; year++ {
		var h hours
		h.cover(&p.schedule, year, year)
		row := begin
		row.Year, row.Opens, row.Closes, row.OpenBeforeS = int64(year), make([]int64, len(h.open)), make([]int64, len(h.open)), open
		for i, s := range h.open {
			row.Opens[i], row.Closes[i] = s.from, s.to
			open += s.to - s.from
		}
		out = append(out, row)
	}
	return out
}

// emitOpeningHours emits the rows of the periods that changed, and withdraws those that are no more.
func (r *run) emitOpeningHours(a *accountWork, before, after []period) {
	for _, p := range periodsWithout(before, after) {
		for _, row := range p.rows(a.name) {
			row.IsDeleted = 1
			r.emitHours(&row)
		}
	}
	for _, p := range periodsWithout(after, before) {
		for _, row := range p.rows(a.name) {
			r.emitHours(&row)
		}
	}
}

// periodsWithout gives the periods that are not among others.
func periodsWithout(all, others []period) []period {
	return slices.DeleteFunc(slices.Clone(all), func(p period) bool {
		return slices.ContainsFunc(others, func(o period) bool { return o.from == p.from && o.same(&p) })
	})
}

func (r *run) emitHours(row *schemas.OpeningHours) {
	key := row.Account + "." + decimal(row.InForceFrom.Unix()) + "." + decimal(row.Year)
	r.emitLast(schemas.TableOpeningHours, key, appendOpeningHours(r.room(240+24*len(row.Opens)), row))
}
