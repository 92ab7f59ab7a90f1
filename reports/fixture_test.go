package reports

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// at reads "02 10:05" as that day and time of March 2026, UTC.
func at(s string) time.Time {
	t, err := time.Parse("2006-01 02 15:04", "2026-03 "+s)
	if err != nil {
		panic(err)
	}
	return t
}

func atP(s string) *time.Time { return new(at(s)) }

// fixture holds six tickets of one account, small enough to count by hand:
//
//	1 created 02 10:00; Ann 02 10:05; reply 02 11:00; solved 03 10:00; reopened 04 10:00; Bob 04 11:00; reply and solved 05 12:00; asked for a rating 05 13:00; good 06 09:00
//	2 created 02 23:30; Ann and open 03 00:30; never answered; asked for a rating 07 09:00
//	3 created 08 06:30 by the person of 1; new, nobody's
//	4 created 03 12:00; Bob; deleted 10 00:00
//	5 created 04 08:00, Ann; merged into another 04 09:00, which closed it without a solve
//	6 created 09 10:00, Ann; reply and solved 10 09:00; bad 10 10:00; Bob 11 00:00; its requester 2004 is the same person as 2001
type fixture struct {
	tickets []schemas.TicketRow
	events  []schemas.TicketEvent
}

func (f *fixture) ticket(id int64, created, status, since string, change func(*schemas.TicketRow)) {
	t := schemas.TicketRow{
		Account: testAccount, TicketID: id, SourceID: testSource, CreatedAt: at(created), UpdatedAt: at(since), Status: status, StatusSince: at(since),
		Tags: []string{}, NextReplyS: []int64{}, HistoryFull: 1, CustomFields: "{}", Details: "{}", IsPublic: 1, BrandID: 600, Channel: "email",
	}
	change(&t)
	t.SubjectTokens = schemas.Tokens(t.Subject)
	f.tickets = append(f.tickets, t)
}

// event adds an event with the ticket's current values.
func (f *fixture) event(kind, when string, id int64, change func(*schemas.TicketEvent)) {
	t := f.find(id)
	e := schemas.TicketEvent{
		Account: testAccount, Kind: kind, At: at(when), Until: at(when), TicketID: id, EventID: fmt.Sprint(kind, len(f.events)), AssigneeID: t.AssigneeID,
		GroupID: t.GroupID, Priority: t.Priority, Channel: t.Channel, Type: t.Type, Tags: t.Tags, BrandID: t.BrandID, OrganizationID: t.OrganizationID,
		FormID: t.FormID, RequesterID: t.RequesterID, Deleted: t.Deleted, Merged: t.Merged,
	}
	change(&e)
	f.events = append(f.events, e)
}

func (f *fixture) find(id int64) *schemas.TicketRow {
	for i := range f.tickets {
		if f.tickets[i].TicketID == id {
			return &f.tickets[i]
		}
	}
	panic("no such ticket")
}

func (f *fixture) state(id int64, from, until, status string, assignee int64) {
	f.event(schemas.EventState, from, id, func(e *schemas.TicketEvent) {
		e.Status, e.AssigneeID, e.Until = status, assignee, schemas.FarFuture
		if until != "" {
			e.Until = at(until)
		}
	})
}

// spell adds an ended state with its seconds of business hours.
func (f *fixture) spell(id int64, from, until, status string, assignee, seconds int64) {
	f.state(id, from, until, status, assignee)
	f.events[len(f.events)-1].BusinessS = &seconds
}

func (f *fixture) held(kind, when string, id, assignee, previous int64) {
	f.event(kind, when, id, func(e *schemas.TicketEvent) { e.AssigneeID, e.PreviousID = assignee, previous })
}

// solve adds a solve with its seconds of business hours.
func (f *fixture) solve(when string, id, assignee, seconds int64) {
	f.event(schemas.EventSolve, when, id, func(e *schemas.TicketEvent) { e.AssigneeID, e.BusinessS = assignee, &seconds })
}

func (f *fixture) reply(when string, id, agent int64) {
	f.event(schemas.EventReply, when, id, func(e *schemas.TicketEvent) { e.ActorID = agent })
}

