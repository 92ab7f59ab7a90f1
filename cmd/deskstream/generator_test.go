package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"deskstream/ingest/zendesktest"
)

// generator makes an account of random but legal histories: unlike zendesktest.History it aims at what is rare.
type generator struct {
	*zendesktest.Account
	*rand.Rand
	admin     zendesktest.User
	agents    []int64
	customers []int64
	groups    []int64
	brands    []int64
	forms     []int64
	orgs      []int64
	tickets   []int64
	merged    map[int64]int64 // users, loser to winner
	err       error
}

const generatedDays = 75

// generate makes an account with a number of tickets, whose history ends an hour ago. Equal seeds give equal accounts.
func generate(seed uint64, name string, tickets int) (*generator, error) {
	g := &generator{Account: zendesktest.NewAccount(name), Rand: rand.New(rand.NewPCG(seed, 7)), merged: map[int64]int64{}}
	end := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	start := end.AddDate(0, 0, -generatedDays)
	g.SetWebhooks(false)
	g.furnish(start.AddDate(0, 0, -1))
	var times []time.Time
	for range tickets * 12 {
		times = append(times, start.Add(time.Duration(g.Int64N(int64(end.Sub(start)/time.Second)))*time.Second))
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times {
		if len(g.tickets)*12 <= i {
			g.create(at)
			continue
		}
		id := g.pick(g.tickets)
		if recent := len(g.tickets) - 5; recent > 0 && g.chance(0.7) {
			id = g.pick(g.tickets[recent:])
		}
		g.step(at, id)
		if g.chance(0.1) {
			g.step(at, id) // in the same second
		}
	}
	return g, g.err
}

func (g *generator) chance(p float64) bool { return g.Float64() < p }

func (g *generator) pick(ids []int64) int64 { return ids[g.IntN(len(ids))] }

func (g *generator) word(words ...string) string { return words[g.IntN(len(words))] }

func (g *generator) keep(err error) {
	if err != nil && !errors.Is(err, zendesktest.ErrClosed) && !errors.Is(err, zendesktest.ErrDeleted) && !errors.Is(err, zendesktest.ErrNotFound) {
		g.err = errors.Join(g.err, err)
	}
}

func (g *generator) furnish(at time.Time) {
	if g.chance(0.8) {
		g.SetSLA(map[string]int64{"urgent": 30, "high": 120, "normal": 2000})
	}
	if g.chance(0.8) {
		week := []zendesktest.Interval{{StartTime: 30, EndTime: 400}, {StartTime: 1980, EndTime: 2461}, {StartTime: 4300, EndTime: 7000}, {StartTime: 9000, EndTime: 10080}}
		day := at.AddDate(0, 0, 20)
		g.CreateSchedule(at, "Hours", g.word("Eastern Time (US & Canada)", "Berlin", "Kolkata", "New Caledonia"), week,
			zendesktest.Holiday{Name: "Fair", StartDate: day.Format(time.DateOnly), EndDate: day.AddDate(0, 0, 2).Format(time.DateOnly)})
	}
	for i := range 3 {
		g.groups = append(g.groups, g.CreateGroup(at, fmt.Sprintf("Group %d", i)).ID)
		g.brands = append(g.brands, g.CreateBrand(at, fmt.Sprintf("Brand %d", i)).ID)
		g.forms = append(g.forms, g.CreateTicketForm(at, fmt.Sprintf("Form %d", i), "").ID)
		g.orgs = append(g.orgs, g.CreateOrganization(at, fmt.Sprintf("Organization %d", i), "").ID)
	}
	g.admin = g.user(at, zendesktest.NewUser{Name: "Admin", Email: "admin@" + g.Subdomain + ".example", Role: "admin"})
	for i := range 4 {
		g.agents = append(g.agents, g.user(at, zendesktest.NewUser{Name: fmt.Sprintf("Agent %d", i), Email: fmt.Sprintf("agent%d@%s.example", i, g.Subdomain), Role: "agent"}).ID)
	}
	for range 5 {
		g.customer(at)
	}
}

func (g *generator) user(at time.Time, n zendesktest.NewUser) zendesktest.User {
	u, err := g.CreateUser(at, n)
	g.keep(err)
	return u
}

func (g *generator) customer(at time.Time) {
	n := zendesktest.NewUser{Name: fmt.Sprintf("Customer %d", g.Int64()), Email: fmt.Sprintf("c%d@%s.example", g.Int64(), g.Subdomain)}
	if g.chance(0.4) {
		n.Organization = g.pick(g.orgs)
	}
	g.customers = append(g.customers, g.user(at, n).ID)
}

func (g *generator) text() string {
	words := []string{"Refund", "refunds", "REFUND!", "travel-insurance", "Travel Insurance", "travel_insurance", "insurance travel", "cafe\u0301", "Café", "\ufb01le", "file", "prefile", "2nd"}
	out := "Hello"
	for range g.IntN(6) {
		out += g.word(" ", "\n", " — ") + g.word(words...)
	}
	return out
}

func (g *generator) create(at time.Time) {
	if g.chance(0.3) {
		g.customer(at)
	}
	n := zendesktest.NewTicket{
		Requester: g.pick(g.customers), Channel: g.word("email", "web", "api", "chat"), Subject: g.text(), Body: g.text(),
		Priority: g.word("", "low", "normal", "high", "urgent"), Type: g.word("", "question", "incident", "problem", "task"),
	}
	if g.chance(0.25) {
		n.Submitter, n.Private = g.pick(g.agents), g.chance(0.5)
		n.Status = g.word("", "open", "pending", "hold", "solved")
	}
	if g.chance(0.3) {
		n.Assignee = g.pick(g.agents)
	}
	if g.chance(0.6) {
		n.Group = g.pick(g.groups)
	}
	if g.chance(0.6) {
		n.Brand = g.pick(g.brands)
	}
	if g.chance(0.6) {
		n.Form = g.pick(g.forms)
	}
	n.Tags = g.tags()
	t, err := g.CreateTicket(at, n)
	g.keep(err)
	g.tickets = append(g.tickets, t.ID)
}

func (g *generator) tags() (tags []string) {
	for range g.IntN(4) {
		tags = append(tags, g.word("vip", "bug", "billing", "lang_fr"))
	}
	return tags
}

// step lets something happen to a ticket.
func (g *generator) step(at time.Time, id int64) {
	t, err := g.Ticket(id)
	if err != nil {
		g.keep(err)
		return
	}
	switch t.Status {
	case "deleted":
		if g.chance(0.5) {
			g.keep(g.Restore(at, id, g.admin.ID))
		}
	case "closed":
		g.late(at, id)
	default:
		g.live(at, t)
	}
}

// late is what may still be changed in a closed ticket.
func (g *generator) late(at time.Time, id int64) {
	switch g.IntN(6) {
	case 0:
		g.keep(g.SetTags(at, id, g.pick(g.agents), g.tags()...))
	case 1:
		g.keep(g.SetSubject(at, id, g.pick(g.agents), g.text()))
	case 2:
		g.keep(g.SetPriority(at, id, g.pick(g.agents), g.word("low", "urgent")))
	case 3:
		g.keep(g.Rate(at, id, g.word("good", "bad"), ""))
	}
}

func (g *generator) live(at time.Time, t zendesktest.Ticket) {
	agent := g.pick(g.agents)
	switch n := g.IntN(100); {
	case n < 40:
		g.talk(at, t, agent)
	case n < 75:
		g.handle(at, t, agent)
	case n < 85:
		g.rate(at, t)
	case n < 91:
		g.keep(g.SoftDelete(at, t.ID, agent))
		if g.chance(0.1) {
			g.keep(g.DeletePermanently(at, t.ID, agent))
		}
	case n < 93:
		g.redact(at, t)
	case n < 96:
		if other := g.pick(g.tickets); other != t.ID {
			g.keep(g.MergeTickets(at, agent, t.ID, other))
		}
	case n < 98:
		g.keep(g.Touch(at, t.ID))
	default:
		g.mergePeople(at)
	}
}

// talk is a message.
func (g *generator) talk(at time.Time, t zendesktest.Ticket, agent int64) {
	c := zendesktest.Change{Actor: agent, Comment: g.text()}
	switch n := g.IntN(10); {
	case n < 5:
		c.Status = g.word("", "open", "pending", "hold", "solved")
		if g.chance(0.3) {
			c.Assignee = new(g.pick(g.agents))
		}
	case n < 6:
		c.Private = true
	case n < 7:
		c.Actor = zendesktest.System
	case n < 8:
		c.Actor = g.pick(g.customers) // somebody in copy
	default:
		c.Actor = t.RequesterID
	}
	_, err := g.Update(at, t.ID, c)
	g.keep(err)
}

// handle is a change without a message, often of several things at once.
func (g *generator) handle(at time.Time, t zendesktest.Ticket, agent int64) {
	c := zendesktest.Change{Actor: agent}
	for range 1 + g.IntN(2) {
		switch g.IntN(10) {
		case 0, 1:
			c.Assignee = new(g.pick(g.agents))
		case 2:
			c.Assignee = new(int64(0))
		case 3:
			c.Group = new(g.pick(append(slices.Clone(g.groups), 0)))
		case 4:
			c.Priority = new(g.word("", "low", "normal", "high", "urgent"))
		case 5:
			c.Tags = new(g.tags())
		case 6:
			c.Subject, c.Type = new(g.text()), new(g.word("", "question", "task"))
		case 7:
			c.Brand, c.Organization = new(g.pick(g.brands)), new(g.pick(append(slices.Clone(g.orgs), 0)))
		case 8:
			c.Requester = new(g.pick(g.customers))
		case 9:
			c.Status = g.word("open", "pending", "hold", "solved", "closed")
			if g.chance(0.5) {
				c.Actor = zendesktest.System
			}
		}
	}
	_, err := g.Update(at, t.ID, c)
	g.keep(err)
}

func (g *generator) rate(at time.Time, t zendesktest.Ticket) {
	switch {
	case t.SatisfactionRating == nil || t.SatisfactionRating.Score == "unoffered":
		g.keep(g.OfferRating(at, t.ID))
	case g.chance(0.7):
		g.keep(g.Rate(at, t.ID, g.word("good", "bad"), "as it was"))
	default:
		g.keep(g.AppendRating(at, t.ID, g.word("good", "bad"), ""))
	}
}

func (g *generator) redact(at time.Time, t zendesktest.Ticket) {
	audits, err := g.Audits(t.ID)
	g.keep(err)
	for _, a := range audits {
		for _, e := range a.Events {
			if e.Comment != nil && g.chance(0.5) {
				g.keep(g.Redact(at, t.ID, g.admin.ID, e.Comment.ID))
				return
			}
		}
	}
}

// mergePeople tells a webhook as well: nothing else says who absorbed whom.
func (g *generator) mergePeople(at time.Time) {
	loser, winner := g.IntN(len(g.customers)), g.IntN(len(g.customers))
	if loser == winner || len(g.customers) < 4 {
		return
	}
	g.SetWebhooks(true)
	err := g.MergeUsers(at, g.customers[loser], g.customers[winner])
	g.SetWebhooks(false)
	g.keep(err)
	if err == nil {
		g.merged[g.customers[loser]] = g.customers[winner]
		g.customers = slices.Delete(g.customers, loser, loser+1)
	}
}
