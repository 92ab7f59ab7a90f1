package reports

import (
	"context"
	"strings"
	"time"

	"deskstream/schemas"
)

// activityTicket is the ticket of an activity as it is now.
type activityTicket struct {
	Account        string     `ch:"account"`
	TicketID       int64      `ch:"ticket_id"`
	CreatedAt      time.Time  `ch:"created_at"`
	UpdatedAt      time.Time  `ch:"updated_at"`
	Description    string     `ch:"description"`
	SubmitterID    int64      `ch:"submitter_id"`
	ExternalID     string     `ch:"external_id"`
	URL            string     `ch:"url"`
	CustomFields   string     `ch:"custom_fields"`
	CSAT           string     `ch:"csat"`
	CustomStatusID int64      `ch:"custom_status_id"`
	IsPublic       uint8      `ch:"is_public"`
	DueAt          *time.Time `ch:"due_at"`
}

// activityMessages is what a ticket's activities show of its messages.
type activityMessages struct {
	Account     string `ch:"account"`
	TicketID    int64  `ch:"ticket_id"`
	Newest      string `ch:"newest"` // that the requester sees
	FirstPublic uint8  `ch:"first_public"`
}

// namedUser is somebody's name and address.
type namedUser struct {
	Account string `ch:"account"`
	UserID  int64  `ch:"user_id"`
	Name    string `ch:"name"`
	Email   string `ch:"email"`
}

func (u namedUser) firstName() string { return firstName.of(u.Name) }
func (u namedUser) lastName() string  { return lastName.of(u.Name) }

// describing is the work of giving activities what their rows do not have.
type describing struct {
	*server
	accounts []string
	rows     []*liquidActivity
}

