package zendesktest

import (
	"slices"
	"strings"
	"time"
)

// life is one ticket of a History on its way.
type life struct {
	*history
	id       int64
	customer int64
	agent    int64
	topic    topic
	words    *strings.Replacer
	replies  int
	reopened bool
}

// newTicket lets a new or a known customer write, and plans what follows.
func (h *history) newTicket(at time.Time) {
	l := &life{history: h, topic: pickTopic(h.rand), customer: h.customer(at)}
	user, err := h.User(l.customer)
	if !h.check(err) {
		return
	}
	l.words = newWords(h.rand, user.Name)
	n := l.opening(user)
	if h.rand.Float64() < 0.012 {
		n.Subject, n.Body = pick(h.rand, deletionWords), "Click the link in this mail to get yours."
	}
	t, err := h.CreateTicket(at, n)
	if !h.check(err) {
		return
	}
	l.id = t.ID
	l.start(at, n)
}

func (h *history) customer(at time.Time) int64 {
	if len(h.customers) > 10 && h.rand.Float64() < 0.45 {
		return pick(h.rand, h.customers)
	}
	h.drawn++
	n := newPerson(h.rand, h.drawn)
	if h.rand.Float64() < 0.35 {
		n.Organization = pick(h.rand, h.orgIDs)
	}
	id := h.person(at, n)
	h.customers = append(h.customers, id)
	return id
}

func (l *life) opening(user User) NewTicket {
	r := l.rand
	n := NewTicket{
		Requester: l.customer, Channel: pick(r, channels), Subject: pick(r, l.topic.subjects), Body: pick(r, l.topic.openings),
		Type: l.topic.kind, Tags: []string{l.topic.tag}, Group: l.groupIDs[l.topic.group], Brand: l.brandIDs[0],
		Priority: priorities[[]int{0, 1, 1, 1, 1, 1, 2, 2, 3}[r.IntN(9)]],
	}
	if l.topic.tag == "refund" {
		n.Form = l.refunds
	}
	if r.Float64() < 0.06 {
		f := pick(r, foreign)
		n.Subject, n.Body, n.Tags = f.subject, f.opening, append(n.Tags, "lang_"+f.locale)
	}
	if r.Float64() < 0.25 {
		n.Brand = l.brandIDs[1]
	}
	if r.Float64() < 0.3 {
		n.Tags = append(n.Tags, pick(r, extraTags))
	}
	if slices.Contains(user.Tags, "vip") {
		n.Tags = append(n.Tags, "vip")
	}
	if r.Float64() < 0.15 {
		n.Priority, n.Type = "", ""
	}
	if r.Float64() < 0.5 {
		n.CustomFields = []CustomField{{ID: l.area, Value: pick(r, []string{"shop", "app", "insurance", "payments"})}}
	}
	if r.Float64() < 0.05 {
		// An agent takes a call and writes the ticket.
		n.Submitter, n.Channel = pick(r, l.agents), "voice"
	}
	n.Subject, n.Body = l.words.Replace(n.Subject), l.words.Replace(n.Body)
	return n
}

// start plans the first thing that happens to the ticket.
func (l *life) start(at time.Time, n NewTicket) {
	l.agent = l.agentFor(l.topic.group)
	if slices.Contains(deletionWords, n.Subject) {
		l.plan(l.workTime(at, l.around(40*time.Minute, 0.8)), l.remove)
		return
	}
	if l.rand.Float64() < 0.015 {
		l.plan(at.Add(l.around(20*time.Minute, 0.5)), l.writeTwice)
	}
	median := map[string]time.Duration{"urgent": 25 * time.Minute, "high": 50 * time.Minute, "normal": 100 * time.Minute}[n.Priority]
	if median == 0 {
		median = 160 * time.Minute
	}
	first := l.workTime(at, l.around(median, 0.9))
	if l.rand.Float64() < 0.6 {
		l.plan(at.Add(first.Sub(at)/2), l.assign)
	}
	l.plan(first, l.reply)
}

// agentFor mostly finds someone of the group.
func (l *life) agentFor(group string) int64 {
	if l.rand.Float64() < 0.1 {
		return pick(l.rand, l.agents)
	}
	span := map[string][2]int{"Support": {0, 3}, "Billing": {3, 5}, "Tier 2": {5, 6}}[group]
	return l.agents[span[0]+l.rand.IntN(span[1]-span[0])]
}

func (l *life) assign(at time.Time) { l.check(l.Assign(at, l.id, l.agent, l.agent, 0)) }

func (l *life) update(at time.Time, c Change) bool {
	_, err := l.Update(at, l.id, c)
	return l.check(err)
}

// reply is an agent's public answer; it solves the ticket or waits for the customer.
func (l *life) reply(at time.Time) {
	t, err := l.Ticket(l.id)
	if err != nil || t.Status == "closed" || t.Status == "deleted" || t.Status == "solved" {
		return
	}
	l.replies++
	text := pick(l.rand, l.topic.replies)
	if l.replies > 1 {
		text = pick(l.rand, agentFollowUps)
	}
	c := Change{Actor: l.agent, Comment: l.words.Replace(text), Assignee: &l.agent, Status: "pending"}
	solves := l.rand.Float64() < []float64{0.42, 0.55, 0.65}[min(l.replies-1, 2)]
	if solves {
		c.Status, c.Comment = "solved", l.words.Replace(text)+"\n\n"+pick(l.rand, closings)
	} else if l.rand.Float64() < 0.05 {
		c.Status = "hold"
	}
	if !l.update(at, c) {
		return
	}
	l.sideWork(at)
	if solves {
		l.solved(at)
		return
	}
	if c.Status == "hold" || l.rand.Float64() < 0.3 {
		l.plan(l.workTime(at, l.around(14*time.Hour, 0.6)), l.reply)
		return
	}
	l.plan(at.Add(l.around(4*time.Hour, 1.1)), l.answer)
}

