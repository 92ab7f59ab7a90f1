package processors

import (
	"cmp"
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

// latestRating gives the record that counts for the ticket: the one with the largest (updated_at, id) (M21). Audits tell scores too;
// they count only while no rating record of the ticket is known.
func (f *fold) latestRating() (r rating, id string) {
	best := -1
	for i := range f.t.ratings {
		if best < 0 || f.t.ratings[i].updated >= f.t.ratings[best].updated { // sorted by id
			best = i
		}
	}
	if best >= 0 {
		return f.t.ratings[best], strconv.FormatInt(f.t.ratings[best].id, 10)
	}
	for i := range f.h.moments {
		m := &f.h.moments[i]
		for _, s := range m.scores {
			r = rating{score: s.score, assignee: s.assignee, group: m.after.group, comment: s.comment, updated: m.at, requester: m.after.requester}
			if r.assignee == 0 {
				r.assignee = m.after.assignee
			}
			id = "audit"
		}
	}
	return r, id
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

// rate fills in M21 to M23 from the latest rating. The agent is the record's: who held the ticket when it was rated.
func (f *fold) rate() {
	r, id := f.latestRating()
	if !surveyed(r.score) {
		return
	}
	row := &f.sheet.row
	row.CSAT, row.CSATAgentID, row.CSATGroupID, row.CSATAt, row.CSATComment = r.score, r.assignee, r.group, ptr(r.updated), r.comment
	e := f.event(schemas.EventRating, r.updated, id, nil)
	e.Score, e.AssigneeID, e.GroupID, e.ActorID, e.Status = r.score, r.assignee, r.group, r.requester, f.now.status
	f.sheet.events = append(f.sheet.events, e)
}

// row gives the rating's own row.
func (r *rating) row(account string, ticket int64) schemas.RatingRow {
	return schemas.RatingRow{
		Account: account, RatingID: r.id, TicketID: ticket, RequesterID: r.requester, AssigneeID: r.assignee, GroupID: r.group,
		Score: r.score, Comment: r.comment, Reason: r.reason, CreatedAt: unix(r.created), UpdatedAt: unix(r.updated),
	}
}
