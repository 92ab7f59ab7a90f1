package zendesktest

import (
	"time"
)

// Minutes is a duration in whole minutes by the clock and within business hours; nil is not known yet.
type Minutes struct {
	Calendar *int64 `json:"calendar"`
	Business *int64 `json:"business"`
}

// MetricSet is what the metric_sets sideload puts into a ticket as metric_set.
type MetricSet struct {
	URL                string           `json:"url"`
	ID                 int64            `json:"id"`
	TicketID           int64            `json:"ticket_id"`
	CreatedAt          time.Time        `json:"created_at"`
	UpdatedAt          time.Time        `json:"updated_at"`
	GroupStations      int64            `json:"group_stations"`
	AssigneeStations   int64            `json:"assignee_stations"`
	Reopens            int64            `json:"reopens"`
	Replies            int64            `json:"replies"`
	AssigneeUpdatedAt  *time.Time       `json:"assignee_updated_at"`
	RequesterUpdatedAt *time.Time       `json:"requester_updated_at"`
	StatusUpdatedAt    *time.Time       `json:"status_updated_at"`
	InitiallyAssigned  *time.Time       `json:"initially_assigned_at"`
	AssignedAt         *time.Time       `json:"assigned_at"`
	SolvedAt           *time.Time       `json:"solved_at"`
	LatestCommentAdded *time.Time       `json:"latest_comment_added_at"`
	FirstResolution    Minutes          `json:"first_resolution_time_in_minutes"`
	FullResolution     Minutes          `json:"full_resolution_time_in_minutes"`
	ReplyTime          Minutes          `json:"reply_time_in_minutes"`
	ReplySeconds       map[string]int64 `json:"reply_time_in_seconds"`
	AgentWait          Minutes          `json:"agent_wait_time_in_minutes"`
	RequesterWait      Minutes          `json:"requester_wait_time_in_minutes"`
	OnHold             Minutes          `json:"on_hold_time_in_minutes"`
}

// metricSet computes the metrics of a ticket from its audits.
func (a *Account) metricSet(r *record) MetricSet {
	m := &metricMaker{account: a, ticket: r, status: "new", since: r.CreatedAt, open: a.openHours()}
	m.set = MetricSet{
		ID: 6130800000000 + r.ID, TicketID: r.ID, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		ReplySeconds: map[string]int64{},
	}
	m.set.URL = a.url("ticket_metrics/" + idText(&m.set.ID).(string))
	m.spans = map[string]*span{"wait": {}, "agent": {}, "hold": {}}
	for _, audit := range r.audits {
		for _, e := range audit.Events {
			m.event(audit, e)
		}
	}
	m.leave(m.status, r.UpdatedAt)
	m.set.RequesterWait, m.set.AgentWait, m.set.OnHold = m.spans["wait"].minutes(m), m.spans["agent"].minutes(m), m.spans["hold"].minutes(m)
	return m.set
}

type metricMaker struct {
	account *Account
	ticket  *record
	set     MetricSet
	status  string
	since   time.Time
	spans   map[string]*span
	open    *hours
	answer  time.Time
	started bool
}

type span struct {
	calendar, business time.Duration
}

func (s *span) minutes(m *metricMaker) Minutes {
	out := Minutes{Calendar: ptr(int64(s.calendar / time.Minute))}
	if m.open != nil {
		out.Business = ptr(int64(s.business / time.Minute))
	}
	return out
}

func (m *metricMaker) event(audit Audit, e AuditEvent) {
	at := audit.CreatedAt
	switch {
	case e.Type == "Comment":
		m.comment(audit, e.Comment)
	case e.FieldName == "status":
		value, _ := e.Value.(string)
		m.statusTo(value, at)
	case e.FieldName == "assignee_id" && e.Value != nil:
		m.set.AssigneeStations++
		m.set.AssignedAt, m.set.AssigneeUpdatedAt = &at, &at
		if m.set.InitiallyAssigned == nil {
			m.set.InitiallyAssigned = &at
		}
	case e.FieldName == "group_id" && e.Value != nil:
		m.set.GroupStations++
	}
}

func (m *metricMaker) comment(audit Audit, c *Comment) {
	at := audit.CreatedAt
	m.set.LatestCommentAdded = &at
	author := m.account.users[c.AuthorID]
	if author == nil || !c.Public {
		return
	}
	if !author.Staff() {
		m.set.RequesterUpdatedAt = &at
		if !m.started {
			m.answer, m.started = at, true
		}
		return
	}
	if !at.After(m.ticket.CreatedAt) {
		return
	}
	m.set.Replies++
	if m.set.Replies == 1 && m.started {
		m.set.ReplyTime = m.between(m.answer, at)
		m.set.ReplySeconds["calendar"] = int64(at.Sub(m.answer) / time.Second)
	}
}

func (m *metricMaker) statusTo(status string, at time.Time) {
	m.leave(m.status, at)
	before := m.status
	m.status, m.since, m.set.StatusUpdatedAt = status, at, &at
	switch {
	case status == "solved", status == "closed" && before != "solved":
		m.set.SolvedAt = &at
		m.set.FullResolution = m.between(m.ticket.CreatedAt, at)
		if m.set.FirstResolution.Calendar == nil {
			m.set.FirstResolution = m.set.FullResolution
		}
	case before == "solved" && status != "closed" && status != "deleted":
		m.set.Reopens++
		m.set.SolvedAt, m.set.FullResolution = nil, Minutes{}
	}
}

// leave adds the time spent in a status to what the customer or the agent waited.
func (m *metricMaker) leave(status string, at time.Time) {
	add := func(name string) {
		s := m.spans[name]
		s.calendar += at.Sub(m.since)
		s.business += m.open.between(m.since, at)
	}
	switch status {
	case "new", "open":
		add("wait")
	case "pending":
		add("agent")
	case "hold":
		add("wait")
		add("hold")
	}
}

func (m *metricMaker) between(from, to time.Time) Minutes {
	s := span{calendar: to.Sub(from), business: m.open.between(from, to)}
	return s.minutes(m)
}
