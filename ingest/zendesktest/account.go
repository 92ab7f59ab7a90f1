// Package zendesktest is a simulated Zendesk account: its data, its HTTP API and its webhooks, close enough to the real
// one that a client cannot tell. The demo command and tests share it. It holds everything in memory and never calls out,
// except that a Sender posts webhooks to the addresses registered in it.
package zendesktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Errors of the mutators; each is wrapped with the kind and id of the thing.
var (
	// ErrNotFound means that no such thing exists, or no longer.
	ErrNotFound = errors.New("not found")
	// ErrClosed means that a closed ticket cannot take the change.
	ErrClosed = errors.New("ticket is closed")
	// ErrDeleted means that a deleted ticket cannot take the change.
	ErrDeleted = errors.New("ticket is deleted")
	// ErrInvalid means that a value is not one Zendesk accepts.
	ErrInvalid = errors.New("invalid value")
)

// System is the author id of what Zendesk does by itself.
const System int64 = -1

// idStep is the distance of two ids, as seen in recorded answers.
const idStep = 128

// Account is the data of one Zendesk account with full history. All methods are safe for concurrent use, and what they
// return may be kept. Mutators take the time of the change, cut to the second; times of one ticket never go back.
type Account struct {
	// Subdomain is the first label of the account's host name.
	Subdomain string
	// ID is Zendesk's number of the account, as webhooks carry it.
	ID int64

	mu       sync.Mutex
	lastID   int64
	tickets  map[int64]*record
	users    map[int64]*User
	orgs     map[int64]*Organization
	identity map[int64][]Identity
	members  []Membership
	orgMerge []OrganizationMerge
	groups   []Group
	brands   []Brand
	forms    []TicketForm
	schedule []Schedule
	holidays map[int64][]Holiday
	fields   map[string][]Field
	ratings  []*Rating
	surveys  []SurveyResponse
	metrics  []*MetricEvent
	sla      map[string]int64
	running  map[int64]*record

	lastTicket    int64
	audits        []auditRef
	auditsSorted  bool
	metricsSorted bool

	outbox outbox
	hooks  []Subscription
}

// record is a ticket with what is not shown in its JSON.
type record struct {
	Ticket
	audits      []Audit
	supportType string
	before      string
	scrubbed    bool
	withheld    bool
	rating      *Rating
	reply       replyClock
}

// auditRef finds an audit in time order.
type auditRef struct {
	at     int64
	id     int64
	ticket int64
	index  int
}

// NewAccount returns an empty account for https://{subdomain}.zendesk.com. Two accounts that see the same calls hold
// the same data, ids included.
func NewAccount(subdomain string) *Account {
	return &Account{
		Subdomain: subdomain, ID: 12514403, lastID: 26155588900000,
		tickets: map[int64]*record{}, users: map[int64]*User{}, orgs: map[int64]*Organization{},
		identity: map[int64][]Identity{}, holidays: map[int64][]Holiday{}, fields: map[string][]Field{},
		running: map[int64]*record{}, auditsSorted: true, metricsSorted: true, outbox: newOutbox(),
	}
}

// SetSLA sets the first and next reply targets by priority, in minutes; later changes of priority re-apply them.
// Without it tickets carry reply_time events but no SLA.
func (a *Account) SetSLA(minutes map[string]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sla = minutes
}

func (a *Account) nextID() int64 {
	a.lastID += idStep
	return a.lastID
}

func (a *Account) url(path string) string {
	return "https://" + a.Subdomain + ".zendesk.com/api/v2/" + path + ".json"
}

// Ticket returns a ticket, deleted ones included, as the export shows it.
func (a *Account) Ticket(id int64) (Ticket, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(id)
	if err != nil {
		return Ticket{}, err
	}
	return r.Ticket, nil
}

// Tickets returns all tickets by id, deleted ones included.
func (a *Account) Tickets() []Ticket {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Ticket, 0, len(a.tickets))
	for _, r := range a.tickets {
		out = append(out, r.Ticket)
	}
	slices.SortFunc(out, func(x, y Ticket) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// Audits returns the audits of a ticket in the order they were made.
func (a *Account) Audits(ticketID int64) ([]Audit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.audits), nil
}

// User returns a user, deleted ones included.
func (a *Account) User(id int64) (User, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.user(id)
	if err != nil {
		return User{}, err
	}
	return *u, nil
}

// Users returns all users by id, deleted ones included.
func (a *Account) Users() []User {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sortedUsers()
}

func (a *Account) sortedUsers() []User {
	out := make([]User, 0, len(a.users))
	for _, u := range a.users {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(x, y User) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// Organizations returns all organizations by id, deleted ones included.
func (a *Account) Organizations() []Organization {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Organization, 0, len(a.orgs))
	for _, o := range a.orgs {
		out = append(out, *o)
	}
	slices.SortFunc(out, func(x, y Organization) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// Groups returns the groups in the order they were made.
func (a *Account) Groups() []Group {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.groups)
}

// Brands returns the brands in the order they were made.
func (a *Account) Brands() []Brand {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.brands)
}

// TicketForms returns the ticket forms in the order they were made.
func (a *Account) TicketForms() []TicketForm {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.forms)
}

// Ratings returns the satisfaction ratings by id.
func (a *Account) Ratings() []Rating {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]Rating, 0, len(a.ratings))
	for _, r := range a.ratings {
		out = append(out, *r)
	}
	return out
}

// MetricEvents returns the ticket metric events by time, withdrawn ones included.
func (a *Account) MetricEvents() []MetricEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.breach(time.Now())
	return a.sortedMetrics(false)
}

// Schedules returns the business hours in the order they were made.
func (a *Account) Schedules() []Schedule {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.schedule)
}

// Holidays returns the holidays of a schedule.
func (a *Account) Holidays(schedule int64) []Holiday {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.holidays[schedule])
}

func (a *Account) record(id int64) (*record, error) {
	r, ok := a.tickets[id]
	if !ok {
		return nil, fmt.Errorf("ticket %d: %w", id, ErrNotFound)
	}
	return r, nil
}

func (a *Account) user(id int64) (*User, error) {
	u, ok := a.users[id]
	if !ok {
		return nil, fmt.Errorf("user %d: %w", id, ErrNotFound)
	}
	return u, nil
}

// addAudit appends an audit and puts the ticket at its new place in the export.
func (a *Account) addAudit(r *record, audit Audit) {
	at := audit.CreatedAt.Unix()
	if n := len(a.audits); n > 0 && at < a.audits[n-1].at {
		a.auditsSorted = false
	}
	a.audits = append(a.audits, auditRef{at, audit.ID, r.ID, len(r.audits)})
	r.audits = append(r.audits, audit)
	r.UpdatedAt = audit.CreatedAt
	r.GeneratedTimestamp = max(r.GeneratedTimestamp, at)
}

// sortedAudits returns the audits of all tickets by time and id.
func (a *Account) sortedAudits() []auditRef {
	if !a.auditsSorted {
		slices.SortFunc(a.audits, func(x, y auditRef) int {
			return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.id, y.id))
		})
		a.auditsSorted = true
	}
	return a.audits
}

// clock cuts a time to the second in UTC and keeps it from going behind an earlier one of the same thing.
func clock(at, earlier time.Time) time.Time {
	at = at.UTC().Truncate(time.Second)
	if at.Before(earlier) {
		return earlier
	}
	return at
}

func ptr[T any](v T) *T { return &v }