func (f *fixture) rating(when, until, score string, id, assignee int64) {
	f.event(schemas.EventRating, when, id, func(e *schemas.TicketEvent) {
		e.Score, e.AssigneeID, e.Until = score, assignee, schemas.FarFuture
		if until != "" {
			e.Until = at(until)
		}
	})
}

const ann, bob = 1000, 1001

func (f *fixture) build() {
	f.ticket(1, "02 10:00", "solved", "05 12:00", func(t *schemas.TicketRow) {
		t.AssigneeID, t.GroupID, t.Tags, t.OrganizationID, t.Priority, t.Type, t.RequesterID = bob, 500, []string{"vip", "billing"}, 701, "high", "incident", 2001
		t.Subject, t.Replies, t.PublicAgent, t.Reopens, t.Solves, t.FormID = "Refund for travel-insurance", 2, 2, 1, 2, 800
		t.FirstReplyAt, t.FirstReplyS, t.FirstReplyBizS = atP("02 11:00"), new(int64(3600)), new(int64(1800))
		t.FirstSolvedAt, t.LastSolvedAt, t.FirstResolutionS, t.FullResolutionS = atP("03 10:00"), atP("05 12:00"), new(int64(86400)), new(int64(266400))
		t.FirstAssignedAt, t.FirstAssignedS, t.NewS, t.OpenS, t.StatusChanges = atP("02 10:05"), new(int64(300)), 300, 179700, 4
		t.FirstAssignedBizS = new(int64(300))
		business(t, 300, 64500)
		t.NextReplyS, t.AssigneeStations, t.UniqueAssignees, t.Reassignments, t.GroupStations, t.Handoffs = []int64{93600}, 2, 2, 1, 1, 2
		t.CSAT, t.CSATAgentID, t.CSATAt = "good", bob, atP("06 09:00")
	})
	f.ticket(2, "02 23:30", "open", "03 00:30", func(t *schemas.TicketRow) {
		t.AssigneeID, t.GroupID, t.Channel, t.Tags, t.RequesterID, t.Subject = ann, 501, "web", []string{"vip"}, 2002, "Hello"
		t.NewS, t.StatusChanges, t.FirstAssignedAt, t.FirstAssignedS, t.AssigneeStations, t.UniqueAssignees = 3600, 1, atP("03 00:30"), new(int64(3600)), 1, 1
		t.CSAT, t.CSATAgentID, t.CSATAt = "offered", ann, atP("07 09:00")
		t.FirstAssignedBizS = new(int64(0))
		business(t, 0, 0)
	})
	f.ticket(3, "08 06:30", "new", "08 06:30", func(t *schemas.TicketRow) {
		t.OrganizationID, t.RequesterID, t.Subject = 702, 2001, "=cmd"
		t.IsPublic, t.CustomStatusID, t.DueAt = 0, 77, atP("20 10:00")
		t.Details = `{"raw_subject":"{{dc.x}}","recipient":"help@acme.test","collaborator_ids":[7,8],"follower_ids":[8],"email_cc_ids":[7],"forum_topic_id":3,` +
			`"problem_id":4,"has_incidents":true,"sharing_agreement_ids":[11],"followup_ids":[6],"allow_channelback":true,"no_attachments":true,` +
			`"from_messaging_channel":true,"via_rel":"follow_up"}`
		business(t, 0, 0)
	})
	f.ticket(4, "03 12:00", "deleted", "10 00:00", func(t *schemas.TicketRow) {
		t.AssigneeID, t.Deleted, t.RequesterID, t.Subject = bob, 1, 2003, "refund"
	})
	f.ticket(5, "04 08:00", "closed", "04 09:00", func(t *schemas.TicketRow) {
		t.AssigneeID, t.Merged, t.MergedInto, t.Tags, t.RequesterID, t.Solves = ann, 1, 1, []string{"closed_by_merge"}, 2002, 1
		t.FirstSolvedAt, t.LastSolvedAt, t.ClosedAt = atP("04 09:00"), atP("04 09:00"), atP("04 09:00")
		t.FirstResolutionS, t.FullResolutionS, t.OpenS, t.StatusChanges = new(int64(3600)), new(int64(3600)), 3600, 1
		t.FirstAssignedAt, t.FirstAssignedS, t.AssigneeStations, t.UniqueAssignees = atP("04 08:00"), new(int64(0)), 1, 1
		t.FirstAssignedBizS = new(int64(0))
		business(t, 0, 0)
	})
	f.ticket(6, "09 10:00", "solved", "10 09:00", func(t *schemas.TicketRow) {
		t.AssigneeID, t.RequesterID, t.Replies, t.PublicAgent, t.Solves, t.Priority = bob, 2004, 1, 1, 1, "low"
		t.FirstReplyAt, t.FirstReplyS, t.FirstSolvedAt, t.LastSolvedAt = atP("10 09:00"), new(int64(82800)), atP("10 09:00"), atP("10 09:00")
		t.FirstResolutionS, t.FullResolutionS, t.NewS, t.StatusChanges = new(int64(82800)), new(int64(82800)), 82800, 1
		t.FirstAssignedAt, t.FirstAssignedS, t.AssigneeStations, t.UniqueAssignees, t.Reassignments = atP("09 10:00"), new(int64(0)), 2, 2, 1
		t.FirstAssignedBizS = new(int64(0))
		business(t, 10800, 0)
		t.CSAT, t.CSATAgentID, t.CSATAt, t.CSATComment = "bad", ann, atP("10 10:00"), "slow"
	})
	f.history()
}

