package zendesktest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func pathID(r *http.Request) int64 {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (s *Server) ticket(w http.ResponseWriter, r *http.Request) {
	a := s.Account
	a.mu.Lock()
	t, err := a.record(pathID(r))
	if err != nil || t.Status == "deleted" {
		a.mu.Unlock()
		s.notFound(w)
		return
	}
	page := a.ticketPage(r, []*record{t})
	a.mu.Unlock()
	rows, _ := page["tickets"].([]ticketRow)
	rows[0].Ticket = plain(rows[0].Ticket)
	delete(page, "tickets")
	page["ticket"] = rows[0]
	s.json(w, http.StatusOK, page)
}

// visibleAudits returns the audits of a ticket that was not deleted for good.
func (a *Account) visibleAudits(id int64) ([]Audit, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.record(id)
	if err != nil || t.scrubbed {
		return nil, false
	}
	return slices.Clone(t.audits), true
}

func (s *Server) ticketAudits(w http.ResponseWriter, r *http.Request) {
	rows, ok := s.Account.visibleAudits(pathID(r))
	if !ok {
		s.notFound(w)
		return
	}
	list(s, w, r, "audits", rows, func(a Audit) int64 { return a.ID })
}

// listedComment is a comment as /tickets/{id}/comments shows it.
type listedComment struct {
	Comment
	Via       Via           `json:"via"`
	CreatedAt time.Time     `json:"created_at"`
	Metadata  AuditMetadata `json:"metadata"`
}

func (s *Server) ticketComments(w http.ResponseWriter, r *http.Request) {
	audits, ok := s.Account.visibleAudits(pathID(r))
	if !ok {
		s.notFound(w)
		return
	}
	rows := []listedComment{}
	for _, a := range audits {
		for _, e := range a.Events {
			if e.Comment != nil {
				rows = append(rows, listedComment{*e.Comment, a.Via, a.CreatedAt, a.Metadata})
			}
		}
	}
	list(s, w, r, "comments", rows, func(c listedComment) int64 { return c.ID })
}

func (s *Server) ticketMetrics(w http.ResponseWriter, r *http.Request) {
	a := s.Account
	a.mu.Lock()
	t, err := a.record(pathID(r))
	var m MetricSet
	if err == nil {
		m = a.metricSet(t)
	}
	a.mu.Unlock()
	if err != nil {
		s.notFound(w)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"ticket_metric": m})
}

// satisfactionRatings lists ratings from the oldest change on; start_time and end_time filter by the last change,
// because a rating that is changed must be found again.
func (s *Server) satisfactionRatings(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	start, _ := strconv.ParseInt(q.Get("start_time"), 10, 64)
	end, err := strconv.ParseInt(q.Get("end_time"), 10, 64)
	if err != nil {
		end = 1<<62 - 1
	}
	rows := slices.DeleteFunc(s.Account.Ratings(), func(x Rating) bool {
		at := x.UpdatedAt.Unix()
		return at < start || at > end || !scoreMatches(q.Get("score"), x)
	})
	slices.SortStableFunc(rows, func(x, y Rating) int { return cmp.Or(x.UpdatedAt.Compare(y.UpdatedAt), cmp.Compare(x.ID, y.ID)) })
	list(s, w, r, "satisfaction_ratings", rows, func(x Rating) int64 { return x.ID })
}

func scoreMatches(want string, r Rating) bool {
	word, rest, _ := strings.Cut(want, "_")
	commented := r.Comment != nil
	switch {
	case rest == "with_comment" && !commented, rest == "without_comment" && commented:
		return false
	case word == "received":
		return r.Score == "good" || r.Score == "bad"
	}
	return word == "" || word == r.Score
}

func (s *Server) userShow(w http.ResponseWriter, r *http.Request) {
	u, err := s.Account.User(pathID(r))
	if err != nil {
		s.notFound(w)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"user": u})
}

