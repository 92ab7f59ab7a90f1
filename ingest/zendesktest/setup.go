package zendesktest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CreateOrganization makes an organization.
func (a *Account) CreateOrganization(at time.Time, name, externalID string, domains ...string) Organization {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	if domains == nil {
		domains = []string{}
	}
	o := &Organization{
		ID: a.nextID(), Name: name, ExternalID: optional(externalID), CreatedAt: at, UpdatedAt: at,
		DomainNames: domains, Tags: []string{}, OrganizationFields: map[string]any{},
	}
	o.URL = a.url("organizations/" + strconv.FormatInt(o.ID, 10))
	a.orgs[o.ID] = o
	a.emitOrganization(at, o, "created", map[string]any{})
	return *o
}

// RenameOrganization changes the name.
func (a *Account) RenameOrganization(at time.Time, id int64, name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	o, ok := a.orgs[id]
	if !ok {
		return fmt.Errorf("organization %d: %w", id, ErrNotFound)
	}
	before := o.Name
	o.Name, o.UpdatedAt = name, clock(at, o.UpdatedAt)
	a.emitOrganization(o.UpdatedAt, o, "name_changed", fromTo(name, before))
	return nil
}

// MergeOrganizations moves users, tickets and domains of one organization to another and deletes it. Tickets move without an audit.
func (a *Account) MergeOrganizations(at time.Time, loser, winner int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, into := a.orgs[loser], a.orgs[winner]
	if from == nil || into == nil || loser == winner || into.DeletedAt != nil {
		return fmt.Errorf("merge of organization %d into %d: %w", loser, winner, ErrInvalid)
	}
	at = clock(clock(at, from.UpdatedAt), into.UpdatedAt)
	into.DomainNames, into.UpdatedAt = slices.Concat(into.DomainNames, from.DomainNames), at
	for _, u := range a.users {
		if u.OrganizationID != nil && *u.OrganizationID == loser {
			u.UpdatedAt = clock(at, u.UpdatedAt)
			a.join(u.UpdatedAt, u, winner, true)
		}
	}
	for _, r := range a.tickets {
		if r.OrganizationID != nil && *r.OrganizationID == loser {
			r.OrganizationID, r.GeneratedTimestamp = ptr(winner), max(r.GeneratedTimestamp, at.Unix())
		}
	}
	id := "01HPZM6206BF4G63783E" + strconv.FormatInt(a.nextID(), 10)
	a.orgMerge = append(slices.Clone(a.orgMerge), OrganizationMerge{id, loser, winner, "complete", a.url("organization_merges/" + id)})
	return a.deleteOrganization(at, loser)
}

// DeleteOrganization deletes an organization; the export shows it once more with deleted_at.
func (a *Account) DeleteOrganization(at time.Time, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deleteOrganization(at, id)
}

func (a *Account) deleteOrganization(at time.Time, id int64) error {
	o, ok := a.orgs[id]
	if !ok || o.DeletedAt != nil {
		return fmt.Errorf("organization %d: %w", id, ErrNotFound)
	}
	o.UpdatedAt = clock(at, o.UpdatedAt)
	o.DeletedAt = ptr(o.UpdatedAt)
	a.members = slices.DeleteFunc(slices.Clone(a.members), func(m Membership) bool { return m.OrganizationID == id })
	for _, u := range a.users {
		if u.OrganizationID != nil && *u.OrganizationID == id {
			u.OrganizationID, u.UpdatedAt = nil, clock(at, u.UpdatedAt)
		}
	}
	a.emitOrganization(o.UpdatedAt, o, "deleted", map[string]any{})
	return nil
}

// CreateGroup makes an agent group; the first one is the default.
func (a *Account) CreateGroup(at time.Time, name string) Group {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	g := Group{ID: a.nextID(), IsPublic: true, Name: name, Default: len(a.groups) == 0, CreatedAt: at, UpdatedAt: at}
	g.URL = a.url("groups/" + strconv.FormatInt(g.ID, 10))
	a.groups = append(slices.Clone(a.groups), g)
	return g
}

// CreateBrand makes a brand; the first one is the default.
func (a *Account) CreateBrand(at time.Time, name string) Brand {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	sub := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	b := Brand{
		ID: a.nextID(), Name: name, Subdomain: sub, BrandURL: "https://" + sub + ".zendesk.com", Active: true,
		Default: len(a.brands) == 0, HelpCenterState: "disabled", TicketFormIDs: []int64{}, SignatureTemplate: "{{agent.signature}}",
		CreatedAt: at, UpdatedAt: at,
	}
	b.URL = a.url("brands/" + strconv.FormatInt(b.ID, 10))
	a.brands = append(slices.Clone(a.brands), b)
	return b
}

// CreateTicketForm makes a ticket form; the first one is the default, which tickets have that name none.
func (a *Account) CreateTicketForm(at time.Time, name, displayName string) TicketForm {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	f := TicketForm{
		ID: a.nextID(), Name: name, RawName: name, DisplayName: displayName, RawDisplayName: displayName, EndUserVisible: true,
		Position: len(a.forms) + 1, TicketFieldIDs: []int64{}, Active: true, Default: len(a.forms) == 0, InAllBrands: true,
		RestrictedBrandIDs: []int64{}, EndUserConditions: []any{}, AgentConditions: []any{}, CreatedAt: at, UpdatedAt: at,
	}
	f.URL = a.url("ticket_forms/" + strconv.FormatInt(f.ID, 10))
	a.forms = append(slices.Clone(a.forms), f)
	return f
}

// CreateSchedule makes a table of business hours. Zone is Zendesk's own name or an IANA one.
func (a *Account) CreateSchedule(at time.Time, name, zone string, hours []Interval, holidays ...Holiday) Schedule {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	s := Schedule{ID: a.nextID(), Name: name, TimeZone: zone, Intervals: hours, CreatedAt: at, UpdatedAt: at}
	for i := range holidays {
		holidays[i].ID = a.nextID()
	}
	a.schedule = append(slices.Clone(a.schedule), s)
	a.holidays[s.ID] = append([]Holiday{}, holidays...)
	return s
}

// SetHolidays puts other holidays in the place of those that a schedule has. As in Zendesk its updated_at stays.
func (a *Account) SetHolidays(schedule int64, holidays ...Holiday) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range holidays {
		holidays[i].ID = a.nextID()
	}
	a.holidays[schedule] = append([]Holiday{}, holidays...)
}

// DeleteSchedule takes a schedule out of the list, which is all that Zendesk shows of it.
func (a *Account) DeleteSchedule(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.schedule = slices.DeleteFunc(slices.Clone(a.schedule), func(s Schedule) bool { return s.ID == id })
	delete(a.holidays, id)
}

// AddField adds a ticket, user or organization field; owner is the first word of its endpoint.
func (a *Account) AddField(at time.Time, owner, kind, key, title string, options ...string) Field {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	f := Field{
		ID: a.nextID(), Type: kind, Title: title, RawTitle: title, Position: len(a.fields[owner]), Active: true,
		CreatedAt: at, UpdatedAt: at,
	}
	if owner != "ticket" {
		f.Key = key
	}
	for _, o := range options {
		f.CustomOption = append(f.CustomOption, Option{ID: a.nextID(), Name: o, Value: strings.ToLower(strings.ReplaceAll(o, " ", "_"))})
	}
	f.URL = a.url(owner + "_fields/" + strconv.FormatInt(f.ID, 10))
	a.fields[owner] = append(slices.Clone(a.fields[owner]), f)
	return f
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