// business gives a ticket its business seconds of ended spells.
func business(t *schemas.TicketRow, inNew, inOpen int64) {
	t.NewBizS, t.OpenBizS, t.PendingBizS, t.HoldBizS = &inNew, &inOpen, new(int64(0)), new(int64(0))
}

func (f *fixture) history() {
	f.spell(1, "02 10:00", "02 10:05", "new", 0, 300)
	f.spell(1, "02 10:05", "03 10:00", "open", ann, 28500)
	f.spell(1, "03 10:00", "04 10:00", "solved", ann, 28800)
	f.spell(1, "04 10:00", "04 11:00", "open", ann, 3600)
	f.spell(1, "04 11:00", "05 12:00", "open", bob, 32400)
	f.state(1, "05 12:00", "", "solved", bob)
	f.held(schemas.EventAssign, "02 10:05", 1, ann, 0)
	f.held(schemas.EventAssign, "04 11:00", 1, bob, ann)
	f.solve("03 10:00", 1, ann, 28800)
	f.held(schemas.EventReopen, "04 10:00", 1, ann, 0)
	f.solve("05 12:00", 1, bob, 93600)
	f.reply("02 11:00", 1, ann)
	f.reply("05 12:00", 1, bob)
	f.event(schemas.EventNext, "04 10:00", 1, func(e *schemas.TicketEvent) { e.Seconds, e.BusinessS = new(int64(93600)), new(int64(36000)) })
	f.rating("05 13:00", "06 09:00", "offered", 1, ann)
	f.rating("06 09:00", "", "good", 1, bob)

	f.spell(2, "02 23:30", "03 00:30", "new", 0, 0)
	f.state(2, "03 00:30", "", "open", ann)
	f.held(schemas.EventAssign, "03 00:30", 2, ann, 0)
	f.rating("07 09:00", "", "offered", 2, ann)

	f.state(3, "08 06:30", "", "new", 0)

	f.state(4, "03 12:00", "10 00:00", "open", bob)
	f.state(4, "10 00:00", "", "deleted", bob)
	f.held(schemas.EventAssign, "03 12:00", 4, bob, 0)

	f.spell(5, "04 08:00", "04 09:00", "open", ann, 0)
	f.state(5, "04 09:00", "", "closed", ann)
	f.held(schemas.EventAssign, "04 08:00", 5, ann, 0)
	f.solve("04 09:00", 5, ann, 0)
	f.held(schemas.EventClose, "04 09:00", 5, ann, 0)

	f.spell(6, "09 10:00", "10 09:00", "new", ann, 10800)
	f.state(6, "10 09:00", "11 00:00", "solved", ann)
	f.state(6, "11 00:00", "", "solved", bob)
	f.held(schemas.EventAssign, "09 10:00", 6, ann, 0)
	f.held(schemas.EventAssign, "11 00:00", 6, bob, ann)
	f.solve("10 09:00", 6, ann, 25200)
	f.reply("10 09:00", 6, ann)
	f.rating("10 10:00", "", "bad", 6, ann)
}