func (s *Server) usersShowMany(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ids := strings.Split(q.Get("ids"), ",")
	if len(ids) > 100 {
		s.json(w, http.StatusBadRequest, map[string]any{
			"error": "TooManyValues", "description": "Parameter ids cannot specify more than 100 values", "max_count": 100,
		})
		return
	}
	rows := []User{}
	for _, text := range ids {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			continue
		}
		if u, err := s.Account.User(id); err == nil {
			rows = append(rows, u)
		}
	}
	s.json(w, http.StatusOK, map[string]any{"users": rows, "count": len(rows), "next_page": nil, "previous_page": nil})
}

// Identities returns the identities of a user.
func (a *Account) Identities(userID int64) []Identity {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.identity[userID])
}

func (s *Server) identities(w http.ResponseWriter, r *http.Request) {
	id := pathID(r)
	if u, err := s.Account.User(id); err != nil || u.PermanentlyDeleted != nil && *u.PermanentlyDeleted {
		s.notFound(w)
		return
	}
	list(s, w, r, "identities", s.Account.Identities(id), func(i Identity) int64 { return i.ID })
}

// Memberships returns all organization memberships.
func (a *Account) Memberships() []Membership {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.members)
}

func (s *Server) memberships(w http.ResponseWriter, r *http.Request) {
	list(s, w, r, "organization_memberships", s.Account.Memberships(), func(m Membership) int64 { return m.ID })
}

func (s *Server) userMemberships(w http.ResponseWriter, r *http.Request) {
	id := pathID(r)
	rows := slices.DeleteFunc(s.Account.Memberships(), func(m Membership) bool { return m.UserID != id })
	list(s, w, r, "organization_memberships", rows, func(m Membership) int64 { return m.ID })
}

func (s *Server) organizations(w http.ResponseWriter, r *http.Request) {
	rows := slices.DeleteFunc(s.Account.Organizations(), func(o Organization) bool { return o.DeletedAt != nil })
	list(s, w, r, "organizations", rows, func(o Organization) int64 { return o.ID })
}

// organizationMerges lists the merges that an organization was part of.
func (s *Server) organizationMerges(w http.ResponseWriter, r *http.Request) {
	a, id := s.Account, pathID(r)
	a.mu.Lock()
	rows := slices.DeleteFunc(slices.Clone(a.orgMerge), func(m OrganizationMerge) bool { return m.LoserID != id && m.WinnerID != id })
	a.mu.Unlock()
	list(s, w, r, "organization_merges", rows, func(m OrganizationMerge) int64 { return m.LoserID })
}

func (s *Server) organization(w http.ResponseWriter, r *http.Request) {
	for _, o := range s.Account.Organizations() {
		if o.ID == pathID(r) && o.DeletedAt == nil {
			s.json(w, http.StatusOK, map[string]any{"organization": o})
			return
		}
	}
	s.notFound(w)
}

func (s *Server) groups(w http.ResponseWriter, r *http.Request) {
	list(s, w, r, "groups", s.Account.Groups(), func(g Group) int64 { return g.ID })
}

func (s *Server) brands(w http.ResponseWriter, r *http.Request) {
	list(s, w, r, "brands", s.Account.Brands(), func(b Brand) int64 { return b.ID })
}

func (s *Server) ticketForms(w http.ResponseWriter, r *http.Request) {
	list(s, w, r, "ticket_forms", s.Account.TicketForms(), func(f TicketForm) int64 { return f.ID })
}

// customStatuses answers all at once: this list has no pages.
func (s *Server) customStatuses(w http.ResponseWriter, _ *http.Request) {
	s.json(w, http.StatusOK, map[string]any{"custom_statuses": customStatuses()})
}

func (s *Server) schedules(w http.ResponseWriter, _ *http.Request) {
	s.Account.mu.Lock()
	rows := nonNil(slices.Clone(s.Account.schedule))
	s.Account.mu.Unlock()
	s.json(w, http.StatusOK, map[string]any{"schedules": rows})
}

func (s *Server) holidays(w http.ResponseWriter, r *http.Request) {
	s.Account.mu.Lock()
	rows, ok := s.Account.holidays[pathID(r)]
	s.Account.mu.Unlock()
	if !ok {
		s.notFound(w)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"holidays": nonNil(rows)})
}

