package zendesktest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// LoadSample reads an account laid out as files of API answers: incremental/tickets/cursor-*.json,
// incremental/users/cursor-*.json, incremental/ticket_metric_events.json, tickets/ID/audits.json,
// satisfaction_ratings.json, organizations|groups|brands.json, business_hours/schedules.json and
// business_hours/holidays/ID.json. Only tickets and users are required. The account makes no webhooks for what it read;
// changes made to it later do.
func LoadSample(dir string) (*Account, error) {
	a := NewAccount("example")
	steps := []func(string) error{
		a.loadUsers, a.loadTickets, a.loadAudits, a.loadRatings, a.loadMetricEvents, a.loadSettings, a.loadSchedules,
	}
	for _, step := range steps {
		if err := step(dir); err != nil {
			return nil, fmt.Errorf("sample %s: %w", dir, err)
		}
	}
	return a, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readOptional leaves into alone when there is no such file.
func readOptional(path string, into any) error {
	err := readJSON(path, into)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func pages(dir, pattern string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: %w", pattern, ErrNotFound)
	}
	slices.Sort(paths)
	return paths, nil
}

func (a *Account) loadUsers(dir string) error {
	paths, err := pages(dir, "incremental/users/cursor-*.json")
	if err != nil {
		return err
	}
	for _, path := range paths {
		var page struct {
			Users []User `json:"users"`
		}
		if err := readJSON(path, &page); err != nil {
			return err
		}
		for _, u := range page.Users {
			a.loadUser(u)
		}
	}
	return nil
}

func (a *Account) loadUser(u User) {
	if u.Tags == nil {
		u.Tags = []string{}
	}
	if u.UserFields == nil {
		u.UserFields = map[string]any{}
	}
	a.users[u.ID] = &u
	if !u.Active {
		return
	}
	for kind, value := range map[string]*string{"email": u.Email, "phone_number": u.Phone} {
		if value == nil {
			continue
		}
		// An id of its own that does not depend on the order of the rows.
		i := Identity{
			ID: u.ID*10 + int64(len(kind)%10), UserID: u.ID, Type: kind, Value: *value, Verified: u.Verified,
			VerificationMethod: "low", Primary: true, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, DeliverableState: "deliverable",
		}
		i.URL = a.url(fmt.Sprintf("users/%d/identities/%d", u.ID, i.ID))
		a.identity[u.ID] = append(a.identity[u.ID], i)
	}
	slices.SortFunc(a.identity[u.ID], func(x, y Identity) int { return int(x.ID - y.ID) })
}

func (a *Account) loadTickets(dir string) error {
	paths, err := pages(dir, "incremental/tickets/cursor-*.json")
	if err != nil {
		return err
	}
	for _, path := range paths {
		var page struct {
			Tickets []Ticket `json:"tickets"`
		}
		if err := readJSON(path, &page); err != nil {
			return err
		}
		for _, t := range page.Tickets {
			t.fill()
			r := &record{Ticket: t, supportType: "agent", scrubbed: t.Subject == "SCRUBBED"}
			a.tickets[t.ID] = r
			a.lastTicket = max(a.lastTicket, t.ID)
		}
	}
	return nil
}

func (a *Account) loadAudits(dir string) error {
	for id, r := range a.tickets {
		var page struct {
			Audits []Audit `json:"audits"`
		}
		path := filepath.Join(dir, "tickets", strconv.FormatInt(id, 10), "audits.json")
		if err := readOptional(path, &page); err != nil {
			return err
		}
		for _, audit := range page.Audits {
			a.audits = append(a.audits, auditRef{audit.CreatedAt.Unix(), audit.ID, id, len(r.audits)})
			r.audits = append(r.audits, audit)
			r.remember(audit)
		}
	}
	a.auditsSorted = false
	return nil
}

// remember keeps what a later restore needs to know.
func (r *record) remember(audit Audit) {
	for _, e := range audit.Events {
		if e.FieldName == "status" && e.Value == "deleted" {
			r.before, _ = e.PreviousValue.(string)
		}
	}
}

func (a *Account) loadRatings(dir string) error {
	var page struct {
		Ratings []*Rating `json:"satisfaction_ratings"`
	}
	if err := readOptional(filepath.Join(dir, "satisfaction_ratings.json"), &page); err != nil {
		return err
	}
	a.ratings = page.Ratings
	for _, rating := range a.ratings {
		if r, ok := a.tickets[rating.TicketID]; ok {
			r.rating = rating
		}
	}
	return nil
}

func (a *Account) loadMetricEvents(dir string) error {
	var page struct {
		Events []*MetricEvent `json:"ticket_metric_events"`
	}
	if err := readOptional(filepath.Join(dir, "incremental", "ticket_metric_events.json"), &page); err != nil {
		return err
	}
	a.metrics, a.metricsSorted = page.Events, false
	for _, e := range a.metrics {
		e.changed = e.Time.Unix()
		if r, ok := a.tickets[e.TicketID]; ok && e.Metric == "reply_time" {
			r.reply.instance = max(r.reply.instance, e.InstanceID)
		}
	}
	return nil
}

func (a *Account) loadSettings(dir string) error {
	var orgs struct {
		Organizations []*Organization `json:"organizations"`
	}
	var groups struct {
		Groups []Group `json:"groups"`
	}
	var brands struct {
		Brands []Brand `json:"brands"`
	}
	err := errors.Join(
		readOptional(filepath.Join(dir, "organizations.json"), &orgs),
		readOptional(filepath.Join(dir, "groups.json"), &groups),
		readOptional(filepath.Join(dir, "brands.json"), &brands),
	)
	for _, o := range orgs.Organizations {
		o.DomainNames, o.Tags = nonNil(o.DomainNames), nonNil(o.Tags)
		if o.OrganizationFields == nil {
			o.OrganizationFields = map[string]any{}
		}
		a.orgs[o.ID] = o
	}
	a.groups, a.brands = groups.Groups, brands.Brands
	for i := range a.brands {
		a.brands[i].Active, a.brands[i].TicketFormIDs = true, nonNil(a.brands[i].TicketFormIDs)
	}
	return err
}

func (a *Account) loadSchedules(dir string) error {
	var page struct {
		Schedules []Schedule `json:"schedules"`
	}
	if err := readOptional(filepath.Join(dir, "business_hours", "schedules.json"), &page); err != nil {
		return err
	}
	a.schedule = page.Schedules
	for _, s := range a.schedule {
		var days struct {
			Holidays []Holiday `json:"holidays"`
		}
		path := filepath.Join(dir, "business_hours", "holidays", strconv.FormatInt(s.ID, 10)+".json")
		if err := readOptional(path, &days); err != nil {
			return err
		}
		a.holidays[s.ID] = days.Holidays
	}
	return nil
}

// Delivery is one line of a recording of what a receiver got: a webhook, or the answer to a poll of Path. Replay marks
// an answer that is processed again.
type Delivery struct {
	N      int             `json:"n"`
	At     time.Time       `json:"at"`
	Source string          `json:"source"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
	Replay bool            `json:"replay"`
}

// ReadDeliveries reads a recording, one JSON object a line, in its order.
func ReadDeliveries(path string) ([]Delivery, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("deliveries: %w", err)
	}
	out, err := scanDeliveries(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("deliveries %s: %w", path, err)
	}
	return out, nil
}

func scanDeliveries(r io.Reader) ([]Delivery, error) {
	var out []Delivery
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var d Delivery
		if err := json.Unmarshal(line, &d); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if d.Source != "webhook" && d.Source != "poll" {
			return nil, fmt.Errorf("line %d: source %q: %w, want webhook or poll", n, d.Source, ErrInvalid)
		}
		out = append(out, d)
	}
	return out, lines.Err()
}
