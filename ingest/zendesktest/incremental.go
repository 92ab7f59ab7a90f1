package zendesktest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticketRow is a ticket in an answer, with the sideload that is put inside it.
type ticketRow struct {
	Ticket
	MetricSet *MetricSet `json:"metric_set,omitempty"`
}

// until is the newest second an export shows; a negative hide shows everything.
func (s *Server) until(hide time.Duration) int64 {
	if hide < 0 {
		return 1<<62 - 1
	}
	return s.opts.Now().Add(-hide).Unix()
}

func (s *Server) pageSize(r *http.Request) int {
	return number(r.URL.Query().Get("per_page"), s.opts.PageSize, s.opts.PageSize)
}

// exportStart reads cursor or start_time. A start_time less than a minute past is refused, as Zendesk does.
func (s *Server) exportStart(w http.ResponseWriter, r *http.Request) (position, bool) {
	q := r.URL.Query()
	if c := q.Get("cursor"); c != "" {
		from, err := parseCursor(c)
		if err != nil {
			s.fail(w, http.StatusBadRequest, "InvalidValue", "cursor is not one of this export")
		}
		return from, err == nil
	}
	start, ok := s.startTime(w, r)
	return position{start, -1 << 62}, ok
}

func (s *Server) startTime(w http.ResponseWriter, r *http.Request) (int64, bool) {
	raw := r.URL.Query().Get("start_time")
	start, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || start < 0 {
		s.fail(w, http.StatusBadRequest, "InvalidValue", "start_time must be an epoch second")
		return 0, false
	}
	if start > s.opts.Now().Add(-time.Minute).Unix() {
		s.fail(w, http.StatusUnprocessableEntity, "InvalidValue", "Too recent start_time. Use a start_time older than 1 minute")
		return 0, false
	}
	return start, true
}

// exportedTickets returns the tickets of the export in its order, filtered as the query asks.
func (a *Account) exportedTickets(r *http.Request) []*record {
	q := r.URL.Query()
	scope := q.Get("support_type_scope")
	if scope == "" {
		scope = "agent"
	}
	rows := make([]*record, 0, len(a.tickets))
	for _, t := range a.tickets {
		if t.withheld || scope != "all" && t.supportType != scope || q.Get("exclude_deleted") == "true" && t.Status == "deleted" {
			continue
		}
		rows = append(rows, t)
	}
	slices.SortFunc(rows, func(x, y *record) int {
		return cmp.Or(cmp.Compare(x.GeneratedTimestamp, y.GeneratedTimestamp), cmp.Compare(x.ID, y.ID))
	})
	return rows
}

func ticketPosition(r *record) position { return position{r.GeneratedTimestamp, r.ID} }

func (s *Server) ticketsCursor(w http.ResponseWriter, r *http.Request) {
	from, ok := s.exportStart(w, r)
	if !ok {
		return
	}
	a := s.Account
	a.mu.Lock()
	rows, more := window(a.exportedTickets(r), ticketPosition, from, s.until(s.opts.HideTickets), s.pageSize(r))
	body := a.ticketPage(r, rows)
	last := lastPosition(rows, ticketPosition, from)
	a.mu.Unlock()
	s.cursorPage(w, r, body, last, len(rows) > 0, more)
}

func (s *Server) ticketsTime(w http.ResponseWriter, r *http.Request) {
	start, ok := s.startTime(w, r)
	if !ok {
		return
	}
	a := s.Account
	a.mu.Lock()
	rows, more := timeWindow(a.exportedTickets(r), ticketPosition, start, s.until(s.opts.HideTickets), s.pageSize(r))
	body := a.ticketPage(r, rows)
	last := lastPosition(rows, ticketPosition, position{start, 0})
	a.mu.Unlock()
	s.timePage(w, r, body, len(rows), last, more)
}