func (s *Server) fields(owner string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.Account.mu.Lock()
		rows := slices.Clone(s.Account.fields[owner])
		s.Account.mu.Unlock()
		list(s, w, r, owner+"_fields", rows, func(f Field) int64 { return f.ID })
	}
}

func webhookBody(h Subscription) map[string]any {
	events := h.Events
	if len(events) == 0 {
		events = []string{"conditional_ticket_events"}
	}
	status := "inactive"
	if h.Active {
		status = "active"
	}
	return map[string]any{
		"id": h.ID, "name": h.Name, "description": nil, "status": status, "subscriptions": events,
		"created_at": stamp(h.CreatedAt), "created_by": strconv.FormatInt(h.CreatedBy, 10), "endpoint": h.Endpoint,
		"http_method": http.MethodPost, "request_format": "json",
	}
}

// createWebhook registers an event subscription; a trigger-connected webhook is registered too but nothing is sent to it.
func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Webhook struct {
			Name          string   `json:"name"`
			Endpoint      string   `json:"endpoint"`
			Method        string   `json:"http_method"`
			Format        string   `json:"request_format"`
			Status        string   `json:"status"`
			Subscriptions []string `json:"subscriptions"`
		} `json:"webhook"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&req); err != nil {
		s.webhookInvalid(w, "body is not JSON")
		return
	}
	h := req.Webhook
	target, err := url.Parse(h.Endpoint)
	switch {
	case h.Name == "":
		s.webhookInvalid(w, "name is required")
	case err != nil || target.Host == "":
		s.webhookInvalid(w, "endpoint must be an absolute URL")
	case h.Method != http.MethodPost || h.Format != "json":
		s.webhookInvalid(w, "event subscriptions need http_method POST and request_format json")
	case len(h.Subscriptions) == 0 || h.Status != "active" && h.Status != "inactive":
		s.webhookInvalid(w, "subscriptions and status (active or inactive) are required")
	default:
		made := s.Account.subscribe(s.opts.Now(), Subscription{
			Name: h.Name, Endpoint: h.Endpoint, Events: h.Subscriptions, Active: h.Status == "active", CreatedBy: callerOf(r).user.ID,
		})
		s.json(w, http.StatusCreated, map[string]any{"webhook": webhookBody(made)})
	}
}

func (s *Server) webhookInvalid(w http.ResponseWriter, detail string) {
	s.json(w, http.StatusBadRequest, map[string]any{"errors": []any{map[string]any{
		"code": "InvalidRequest", "title": "Invalid request", "detail": detail,
	}}})
}

func (s *Server) webhooks(w http.ResponseWriter, _ *http.Request) {
	rows := []map[string]any{}
	for _, h := range s.Account.Subscriptions() {
		rows = append(rows, webhookBody(h))
	}
	s.json(w, http.StatusOK, map[string]any{
		"webhooks": rows, "meta": map[string]any{"has_more": false, "after_cursor": nil, "before_cursor": nil},
		"links": map[string]any{"next": nil, "prev": nil},
	})
}

func (s *Server) findWebhook(w http.ResponseWriter, r *http.Request, answer func(Subscription) map[string]any) {
	for _, h := range s.Account.Subscriptions() {
		if h.ID == r.PathValue("id") {
			s.json(w, http.StatusOK, answer(h))
			return
		}
	}
	s.json(w, http.StatusNotFound, map[string]any{"errors": []any{map[string]any{
		"code": "WebhookNotFound", "title": "Webhook not found",
	}}})
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	s.findWebhook(w, r, func(h Subscription) map[string]any { return map[string]any{"webhook": webhookBody(h)} })
}

func (s *Server) signingSecret(w http.ResponseWriter, r *http.Request) {
	s.findWebhook(w, r, func(h Subscription) map[string]any {
		return map[string]any{"signing_secret": map[string]any{"secret": h.Secret, "algorithm": "SHA256"}}
	})
}