// sideWork is what else happens around an answer.
func (l *life) sideWork(at time.Time) {
	switch n := l.rand.Float64(); {
	case n < 0.18:
		l.plan(at.Add(2*time.Minute), func(at time.Time) {
			l.update(at, Change{Actor: l.agent, Comment: pick(l.rand, notes), Private: true})
		})
	case n < 0.27:
		l.plan(l.workTime(at, l.around(time.Hour, 0.5)), l.reassign)
	case n < 0.32:
		l.plan(at.Add(time.Minute), func(at time.Time) { l.check(l.SetPriority(at, l.id, l.agent, pick(l.rand, priorities[1:]))) })
	case n < 0.38:
		l.plan(at.Add(time.Minute), l.tag)
	case n < 0.385:
		l.plan(at.Add(5*time.Minute), l.redact)
	case n < 0.39:
		l.plan(at.Add(5*time.Minute), func(at time.Time) {
			l.check(l.SetSubject(at, l.id, l.agent, l.words.Replace(pick(l.rand, l.topic.subjects))))
		})
	}
}

func (l *life) reassign(at time.Time) {
	group := pick(l.rand, []string{"Support", "Billing", "Tier 2"})
	by := l.agent
	l.agent = l.agentFor(group)
	l.check(l.Assign(at, l.id, by, l.agent, l.groupIDs[group]))
}

func (l *life) tag(at time.Time) {
	t, err := l.Ticket(l.id)
	if !l.check(err) {
		return
	}
	l.check(l.SetTags(at, l.id, l.agent, append(slices.Clone(t.Tags), pick(l.rand, []string{"escalated", "callback", "bug", "goodwill"}))...))
}

// redact takes out the customer's latest message, which held a card number.
func (l *life) redact(at time.Time) {
	audits, err := l.Audits(l.id)
	if !l.check(err) {
		return
	}
	for _, a := range slices.Backward(audits) {
		for _, e := range a.Events {
			if e.Comment != nil && e.Comment.AuthorID == l.customer {
				l.check(l.Redact(at, l.id, l.admin, e.Comment.ID))
				return
			}
		}
	}
}

// answer is the customer's next message.
func (l *life) answer(at time.Time) {
	if !l.write(at, pick(l.rand, customerFollowUps)) {
		return
	}
	l.plan(l.workTime(at, l.around(80*time.Minute, 0.9)), l.reply)
}

// write is a message of the requester, who may be another since a merge of people.
func (l *life) write(at time.Time, text string) bool {
	t, err := l.Ticket(l.id)
	return l.check(err) && l.update(at, Change{Actor: t.RequesterID, Comment: text})
}

// solved plans the survey, a reopening or the closing.
func (l *life) solved(at time.Time) {
	if !l.reopened && l.rand.Float64() < 0.08 {
		l.reopened = true
		l.plan(at.Add(l.around(9*time.Hour, 0.8)), func(at time.Time) {
			if l.write(at, pick(l.rand, reopenings)) {
				l.plan(l.workTime(at, l.around(90*time.Minute, 0.8)), l.reply)
			}
		})
		return
	}
	if l.rand.Float64() < 0.8 {
		l.plan(at.Add(24*time.Hour), l.survey)
	}
	l.plan(at.Add(96*time.Hour), func(at time.Time) { l.update(at, Change{Actor: System, Status: "closed"}) })
	if l.rand.Float64() < 0.004 {
		l.plan(at.Add(50*time.Hour), l.remove)
	}
}

func (l *life) survey(at time.Time) {
	if t, err := l.Ticket(l.id); err != nil || t.Status != "solved" || !l.check(l.OfferRating(at, l.id)) {
		return
	}
	if l.rand.Float64() > 0.34 {
		return
	}
	score := "good"
	if l.rand.Float64() < 0.16+0.04*float64(l.replies) {
		score = "bad"
	}
	l.plan(at.Add(l.around(3*time.Hour, 1)), func(at time.Time) {
		l.check(l.Rate(at, l.id, score, pick(l.rand, ratingComments[score])))
	})
	if l.rand.Float64() < 0.04 {
		l.plan(at.Add(60*time.Hour), func(at time.Time) { l.check(l.Rate(at, l.id, "good", "Thank you after all.")) })
	}
}

// remove deletes the ticket; a few come back, some are deleted for good later.
func (l *life) remove(at time.Time) {
	if !l.check(l.SoftDelete(at, l.id, l.agent)) {
		return
	}
	switch n := l.rand.Float64(); {
	case n < 0.15:
		l.plan(at.Add(3*time.Hour), func(at time.Time) {
			if l.check(l.Restore(at, l.id, l.admin)) {
				l.plan(l.workTime(at, time.Hour), l.reply)
			}
		})
	case n < 0.5:
		l.plan(at.Add(6*24*time.Hour), func(at time.Time) { l.check(l.DeletePermanently(at, l.id, l.admin)) })
	}
}

// writeTwice makes a second ticket of the same matter, which an agent merges into the first.
func (l *life) writeTwice(at time.Time) {
	t, err := l.Ticket(l.id)
	if !l.check(err) || t.Status == "closed" || t.Status == "deleted" {
		return
	}
	again, err := l.CreateTicket(at, NewTicket{
		Requester: l.customer, Subject: "Re: " + t.Subject, Body: "I wrote earlier today and got no answer. " + t.Description,
		Tags: t.Tags, Group: l.groupIDs[l.topic.group],
	})
	if !l.check(err) {
		return
	}
	l.plan(l.workTime(at, 30*time.Minute), func(at time.Time) { l.check(l.MergeTickets(at, l.agent, again.ID, l.id)) })
}