// ticketPage copies the tickets of a page and adds the sideloads. The account must be locked.
func (a *Account) ticketPage(r *http.Request, rows []*record) map[string]any {
	include := strings.Split(r.URL.Query().Get("include"), ",")
	out := make([]ticketRow, 0, len(rows))
	for _, t := range rows {
		row := ticketRow{Ticket: t.Ticket}
		if slices.Contains(include, "metric_sets") {
			m := a.metricSet(t)
			row.MetricSet = &m
		}
		out = append(out, row)
	}
	body := map[string]any{"tickets": out}
	for _, name := range include {
		switch name {
		case "users":
			body["users"] = a.usersOf(rows)
		case "groups":
			body["groups"] = nonNil(slices.Clone(a.groups))
		case "organizations":
			body["organizations"] = a.organizationsOf(rows)
		}
	}
	return body
}

// usersOf returns the people of tickets, by id and each once.
func (a *Account) usersOf(rows []*record) []User {
	seen := map[int64]bool{}
	out := []User{}
	add := func(id int64) {
		if u := a.users[id]; u != nil && !seen[id] {
			seen[id] = true
			out = append(out, *u)
		}
	}
	for _, t := range rows {
		add(t.RequesterID)
		add(t.SubmitterID)
		if t.AssigneeID != nil {
			add(*t.AssigneeID)
		}
	}
	slices.SortFunc(out, func(x, y User) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

func (a *Account) organizationsOf(rows []*record) []Organization {
	seen := map[int64]bool{}
	out := []Organization{}
	for _, t := range rows {
		if t.OrganizationID == nil || seen[*t.OrganizationID] || a.orgs[*t.OrganizationID] == nil {
			continue
		}
		seen[*t.OrganizationID] = true
		out = append(out, *a.orgs[*t.OrganizationID])
	}
	slices.SortFunc(out, func(x, y Organization) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

func lastPosition[T any](rows []T, at func(T) position, from position) position {
	if len(rows) == 0 {
		return from
	}
	return at(rows[len(rows)-1])
}

// cursorPage answers a cursor export. An empty page gives the asked cursor back; asked by start_time there is none yet
// and the cursor stands before the first row at or after it.
func (s *Server) cursorPage(w http.ResponseWriter, r *http.Request, body map[string]any, last position, found, more bool) {
	if !found && last.id < 0 {
		last = position{last.at - 1, 1 << 62}
	}
	cursor := last.cursor()
	body["after_cursor"], body["after_url"] = cursor, s.pageURL(r, "cursor", cursor)
	body["before_cursor"], body["before_url"] = nil, nil
	body["end_of_stream"] = !more
	s.json(w, http.StatusOK, body)
}

// timePage answers a time-based export. As recorded, end_time is one past the last row while there is more, and the
// second of the last row at the end, so that the next poll gets that second again. Without rows both are null.
func (s *Server) timePage(w http.ResponseWriter, r *http.Request, body map[string]any, count int, last position, more bool) {
	body["count"], body["end_of_stream"] = count, !more
	body["end_time"], body["next_page"] = nil, nil
	if count > 0 {
		end := last.at
		if more {
			end++
		}
		body["end_time"] = end
		body["next_page"] = s.pageURL(r, "start_time", strconv.FormatInt(end, 10))
	}
	s.json(w, http.StatusOK, body)
}

func userPosition(u User) position { return position{u.UpdatedAt.Unix(), u.ID} }

func (a *Account) exportedUsers() []User {
	users := a.sortedUsers()
	slices.SortStableFunc(users, func(x, y User) int { return x.UpdatedAt.Compare(y.UpdatedAt) })
	return users
}

func (s *Server) usersCursor(w http.ResponseWriter, r *http.Request) {
	from, ok := s.exportStart(w, r)
	if !ok {
		return
	}
	s.Account.mu.Lock()
	rows, more := window(s.Account.exportedUsers(), userPosition, from, s.until(s.opts.HideOthers), s.pageSize(r))
	body := s.Account.userPage(r, rows)
	s.Account.mu.Unlock()
	s.cursorPage(w, r, body, lastPosition(rows, userPosition, from), len(rows) > 0, more)
}

func (s *Server) usersTime(w http.ResponseWriter, r *http.Request) {
	start, ok := s.startTime(w, r)
	if !ok {
		return
	}
	s.Account.mu.Lock()
	rows, more := timeWindow(s.Account.exportedUsers(), userPosition, start, s.until(s.opts.HideOthers), s.pageSize(r))
	body := s.Account.userPage(r, rows)
	s.Account.mu.Unlock()
	s.timePage(w, r, body, len(rows), lastPosition(rows, userPosition, position{start, 0}), more)
}

// userPage adds the identities sideload where asked. The account must be locked.
func (a *Account) userPage(r *http.Request, rows []User) map[string]any {
	body := map[string]any{"users": nonNil(rows)}
	if strings.Contains(r.URL.Query().Get("include"), "identities") {
		all := []Identity{}
		for _, u := range rows {
			all = append(all, a.identity[u.ID]...)
		}
		body["identities"] = all
	}
	return body
}

func organizationPosition(o Organization) position { return position{o.UpdatedAt.Unix(), o.ID} }

func (s *Server) organizationsTime(w http.ResponseWriter, r *http.Request) {
	start, ok := s.startTime(w, r)
	if !ok {
		return
	}
	all := s.Account.Organizations()
	slices.SortStableFunc(all, func(x, y Organization) int { return x.UpdatedAt.Compare(y.UpdatedAt) })
	rows, more := timeWindow(all, organizationPosition, start, s.until(s.opts.HideOthers), s.pageSize(r))
	body := map[string]any{"organizations": nonNil(rows)}
	s.timePage(w, r, body, len(rows), lastPosition(rows, organizationPosition, position{start, 0}), more)
}

func auditPosition(r auditRef) position { return position{r.at, r.id} }

func (s *Server) ticketEventsTime(w http.ResponseWriter, r *http.Request) {
	start, ok := s.startTime(w, r)
	if !ok {
		return
	}
	comments := strings.Contains(r.URL.Query().Get("include"), "comment_events")
	a := s.Account
	a.mu.Lock()
	refs, more := timeWindow(a.exportedAudits(), auditPosition, start, s.until(s.opts.HideTickets), s.pageSize(r))
	rows := make([]TicketEvent, 0, len(refs))
	for _, ref := range refs {
		rows = append(rows, ticketEvent(a.tickets[ref.ticket].audits[ref.index], comments))
	}
	last := lastPosition(refs, auditPosition, position{start, 0})
	a.mu.Unlock()
	s.timePage(w, r, map[string]any{"ticket_events": rows}, len(rows), last, more)
}

// TicketEvents returns the whole ticket event export with comments, whatever a server hides of it.
func (a *Account) TicketEvents() []TicketEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	rows := make([]TicketEvent, 0, len(a.audits))
	for _, ref := range a.sortedAudits() {
		rows = append(rows, ticketEvent(a.tickets[ref.ticket].audits[ref.index], true))
	}
	return rows
}

func (s *Server) metricEventsTime(w http.ResponseWriter, r *http.Request) {
	start, ok := s.startTime(w, r)
	if !ok {
		return
	}
	changes := r.URL.Query().Get("include_changes") == "true"
	at := func(e MetricEvent) position { return position{e.Time.Unix(), e.ID} }
	if changes {
		at = func(e MetricEvent) position { return position{e.changed, e.ID} }
	}
	s.Account.mu.Lock()
	s.Account.breach(s.opts.Now())
	all := s.Account.sortedMetrics(changes)
	s.Account.mu.Unlock()
	rows, more := timeWindow(all, at, start, s.until(s.opts.HideOthers), s.pageSize(r))
	body := map[string]any{"ticket_metric_events": nonNil(rows)}
	s.timePage(w, r, body, len(rows), lastPosition(rows, at, position{start, 0}), more)
}

// sample answers the small probe of an export, 50 rows by time.
func (s *Server) sample(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	q.Set("per_page", "50")
	inner := r.Clone(r.Context())
	inner.URL.RawQuery = q.Encode()
	switch r.PathValue("resource") {
	case "tickets":
		s.ticketsTime(w, inner)
	case "users":
		s.usersTime(w, inner)
	case "organizations":
		s.organizationsTime(w, inner)
	case "ticket_events":
		s.ticketEventsTime(w, inner)
	default:
		s.notFound(w)
	}
}

// plain gives a ticket without what only exports show.
func plain(t Ticket) Ticket {
	t.GeneratedTimestamp = 0
	return t
}