// fixtureMessages are the comments of the tickets.
func fixtureMessages() []schemas.Message {
	var out []schemas.Message
	created := map[int64]string{1: "02 10:00", 2: "02 23:30", 4: "03 12:00", 6: "09 10:00"}
	add := func(when string, ticket, author int64, role string, public uint8, body string) {
		out = append(out, schemas.Message{
			Account: testAccount, At: at(when), TicketID: ticket, MessageID: int64(len(out) + 1), AuthorID: author, AuthorRole: role, Public: public,
			Body: body, Tokens: schemas.Tokens(body), TicketCreatedAt: at(created[ticket]),
		})
	}
	add("02 10:00", 1, 2001, "end_user", 1, "I want a refund! Refund, refund now. Travel\ninsurance")
	add("02 10:30", 1, ann, "agent", 0, "refund? internal")
	add("05 12:00", 1, bob, "agent", 1, "Your REFUND is on its way to the naïve café")
	add("02 23:30", 2, 2002, "end_user", 1, "the reinsurance and insurance travel; refunds")
	add("03 12:00", 4, 2003, "end_user", 1, "refund of a deleted ticket")
	add("09 10:00", 6, 2004, "end_user", 1, "ha ha ha, travel insurance refund")
	return out
}

func fixtureActivities() []schemas.Activity {
	var out []schemas.Activity
	add := func(slug, when string, ticket, user int64, change func(*schemas.Activity)) {
		a := schemas.Activity{
			Account: testAccount, Activity: slug, OccurredAt: at(when), ActivityID: fmt.Sprintf("a_%02d", len(out)), SourceID: testSource, TicketID: ticket,
			UserID: user, PersonID: fmt.Sprintf("p_%d", user), Tags: []string{}, Attributes: "{}", ExpiresAt: at(when).AddDate(50, 0, 0), Subject: "Subject " + fmt.Sprint(ticket),
		}
		if change != nil {
			change(&a)
		}
		out = append(out, a)
	}
	add("ticket-created", "02 10:00", 1, 2001, func(a *schemas.Activity) { a.Tags, a.AssigneeID = []string{"vip"}, ann })
	add("ticket-created", "02 23:30", 2, 2002, nil)
	add("ticket-closed", "05 12:00", 1, 2001, func(a *schemas.Activity) { a.AssigneeID, a.GroupID, a.Status = bob, 500, "solved" })
	add("ticket-created", "03 12:00", 4, 2003, nil)
	add("ticket-created", "09 10:00", 6, 2004, func(a *schemas.Activity) { a.FormID = 61 })
	add("satisfaction-rating-received", "18 10:00", 6, 2004, func(a *schemas.Activity) { a.Attributes = `{"score":"bad","comment":"slow","rating-id":"9"}` })
	add("ticket-note-added", "18 10:05", 6, 2004, func(a *schemas.Activity) { a.Message = "secret note" })
	add("ticket-created", "01 00:00", 1, 2001, func(a *schemas.Activity) { a.ExpiresAt = at("19 00:00") }) // over already
	add("contact-created", "17 00:00", 0, 2001, nil)
	return out
}

