package zendesktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options set up a Server. With the zero value nobody can sign in, and limits and clock are Zendesk's.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// APITokens maps an API token to the e-mail of the user who holds it; "" stands for any user of the account.
	APITokens map[string]string
	// Clients are the OAuth clients.
	Clients []OAuthClient
	// IncrementalPerMinute bounds all /incremental/ endpoints together; zero means 10, as Zendesk does, negative no bound.
	IncrementalPerMinute int
	// PerMinute bounds all requests; zero means 700, negative no bound.
	PerMinute int
	// HideTickets is how much of the newest past tickets and ticket_events leave out; zero means one minute,
	// negative nothing.
	HideTickets time.Duration
	// HideOthers is the same for the other exports; zero means one second, so that ties are never split by a later
	// change in the same second.
	HideOthers time.Duration
	// PageSize is the size of export pages and the upper bound of per_page; zero means 1000.
	PageSize int
	// DenyAuthorization makes the OAuth consent page answer access_denied.
	DenyAuthorization bool
}

// Request is one request the server got; Query is raw.
type Request struct {
	Method string
	Path   string
	Query  string
	At     time.Time
	Status int
}

// Server serves an Account over Zendesk's REST API and OAuth. It is safe for concurrent use.
type Server struct {
	Account *Account

	opts   Options
	mux    *http.ServeMux
	oauth  *oauth
	limits *limits

	mu         sync.Mutex
	requests   []Request
	violations []string
	faults     []*Fault
	last       map[string][]byte
	listener   *http.Server
	url        string
}

// NewServer returns a server of the account. It does not listen yet: use it as http.Handler or call Listen.
func NewServer(a *Account, o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.IncrementalPerMinute = standard(o.IncrementalPerMinute, 10)
	o.PerMinute = standard(o.PerMinute, 700)
	o.HideTickets = standard(o.HideTickets, time.Minute)
	o.HideOthers = standard(o.HideOthers, time.Second)
	o.PageSize = standard(o.PageSize, 1000)
	s := &Server{
		Account: a, opts: o, mux: http.NewServeMux(), oauth: newOAuth(a.Subdomain, o.Clients, o.Now),
		limits: newLimits(o.Now), last: map[string][]byte{},
	}
	s.routes()
	return s
}

func standard[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return max(v, -1)
}

// Listen serves on an address like 127.0.0.1:0 until Close; URL then names it.
func (s *Server) Listen(addr string) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return fmt.Errorf("simulated account: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	s.listener, s.url = server, "http://"+l.Addr().String()
	s.mu.Unlock()
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.violate(fmt.Sprintf("server stopped: %v", err))
		}
	}()
	return nil
}

// URL is the base address after Listen, without a final slash; "" before.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Close ends listening and drops open connections when ctx ends first.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	server := s.listener
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// keptRequests bounds the list of requests, so that a demo may run for weeks.
const keptRequests = 50_000

// Requests returns the requests so far, or at least the latest 45,000, in the order of their answers.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ForgetRequests empties the list of requests.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Violations returns what a read-only client must never do: any method but GET under /api/v2, webhooks and OAuth tokens
// excepted.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

func (s *Server) violate(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, what)
}

// ServeHTTP answers one request and records it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	log := &answer{ResponseWriter: w, status: http.StatusOK}
	path := cleanPath(r.URL.Path)
	s.checkMethod(r.Method, path)
	defer s.record(r.Method, r.URL, log)
	if f := s.fault(r.Method, path); f != nil && s.misbehave(log, r, f) {
		return
	}
	if !s.allow(log, r.Method, path) {
		return
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = path
	log.Header().Set("X-Zendesk-Api-Version", "v2")
	log.Header().Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	s.mux.ServeHTTP(log, inner)
	if log.status == http.StatusOK && len(log.body) > 0 && repeatable(path) {
		s.mu.Lock()
		s.last[path] = log.body
		s.mu.Unlock()
	}
}

// repeatable says whether the last page of a path is kept for a Duplicate fault: the polled lists, not single things.
func repeatable(path string) bool {
	return strings.HasPrefix(path, "/api/v2/incremental/") || path == "/api/v2/satisfaction_ratings"
}

// answer keeps the status and the body of JSON answers, for the request log and for duplicated pages.
type answer struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (s *Server) record(method string, u *url.URL, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= keptRequests {
		s.requests = slices.Delete(s.requests, 0, keptRequests/10)
	}
	s.requests = append(s.requests, Request{method, u.Path, u.RawQuery, s.opts.Now(), a.status})
}

// cleanPath takes the .json suffix off, which every endpoint knows.
func cleanPath(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".json")
}

