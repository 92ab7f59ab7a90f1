package zendesktest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// Live keeps an account busy: customers write, agents answer, solve, tag and hand over, customers rate. The account
// needs at least one agent. Given the same Seed, account and times it does the same. Not safe for concurrent use.
type Live struct {
	Account *Account
	// PerMinute is the mean number of changes a minute; zero means 20.
	PerMinute float64
	Seed      uint64
	// Now is the clock of the changes; nil means time.Now.
	Now func() time.Time

	rand      *rand.Rand
	open      []int64
	agents    []int64
	customers []int64
	numbers   map[int]bool // of new customers
	groups    []Group
}

// Run makes changes until ctx ends, at random intervals, and then returns nil.
func (l *Live) Run(ctx context.Context) error {
	if l.PerMinute <= 0 {
		l.PerMinute = 20
	}
	if err := l.prepare(); err != nil {
		return err
	}
	timer := time.NewTimer(l.pause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := l.Step(l.now()); err != nil {
			return err
		}
		timer.Reset(l.pause())
	}
}

func (l *Live) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

func (l *Live) pause() time.Duration {
	return time.Duration(l.rand.ExpFloat64() * float64(time.Minute) / l.PerMinute)
}

// prepare looks once at who works here and what is unfinished.
func (l *Live) prepare() error {
	if l.rand != nil {
		return nil
	}
	l.rand, l.numbers = rand.New(rand.NewPCG(l.Seed, 0x11fe)), map[int]bool{}
	for _, u := range l.Account.Users() {
		switch {
		case !u.Active:
		case u.Role == "agent":
			l.agents = append(l.agents, u.ID)
		case u.Role == "end-user":
			l.customers = append(l.customers, u.ID)
		}
	}
	for _, t := range l.Account.Tickets() {
		if t.Status != "closed" && t.Status != "deleted" {
			l.open = append(l.open, t.ID)
		}
	}
	l.groups = l.Account.Groups()
	if len(l.agents) == 0 {
		return errors.New("live account has no active agent")
	}
	return nil
}

// Step makes one change at the given time.
func (l *Live) Step(at time.Time) error {
	if err := l.prepare(); err != nil {
		return err
	}
	err := l.change(at)
	// Whoever uses the account besides may close or delete what was chosen.
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrDeleted) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (l *Live) change(at time.Time) error {
	if len(l.open) < 5 || l.rand.Float64() < 0.28 {
		return l.write(at)
	}
	i := l.rand.IntN(len(l.open))
	t, err := l.Account.Ticket(l.open[i])
	if err != nil || t.Status == "closed" || t.Status == "deleted" {
		l.open = slices.Delete(l.open, i, i+1)
		return err
	}
	switch t.Status {
	case "new", "open", "hold":
		return l.work(at, t)
	case "pending":
		return l.Account.Comment(at, t.ID, t.RequesterID, pick(l.rand, customerFollowUps), true)
	}
	return l.afterwards(at, t)
}

// write makes a new ticket of a new or a known customer.
func (l *Live) write(at time.Time) error {
	var id int64
	if len(l.customers) > 0 && l.rand.Float64() < 0.7 {
		id = pick(l.rand, l.customers)
	} else {
		u, err := l.Account.CreateUser(at, newPerson(l.rand, l.number()))
		if err != nil {
			return err
		}
		id = u.ID
		l.customers = append(l.customers, id)
	}
	user, err := l.Account.User(id)
	if err != nil {
		return err
	}
	what, words := pickTopic(l.rand), newWords(l.rand, user.Name)
	n := NewTicket{
		Requester: id, Channel: pick(l.rand, channels), Subject: words.Replace(pick(l.rand, what.subjects)),
		Body: words.Replace(pick(l.rand, what.openings)), Tags: []string{what.tag}, Type: what.kind,
		Priority: pick(l.rand, priorities), Group: l.group(what.group),
	}
	t, err := l.Account.CreateTicket(at, n)
	if err == nil {
		l.open = append(l.open, t.ID)
	}
	return err
}

// number draws the number of a new customer, from which addresses and external ids are made: nobody else has them in Zendesk either.
func (l *Live) number() int {
	for {
		if n := 500_000 + l.rand.IntN(400_000); !l.numbers[n] {
			l.numbers[n] = true
			return n
		}
	}
}

// group finds a group by name, or the first one.
func (l *Live) group(name string) int64 {
	for _, g := range l.groups {
		if g.Name == name {
			return g.ID
		}
	}
	if len(l.groups) > 0 {
		return l.groups[0].ID
	}
	return 0
}

// work is what agents do with a ticket that waits for them.
func (l *Live) work(at time.Time, t Ticket) error {
	agent := pick(l.rand, l.agents)
	if t.AssigneeID != nil {
		agent = *t.AssigneeID
	}
	c := Change{Actor: agent, Assignee: &agent, Comment: pick(l.rand, agentFollowUps), Status: "pending"}
	switch n := l.rand.Float64(); {
	case n < 0.35:
		c.Status, c.Comment = "solved", pick(l.rand, closings)
	case n < 0.45:
		next := pick(l.rand, l.agents)
		c = Change{Actor: agent, Assignee: &next}
	case n < 0.52:
		c = Change{Actor: agent, Comment: pick(l.rand, notes), Private: true}
	case n < 0.58:
		tags := append(slices.Clone(t.Tags), pick(l.rand, extraTags))
		c = Change{Actor: agent, Tags: &tags}
	case n < 0.62:
		priority := pick(l.rand, priorities)
		c = Change{Actor: agent, Priority: &priority}
	}
	_, err := l.Account.Update(at, t.ID, c)
	return err
}

// afterwards is what may still happen to a solved ticket.
func (l *Live) afterwards(at time.Time, t Ticket) error {
	score := t.SatisfactionRating
	switch n := l.rand.Float64(); {
	case n < 0.12:
		return l.Account.Comment(at, t.ID, t.RequesterID, pick(l.rand, reopenings), true)
	case score == nil || score.Score == "unoffered":
		return l.Account.OfferRating(at, t.ID)
	case score.Score == "offered" && n < 0.6:
		word := "good"
		if l.rand.Float64() < 0.18 {
			word = "bad"
		}
		return l.Account.Rate(at, t.ID, word, pick(l.rand, ratingComments[word]))
	}
	return l.Account.SetStatus(at, t.ID, System, "closed")
}