func fixturePeople() ([]schemas.PersonRow, []schemas.PersonAlias) {
	one := schemas.PersonRow{
		Account: testAccount, PersonID: "p_2001", SourceIDs: []string{testSource}, FirstName: "Jo", LastName: "<b>Day</b>", Email: "jo@x.test", PhoneNumber: "+14155550100",
		ExternalID: "AB", Language: "en-US", Timezone: "America/New_York", EmailPermission: 1, OrganizationID: 701, OrganizationIDs: []int64{701, 702}, UserIDs: []int64{2001, 2004},
		OwnIDs:  []string{"p_2001", "p_2004"},
		Zendesk: `{"user_id":"2001","tags":["vip","beta"],"notes":"agents only","details":"too","fields":{"plan":"Gold","seats":12}}`, Custom: `{"tier":"A"}`,
		CreatedAt: at("01 00:00"), UpdatedAt: at("10 00:00"),
	}
	two := schemas.PersonRow{
		Account: testAccount, PersonID: "p_2002", SourceIDs: []string{testSource}, FirstName: "Émile", Email: "emile@x.test", UserIDs: []int64{2002}, OwnIDs: []string{"p_2002"},
		Zendesk: `{"user_id":"2002"}`, Custom: "{}", CreatedAt: at("02 00:00"), UpdatedAt: at("02 00:00"),
	}
	three := two
	three.PersonID, three.FirstName, three.Email, three.UserIDs, three.OwnIDs = "p_2003", "Zed", "", []int64{2003}, []string{"p_2003"}
	var aliases []schemas.PersonAlias
	for alias, person := range map[string]string{
		"zendesk:2001": "p_2001", "zendesk:2004": "p_2001", "p_2004": "p_2001", "email:jo@x.test": "p_2001", "external:ab": "p_2001",
		"zendesk:2002": "p_2002", "zendesk:2003": "p_2003",
	} {
		aliases = append(aliases, schemas.PersonAlias{Account: testAccount, Alias: alias, PersonID: person})
	}
	return []schemas.PersonRow{one, two, three}, aliases
}

// other is a second account whose rows must never show.
func other(f *fixture) (tickets []schemas.TicketRow, events []schemas.TicketEvent) {
	for _, t := range f.tickets {
		t.Account = "other"
		tickets = append(tickets, t)
	}
	for _, e := range f.events {
		e.Account = "other"
		events = append(events, e)
	}
	return tickets, events
}