func (s *Server) checkMethod(method, path string) {
	if method == http.MethodGet || method == http.MethodHead || !strings.HasPrefix(path, "/api/") {
		return
	}
	if strings.HasPrefix(path, "/api/v2/webhooks") || strings.HasPrefix(path, "/api/v2/oauth/") {
		return
	}
	s.violate(method + " " + path)
}

func (s *Server) json(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if a, ok := w.(*answer); ok {
		a.body = data
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data) // A client that left needs no answer.
}

func (s *Server) fail(w http.ResponseWriter, status int, code, description string) {
	s.json(w, status, map[string]any{"error": code, "description": description})
}

func (s *Server) notFound(w http.ResponseWriter) {
	s.fail(w, http.StatusNotFound, "RecordNotFound", "Not found")
}

// forbidden is Zendesk's answer to a known user without the right.
func (s *Server) forbidden(w http.ResponseWriter) {
	s.json(w, http.StatusForbidden, map[string]any{"error": map[string]any{
		"title":   "Forbidden",
		"message": "You do not have access to this page. Please contact the account owner of this help desk for further help.",
	}})
}

func (s *Server) routes() {
	admin := func(h http.HandlerFunc) http.HandlerFunc { return s.need("admin", "read", h) }
	agent := func(h http.HandlerFunc) http.HandlerFunc { return s.need("agent", "read", h) }
	for path, h := range map[string]http.HandlerFunc{
		"GET /api/v2/users/me":                               s.me,
		"GET /api/v2/oauth/tokens/current":                   s.currentToken,
		"GET /api/v2/incremental/tickets/cursor":             admin(s.ticketsCursor),
		"GET /api/v2/incremental/tickets":                    admin(s.ticketsTime),
		"GET /api/v2/incremental/users/cursor":               admin(s.usersCursor),
		"GET /api/v2/incremental/users":                      admin(s.usersTime),
		"GET /api/v2/incremental/organizations":              admin(s.organizationsTime),
		"GET /api/v2/incremental/ticket_events":              admin(s.ticketEventsTime),
		"GET /api/v2/incremental/ticket_metric_events":       admin(s.metricEventsTime),
		"GET /api/v2/incremental/{resource}/sample":          admin(s.sample),
		"GET /api/v2/satisfaction_ratings":                   admin(s.satisfactionRatings),
		"GET /api/v2/guide/survey_responses":                 admin(s.surveyResponses),
		"GET /api/v2/search/count":                           agent(s.searchCount),
		"GET /api/v2/tickets/{id}":                           agent(s.ticket),
		"GET /api/v2/tickets/{id}/audits":                    agent(s.ticketAudits),
		"GET /api/v2/tickets/{id}/comments":                  agent(s.ticketComments),
		"GET /api/v2/tickets/{id}/metrics":                   agent(s.ticketMetrics),
		"GET /api/v2/users/{id}":                             agent(s.userShow),
		"GET /api/v2/users/show_many":                        agent(s.usersShowMany),
		"GET /api/v2/users/{id}/identities":                  agent(s.identities),
		"GET /api/v2/users/{id}/organization_memberships":    agent(s.userMemberships),
		"GET /api/v2/organization_memberships":               agent(s.memberships),
		"GET /api/v2/organizations/{id}":                     agent(s.organization),
		"GET /api/v2/organizations":                          agent(s.organizations),
		"GET /api/v2/organizations/{id}/merges":              admin(s.organizationMerges),
		"GET /api/v2/groups":                                 agent(s.groups),
		"GET /api/v2/brands":                                 agent(s.brands),
		"GET /api/v2/ticket_forms":                           agent(s.ticketForms),
		"GET /api/v2/custom_statuses":                        agent(s.customStatuses),
		"GET /api/v2/business_hours/schedules":               agent(s.schedules),
		"GET /api/v2/business_hours/schedules/{id}/holidays": agent(s.holidays),
		"GET /api/v2/ticket_fields":                          agent(s.fields("ticket")),
		"GET /api/v2/user_fields":                            agent(s.fields("user")),
		"GET /api/v2/organization_fields":                    agent(s.fields("organization")),
		"POST /api/v2/webhooks":                              s.need("admin", "webhooks:write", s.createWebhook),
		"GET /api/v2/webhooks":                               admin(s.webhooks),
		"GET /api/v2/webhooks/{id}":                          admin(s.webhook),
		"GET /api/v2/webhooks/{id}/signing_secret":           admin(s.signingSecret),
		"POST /oauth/tokens":                                 s.token,
		"GET /oauth/authorizations/new":                      s.authorize,
	} {
		s.mux.HandleFunc(path, h)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.fail(w, http.StatusNotFound, "InvalidEndpoint", "Not found")
	})
}