// describeActivities gives activities what templates ask of them that their rows do not have: a query for each source, whatever their number.
func (s *server) describeActivities(ctx context.Context, accounts []string, rows []*liquidActivity, asked attributeSources) error {
	d := describing{s, accounts, rows}
	for _, step := range []struct {
		sources attributeSources
		do      func(context.Context) error
	}{
		{fromTicket, d.tickets},
		{fromTicketFields, d.ticketFields},
		{fromMessages, d.messages},
		{fromOrganizations, d.organizations},
		{fromForms, d.forms},
		{fromCustomStatuses, d.customStatuses},
		{fromGroups, d.groups},
		{fromAgents | fromAuthors, d.users},
	} {
		if asked&step.sources == 0 {
			continue
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ofTickets gives the parameters that name the tickets of the activities; ok is false when there are none.
func (d *describing) ofTickets() (p params, ok bool) {
	var ids []int64
	for _, r := range d.rows {
		if r.TicketID != 0 {
			ids = append(ids, r.TicketID)
		}
	}
	p = params{}
	p.texts("accounts", d.accounts)
	p.ints("tickets", ids)
	return p, len(ids) > 0
}

func (d *describing) tickets(ctx context.Context) error {
	p, ok := d.ofTickets()
	if !ok {
		return nil
	}
	found, err := list[activityTicket](ctx, d.server, "liquid_tickets", sqlText("liquid_tickets"), p)
	byID := map[string]*activityTicket{}
	for i := range found {
		byID[userKey(found[i].Account, found[i].TicketID)] = &found[i]
	}
	for _, r := range d.rows {
		if t := byID[userKey(r.Account, r.TicketID)]; t != nil {
			r.ticket = *t
		}
	}
	return err
}

// ticketFields finds the custom fields of the tickets under the names they have in merge tags.
func (d *describing) ticketFields(ctx context.Context) error {
	names, err := d.fieldNames(ctx, d.accounts)
	if err != nil {
		return err
	}
	keys := map[string]map[string]string{} // by account
	for _, f := range ticketFields(names) {
		if keys[f.Account] == nil {
			keys[f.Account] = map[string]string{}
		}
		keys[f.Account][idText(f.ID)] = f.Key
	}
	for _, r := range d.rows {
		values := jsonObject(r.ticket.CustomFields)
		r.customFields = make(map[string]any, 2*len(values))
		for id, v := range values {
			r.customFields[id] = v
			if key := keys[r.Account][id]; key != "" {
				r.customFields[key] = v
			}
		}
	}
	return nil
}

func (d *describing) messages(ctx context.Context) error {
	p, ok := d.ofTickets()
	if !ok {
		return nil
	}
	found, err := list[activityMessages](ctx, d.server, "liquid_messages", sqlText("liquid_messages"), p)
	byID := map[string]*activityMessages{}
	for i := range found {
		byID[userKey(found[i].Account, found[i].TicketID)] = &found[i]
	}
	for _, r := range d.rows {
		m := byID[userKey(r.Account, r.TicketID)]
		if m == nil {
			m = &activityMessages{FirstPublic: r.ticket.IsPublic} // none is known yet
		}
		if !hasMessage(r.Activity) {
			r.Message = m.Newest
		}
		if m.FirstPublic == 0 { // the description is a private note
			r.ticket.Description = ""
		}
	}
	return err
}

func (d *describing) organizations(ctx context.Context) error {
	return d.names(ctx, kindOrganization, func(r *liquidActivity) int64 { return r.OrganizationID }, func(r *liquidActivity) *string { return &r.organizationName })
}

func (d *describing) forms(ctx context.Context) error {
	return d.names(ctx, kindForm, func(r *liquidActivity) int64 { return r.FormID }, func(r *liquidActivity) *string { return &r.form })
}

func (d *describing) customStatuses(ctx context.Context) error {
	return d.names(ctx, kindCustomStatus, func(r *liquidActivity) int64 { return r.ticket.CustomStatusID }, func(r *liquidActivity) *string { return &r.customStatus })
}

func (d *describing) groups(ctx context.Context) error {
	return d.names(ctx, kindGroup, func(r *liquidActivity) int64 { return r.idIn("previous-group-id") }, func(r *liquidActivity) *string { return &r.previousGroup })
}

// names gives the activities the names of ids of a kind, as they are now.
func (d *describing) names(ctx context.Context, kind string, id func(*liquidActivity) int64, to func(*liquidActivity) *string) error {
	var keys []string
	for _, r := range d.rows {
		if key := idText(id(r)); key != "" {
			keys = append(keys, key)
		}
	}
	names, err := d.server.names(ctx, kind, d.accounts, keys)
	for _, r := range d.rows {
		*to(r) = names[idText(id(r))]
	}
	return err
}

// users names the agents that had tickets before and those who wrote messages: agents, or else people.
func (d *describing) users(ctx context.Context) error {
	var ids []int64
	for _, r := range d.rows {
		for _, id := range []int64{r.idIn("previous-assignee-id"), r.idIn("author-id")} {
			if id > 0 {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	p := params{}
	p.texts("accounts", d.accounts)
	p.ints("ids", ids)
	found, err := list[namedUser](ctx, d.server, "liquid_agents", sqlText("liquid_agents"), p)
	if err != nil {
		return err
	}
	agents := map[string]namedUser{}
	for _, u := range found {
		agents[userKey(u.Account, u.UserID)] = u
	}
	var others []string
	for _, r := range d.rows {
		r.previousAssignee, r.author = agents[userKey(r.Account, r.idIn("previous-assignee-id"))], agents[userKey(r.Account, r.idIn("author-id"))]
		if own := r.ownAuthor(); own != "" {
			others = append(others, own)
		}
	}
	return d.authors(ctx, others)
}

// ownAuthor gives the own person id of a message's author who is no agent, "" for none.
func (r *liquidActivity) ownAuthor() string {
	if id := r.idIn("author-id"); id > 0 && r.author.UserID == 0 {
		return schemas.OwnPersonID(r.Account, schemas.ZID(id))
	}
	return ""
}

// authors names the people who wrote messages, by their own ids.
func (d *describing) authors(ctx context.Context, ownIDs []string) error {
	if len(ownIDs) == 0 {
		return nil
	}
	p := params{}
	p.texts("accounts", d.accounts)
	p.texts("names", ownIDs)
	found, err := list[namedPersonRow](ctx, d.server, "liquid_people", sqlText("liquid_people"), p)
	people := map[string]namedUser{}
	for i := range found {
		p := &found[i]
		people[p.Alias] = namedUser{Name: strings.TrimSpace(p.FirstName + " " + p.LastName), Email: p.Email}
	}
	for _, r := range d.rows {
		if own := r.ownAuthor(); own != "" {
			r.author = people[own]
		}
	}
	return err
}

// idIn gives an id that is special to the activity, 0 for none.
func (r *liquidActivity) idIn(name string) int64 {
	id, _ := r.special()[name].(string)
	return parseID(id)
}