func fill(tb testing.TB, db driver.Conn) {
	tb.Helper()
	f := &fixture{}
	f.build()
	older := f.tickets[0]
	older.Status, older.AssigneeID, older.Subject, older.SubjectTokens = "open", 9999, "never", "never"
	insertInto(tb, db, schemas.TableTickets, older) // an earlier version that the next one replaces
	insertInto(tb, db, schemas.TableTickets, f.tickets...)
	insertInto(tb, db, schemas.TableTicketEvents, f.events...)
	tickets, events := other(f)
	insertInto(tb, db, schemas.TableTickets, tickets...)
	insertInto(tb, db, schemas.TableTicketEvents, events...)
	insertInto(tb, db, schemas.TableMessages, fixtureMessages()...)
	insertInto(tb, db, schemas.TableActivities, fixtureActivities()...)
	people, aliases := fixturePeople()
	insertInto(tb, db, schemas.TablePeople, people...)
	insertInto(tb, db, schemas.TablePersonAliases, aliases...)
	insertInto(tb, db, schemas.TableAgents,
		schemas.Agent{Account: testAccount, UserID: ann, Name: "Ann Lee", Email: "ann@acme.test", Role: "agent", Active: 1},
		schemas.Agent{Account: testAccount, UserID: bob, Name: "=Bob", Role: "admin", Active: 1})
	insertInto(tb, db, schemas.TableNames,
		schemas.Name{Account: testAccount, Kind: "group", ID: 500, Name: "Support"}, schemas.Name{Account: testAccount, Kind: "group", ID: 501, Name: "Billing"},
		schemas.Name{Account: testAccount, Kind: "brand", ID: 600, Name: "Main"},
		schemas.Name{Account: testAccount, Kind: "ticket_form", ID: 800, Name: "Returns"},
		schemas.Name{Account: testAccount, Kind: "user_field", ID: 1, Name: "Plan", Key: "plan", Type: "text"},
		schemas.Name{Account: testAccount, Kind: "ticket_field", ID: 2, Name: "Order", Type: "integer"})
	insertInto(tb, db, schemas.TableOrganizations,
		schemas.OrganizationRow{
			Account: testAccount, OrganizationID: 701, SourceID: testSource, Name: "Org One", Zendesk: `{"organization_id":701,"notes":"hidden","fields":{"tier":"gold"}}`,
			CreatedAt: at("01 00:00"), UpdatedAt: at("01 00:00"),
		},
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 702, SourceID: testSource, Name: "Org Two", Zendesk: "{}"})
	insertInto(tb, db, schemas.TablePersonStats,
		schemas.PersonStats{
			Account: testAccount, UserID: 2001, TicketsTotal: 2, TicketsOpen: 1, TicketsClosed: 1, GoodRatings: 1, FirstTicketAt: atP("02 10:00"),
			LastTicketAt: atP("08 06:30"), LastTicketID: 3, LastSubject: "=cmd", LastStatus: "new", LastScore: "good", LastScoreAt: atP("06 09:00"),
		},
		schemas.PersonStats{Account: testAccount, UserID: 2002, TicketsTotal: 2, TicketsOpen: 1, TicketsClosed: 1, FirstTicketAt: atP("02 23:30")},
		schemas.PersonStats{Account: testAccount, UserID: 2003},
		schemas.PersonStats{
			Account: testAccount, UserID: 2004, TicketsTotal: 1, TicketsClosed: 1, BadRatings: 1, FirstTicketAt: atP("09 10:00"), LastTicketAt: atP("09 10:00"),
			LastTicketID: 6, LastStatus: "solved", LastScore: "bad", LastScoreAt: atP("10 10:00"),
		})
	insertInto(tb, db, schemas.TablePersonActivities,
		schemas.PersonActivity{Account: testAccount, UserID: 2001, Activity: "ticket-created", FirstAt: at("01 00:00"), LastAt: at("08 06:30"), Count: 3},
		schemas.PersonActivity{Account: testAccount, UserID: 2004, Activity: "ticket-created", FirstAt: at("09 10:00"), LastAt: at("09 10:00"), Count: 1})
	insertInto(tb, db, schemas.TableActivityCounts,
		schemas.ActivityCount{Account: testAccount, SourceID: testSource, Activity: "ticket-created", At: at("20 10:00"), Count: 3, Connected: 3},
		schemas.ActivityCount{Account: testAccount, SourceID: testSource, Activity: "ticket-closed", At: at("20 10:00"), Count: 9, Connected: 2},
		schemas.ActivityCount{Account: testAccount, SourceID: testSource, Activity: "ticket-created", At: at("07 00:00"), Count: 4, Connected: 4},
		schemas.ActivityCount{Account: testAccount, SourceID: testSource, Activity: "ticket-created", At: at("06 23:00"), Count: 8, Connected: 8},
		schemas.ActivityCount{Account: testAccount, SourceID: testSource, Activity: "ticket-created", At: at("01 00:00").AddDate(-1, 0, 0), Count: 16, Connected: 16},
		schemas.ActivityCount{Account: testAccount, SourceID: "src_deleted", Activity: "ticket-created", At: at("20 10:00"), Count: 32, Connected: 32},
		schemas.ActivityCount{Account: "other", SourceID: "src_other", Activity: "ticket-created", At: at("20 10:00"), Count: 64, Connected: 64})
	insertInto(tb, db, schemas.TableOpeningHours, fixtureHours()...)
	fillSLA(tb, db)
}

func fillSLA(tb testing.TB, db driver.Conn) {
	tb.Helper()
	var rows []schemas.MetricEventRow
	add := func(ticket, instance int64, kind, when string, withdrawn uint8) {
		rows = append(rows, schemas.MetricEventRow{
			Account: testAccount, EventID: int64(len(rows) + 1), TicketID: ticket, Metric: "reply_time", InstanceID: instance, Type: kind, At: at(when), Withdrawn: withdrawn,
		})
	}
	add(1, 1, "apply_sla", "02 10:00", 0)
	add(1, 1, "fulfill", "02 11:00", 0)
	add(1, 2, "apply_sla", "04 10:00", 0)
	add(1, 2, "breach", "04 12:00", 0)
	add(1, 2, "fulfill", "05 12:00", 0)
	add(2, 1, "apply_sla", "02 23:30", 0)
	add(2, 1, "breach", "03 01:00", 1)  // withdrawn
	add(6, 1, "fulfill", "10 09:00", 0) // no target
	add(4, 1, "apply_sla", "03 12:00", 0)
	insertInto(tb, db, schemas.TableMetricEvents, rows...)
}
