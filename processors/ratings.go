package processors

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// cleanScore brings a score to the words reports use: good_with_comment is good.
func cleanScore(s string) string {
	s = strings.ToLower(s)
	return strings.TrimSuffix(strings.TrimSuffix(s, "_with_comment"), "_without_comment")
}

func surveyed(score string) bool { return score == "offered" || score == "good" || score == "bad" }

// latestRating gives the record that counts for the ticket: the one with the largest (updated_at, id). Audits tell scores too;
// as the latest they count only while no rating record of the ticket is known.
func (f *fold) latestRating() (latest rating, ok bool) {
	best := -1
	for i := range f.t.ratings {
		if best < 0 || f.t.ratings[i].updated >= f.t.ratings[best].updated { // sorted by id
			best = i
		}
	}
	if best >= 0 {
		return f.t.ratings[best], true
	}
	for i := range f.h.moments {
		m := &f.h.moments[i]
		for j := range m.scores {
			latest, ok = m.rating(&m.scores[j]), true
		}
	}
	return latest, ok
}

// rating gives a score that an audit tells as a rating of no record.
func (m *moment) rating(s *score) rating {
	return rating{
		score: s.score, assignee: cmp.Or(s.assignee, m.after.assignee), group: m.after.group, comment: s.comment, updated: m.at, requester: m.after.requester,
	}
}

// earlierRatings gives the scores that counted before the latest one, in order and one for each second: those that audits tell and those
// that the records went through. A record says who held the ticket only of its newest form, the history says it of the others.
func (f *fold) earlierRatings(latest *rating) []rating {
	all := f.scratch.ratings[:0]
	for i := range f.h.moments {
		m := &f.h.moments[i]
		for j := range m.scores {
			all = append(all, m.rating(&m.scores[j]))
		}
	}
	for i := range f.t.ratings {
		for _, form := range f.t.ratings[i].forms {
			all = append(all, f.formerRating(&f.t.ratings[i], form))
		}
	}
	all = slices.DeleteFunc(all, func(r rating) bool { return r.updated >= latest.updated })
	slices.SortStableFunc(all, func(a, b rating) int {
		return cmp.Or(cmp.Compare(a.updated, b.updated), cmp.Compare(a.answered(), b.answered()), cmp.Compare(a.id, b.id))
	})
	f.scratch.ratings = all
	kept := all[:0]
	for i := range all {
		if i+1 == len(all) || all[i+1].updated > all[i].updated {
			kept = append(kept, all[i])
		}
	}
	return kept
}

func (f *fold) formerRating(r *rating, form ratingForm) rating {
	former := *r
	if form.at == r.updated {
		return former
	}
	held := f.h.at(form.at)
	former.score, former.updated, former.assignee, former.group = form.score, form.at, held.assignee, held.group
	return former
}

// holders notes who held the ticket when a survey was answered: the response does not say.
func (s *subject) holders() {
	for i := range s.t.ratings {
		r := &s.t.ratings[i]
		if !schemas.IsSurveyRating(schemas.ZID(r.id)) {
			continue
		}
		held := s.h.at(r.updated)
		r.assignee, r.group = held.assignee, held.group
		r.requester = cmp.Or(r.requester, held.requester)
	}
}

// at gives the values at a time.
func (h *history) at(at int64) *dims {
	held := &h.first
	for i := range h.moments {
		if h.moments[i].at > at {
			break
		}
		held = h.moments[i].after
	}
	return held
}

// rate fills in score, offer and rated agent from the latest rating, and tells each score with the time in which it counted. The agent is the
// record's: who held the ticket when it was rated.
func (f *fold) rate() {
	latest, ok := f.latestRating()
	if !ok {
		return
	}
	earlier := f.earlierRatings(&latest)
	for i := range earlier {
		until := latest.updated
		if i+1 < len(earlier) {
			until = earlier[i+1].updated
		}
		f.rated(&earlier[i], until)
	}
	if e := f.rated(&latest, schemas.FarFuture.Unix()); e != nil {
		e.Last = 1
		row := &f.sheet.row
		row.CSAT, row.CSATAgentID, row.CSATGroupID, row.CSATAt, row.CSATComment = e.Score, e.AssigneeID, e.GroupID, ptr(latest.updated), latest.comment
		row.CSATReason, row.CSATReasonID = latest.reason, latest.reasonID
	}
}

// rated tells a score that counted for the ticket; nil where there is none.
func (f *fold) rated(r *rating, until int64) *schemas.TicketEvent {
	if !surveyed(r.score) {
		return nil
	}
	id := "audit"
	if r.id != 0 {
		id = strconv.FormatInt(r.id, 10)
	}
	e := f.event(schemas.EventRating, r.updated, id, nil)
	e.Score, e.AssigneeID, e.GroupID, e.ActorID, e.Status, e.Until = r.score, r.assignee, r.group, r.requester, f.now.status, unix(until)
	f.sheet.events = append(f.sheet.events, e)
	return &f.sheet.events[len(f.sheet.events)-1]
}

// row gives the rating's own row.
func (r *rating) row(account string, ticket int64) schemas.RatingRow {
	return schemas.RatingRow{
		Account: account, RatingID: r.id, TicketID: ticket, RequesterID: r.requester, AssigneeID: r.assignee, GroupID: r.group,
		Score: r.score, Comment: r.comment, Reason: r.reason, ReasonID: r.reasonID, URL: r.url, CreatedAt: unix(r.created), UpdatedAt: unix(r.updated),
	}
}
