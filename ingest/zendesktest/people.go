package zendesktest

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// NewUser is what a user starts with. Role empty means end-user.
type NewUser struct {
	Name         string
	Email        string
	Phone        string
	Role         string
	ExternalID   string
	Organization int64
	Group        int64
	Tags         []string
	Locale       string
	// TimeZone is an IANA name; empty means America/New_York.
	TimeZone string
	Details  string
	Notes    string
	Fields   map[string]any
}

// UserChange is one update of a user; nil leaves a field as it is, a pointer to "" clears it.
type UserChange struct {
	Name         *string
	Email        *string
	Phone        *string
	Role         *string
	ExternalID   *string
	Details      *string
	Notes        *string
	Organization *int64
	Suspended    *bool
	Tags         *[]string
	Fields       map[string]any
}

// CreateUser makes a user with an e-mail and a phone identity and a membership in the organization, where given.
func (a *Account) CreateUser(at time.Time, n NewUser) (User, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n.Role == "" {
		n.Role = "end-user"
	}
	if !slices.Contains([]string{"end-user", "agent", "admin"}, n.Role) {
		return User{}, fmt.Errorf("role %q: %w, want end-user, agent or admin", n.Role, ErrInvalid)
	}
	if n.Organization != 0 && a.orgs[n.Organization] == nil {
		return User{}, fmt.Errorf("organization %d: %w", n.Organization, ErrNotFound)
	}
	at = clock(at, time.Time{})
	u := a.newUser(at, n)
	a.users[u.ID] = u
	a.emitUser(at, u, "created", map[string]any{})
	if n.Email != "" {
		a.addIdentity(at, u, "email", n.Email)
	}
	if n.Phone != "" {
		a.addIdentity(at, u, "phone_number", n.Phone)
	}
	if n.Organization != 0 {
		a.join(at, u, n.Organization, true)
	}
	return *u, nil
}

func (a *Account) newUser(at time.Time, n NewUser) *User {
	id := a.nextID()
	u := &User{
		ID: id, URL: a.url("users/" + strconv.FormatInt(id, 10)), Name: n.Name, Email: optional(n.Email),
		Phone: optional(n.Phone), CreatedAt: at, UpdatedAt: at, Role: n.Role, ExternalID: optional(n.ExternalID),
		OrganizationID: optional(n.Organization), DefaultGroupID: optional(n.Group), Tags: cleanTags(n.Tags),
		Locale: n.Locale, LocaleID: 1, IANATimeZone: n.TimeZone, TimeZone: n.TimeZone, Active: true,
		Details: optional(n.Details), Notes: optional(n.Notes), UserFields: map[string]any{},
		TicketRestriction: ptr("requested"), RestrictedAgent: true,
	}
	if n.Locale == "" {
		u.Locale = "en-US"
	}
	if n.TimeZone == "" {
		u.TimeZone, u.IANATimeZone = "America/New_York", "America/New_York"
	}
	for k, v := range n.Fields {
		u.UserFields[k] = v
	}
	if u.Staff() {
		u.TicketRestriction, u.RestrictedAgent, u.Moderator, u.Verified = nil, false, true, true
	}
	if u.Role == "admin" {
		u.RoleType, u.CustomRoleID, u.ReportCSV = ptr(int64(4)), ptr(int64(6130869137434)), true
	}
	return u
}

// UpdateUser changes a user and fails when there is none or it was deleted.
func (a *Account) UpdateUser(at time.Time, id int64, c UserChange) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.activeUser(id)
	if err != nil {
		return err
	}
	at = clock(at, u.UpdatedAt)
	u.UpdatedAt = at
	if c.Name != nil && *c.Name != u.Name {
		before := u.Name
		u.Name = *c.Name
		a.emitUser(at, u, "name_changed", fromTo(u.Name, before))
	}
	a.changeWord(at, u, "external_id_changed", &u.ExternalID, c.ExternalID)
	a.changeWord(at, u, "details_changed", &u.Details, c.Details)
	a.changeWord(at, u, "notes_changed", &u.Notes, c.Notes)
	if c.Role != nil && *c.Role != u.Role {
		before := u.Role
		u.Role = *c.Role
		a.emitUser(at, u, "role_changed", fromTo(u.Role, before))
	}
	if c.Suspended != nil && *c.Suspended != u.Suspended {
		u.Suspended = *c.Suspended
		a.emitUser(at, u, "suspended_changed", fromTo(u.Suspended, !u.Suspended))
	}
	if c.Email != nil {
		a.changePrimary(at, u, "email", &u.Email, *c.Email)
	}
	if c.Phone != nil {
		a.changePrimary(at, u, "phone_number", &u.Phone, *c.Phone)
	}
	a.changeUserRest(at, u, c)
	return nil
}

func (a *Account) changeUserRest(at time.Time, u *User, c UserChange) {
	if c.Tags != nil {
		tags, before := cleanTags(*c.Tags), u.Tags
		u.Tags = tags
		if !slices.Equal(tags, before) {
			a.emitUser(at, u, "tags_changed", map[string]any{
				"added":   map[string]any{"tags": difference(tags, before)},
				"removed": map[string]any{"tags": difference(before, tags)},
			})
		}
	}
	if c.Organization != nil && *c.Organization != 0 {
		u.OrganizationID = c.Organization
		a.join(at, u, *c.Organization, true)
	}
	for _, key := range sortedKeys(c.Fields) {
		fields := map[string]any{}
		for k, v := range u.UserFields {
			fields[k] = v
		}
		event := fromTo(c.Fields[key], fields[key])
		event["field"] = map[string]any{"id": "0", "title": key, "type": "text"}
		fields[key] = c.Fields[key]
		u.UserFields = fields
		a.emitUser(at, u, "custom_field_changed", event)
	}
}

func (a *Account) changeWord(at time.Time, u *User, kind string, field **string, to *string) {
	if to == nil || text(optional(*to)) == text(*field) {
		return
	}
	before := text(*field)
	*field = optional(*to)
	a.emitUser(at, u, kind, fromTo(text(*field), before))
}

// changePrimary replaces the primary address of a type, in the user and in his identities.
func (a *Account) changePrimary(at time.Time, u *User, kind string, field **string, to string) {
	next := optional(to)
	if text(next) == text(*field) {
		return
	}
	*field = next
	list := slices.Clone(a.identity[u.ID])
	i := slices.IndexFunc(list, func(x Identity) bool { return x.Type == kind && x.Primary })
	switch {
	case i < 0:
		a.addIdentity(at, u, kind, to)
		return
	case to == "":
		gone := list[i]
		a.identity[u.ID] = slices.Delete(list, i, i+1)
		a.emitUser(at, u, "identity_deleted", map[string]any{"current": identityBody(gone)})
		return
	}
	before := list[i]
	list[i].Value, list[i].UpdatedAt = to, at
	a.identity[u.ID] = list
	a.emitUser(at, u, "identity_changed", fromTo(identityBody(list[i]), identityBody(before)))
}

func identityBody(i Identity) map[string]any {
	return map[string]any{"id": strconv.FormatInt(i.ID, 10), "type": i.Type, "value": i.Value, "primary": i.Primary}
}

// AddIdentity adds an address to a user; it becomes primary when it is the first of its type.
func (a *Account) AddIdentity(at time.Time, userID int64, kind, value string) (Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.activeUser(userID)
	if err != nil {
		return Identity{}, err
	}
	u.UpdatedAt = clock(at, u.UpdatedAt)
	return a.addIdentity(u.UpdatedAt, u, kind, value), nil
}

func (a *Account) addIdentity(at time.Time, u *User, kind, value string) Identity {
	i := Identity{
		ID: a.nextID(), UserID: u.ID, Type: kind, Value: value, CreatedAt: at, UpdatedAt: at,
		Verified: u.Verified, VerificationMethod: "low", DeliverableState: "deliverable",
		Primary: !slices.ContainsFunc(a.identity[u.ID], func(x Identity) bool { return x.Type == kind }),
	}
	i.URL = a.url(fmt.Sprintf("users/%d/identities/%d", u.ID, i.ID))
	a.identity[u.ID] = append(slices.Clone(a.identity[u.ID]), i)
	a.emitUser(at, u, "identity_created", map[string]any{"current": identityBody(i)})
	return i
}

// DeleteUser deletes a user softly: it stays in the export with active false and no address.
func (a *Account) DeleteUser(at time.Time, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.activeUser(id)
	if err != nil {
		return err
	}
	at = clock(at, u.UpdatedAt)
	a.deactivate(at, u)
	a.emitUser(at, u, "deleted", map[string]any{})
	return nil
}

func (a *Account) deactivate(at time.Time, u *User) {
	u.Active, u.UpdatedAt, u.Email, u.Phone, u.PermanentlyDeleted = false, at, nil, nil, ptr(false)
	delete(a.identity, u.ID)
	a.members = slices.DeleteFunc(slices.Clone(a.members), func(m Membership) bool { return m.UserID == u.ID })
	a.emitUser(at, u, "active_changed", fromTo(false, true))
}

// DeleteUserPermanently erases a deleted user, as a GDPR request does; an active one is deleted first.
func (a *Account) DeleteUserPermanently(at time.Time, id int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.user(id)
	if err != nil {
		return err
	}
	at = clock(at, u.UpdatedAt)
	if u.Active {
		a.deactivate(at, u)
		a.emitUser(at, u, "deleted", map[string]any{})
	}
	u.UpdatedAt, u.Name, u.PermanentlyDeleted = at, "Permanently Deleted User", ptr(true)
	u.ExternalID, u.Details, u.Notes, u.Alias, u.Photo = nil, nil, nil, nil, nil
	u.Tags, u.UserFields, u.OrganizationID = []string{}, map[string]any{}, nil
	return nil
}

// Leave ends a membership in an organization that is not the user's default one, and tells no webhook of it.
func (a *Account) Leave(at time.Time, user, organization int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(a.members), func(m Membership) bool { return m.UserID == user && m.OrganizationID == organization })
	u := a.users[user]
	if u == nil || len(left) == len(a.members) || u.OrganizationID != nil && *u.OrganizationID == organization {
		return fmt.Errorf("membership of user %d in organization %d: %w", user, organization, ErrInvalid)
	}
	a.members, u.UpdatedAt = left, clock(at, u.UpdatedAt)
	return nil
}

// MergeUsers merges one end user into another: the loser goes inactive, his identities, memberships and tickets go to
// the winner. As seen from outside the tickets change their requester without an audit; they move in the export only.
func (a *Account) MergeUsers(at time.Time, loser, winner int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, err := a.activeUser(loser)
	if err != nil {
		return fmt.Errorf("loser: %w", err)
	}
	into, err := a.activeUser(winner)
	if err != nil {
		return fmt.Errorf("winner: %w", err)
	}
	if from.Staff() || loser == winner {
		return fmt.Errorf("loser %d: %w, want an end user other than the winner", loser, ErrInvalid)
	}
	at = clock(clock(at, from.UpdatedAt), into.UpdatedAt)
	a.moveIdentities(at, from, into)
	for _, r := range a.tickets {
		a.moveTicket(at, r, loser, winner)
	}
	from.Active, from.UpdatedAt, into.UpdatedAt = false, at, at
	from.Email, from.Phone, from.PermanentlyDeleted = nil, nil, ptr(false)
	a.emitUser(at, from, "merged", map[string]any{"user": map[string]any{"id": strconv.FormatInt(winner, 10)}})
	return nil
}

func (a *Account) moveIdentities(at time.Time, from, into *User) {
	list := slices.Clone(a.identity[into.ID])
	for _, i := range a.identity[from.ID] {
		i.UserID, i.UpdatedAt = into.ID, at
		i.Primary = !slices.ContainsFunc(list, func(x Identity) bool { return x.Type == i.Type })
		list = append(list, i)
		if i.Primary && i.Type == "email" {
			into.Email = ptr(i.Value)
		}
		if i.Primary && i.Type == "phone_number" {
			into.Phone = ptr(i.Value)
		}
	}
	a.identity[into.ID] = list
	delete(a.identity, from.ID)
	members := slices.Clone(a.members)
	for i := range members {
		if members[i].UserID == from.ID {
			members[i].UserID, members[i].Default, members[i].UpdatedAt = into.ID, nil, at
		}
	}
	a.members = members
}

func (a *Account) moveTicket(at time.Time, r *record, loser, winner int64) {
	if r.RequesterID != loser {
		return
	}
	r.RequesterID = winner
	if r.SubmitterID == loser {
		r.SubmitterID = winner
	}
	r.GeneratedTimestamp = max(r.GeneratedTimestamp, at.Unix())
	if r.rating != nil {
		r.rating.RequesterID = winner
	}
}

func (a *Account) activeUser(id int64) (*User, error) {
	u, err := a.user(id)
	if err != nil {
		return nil, err
	}
	if !u.Active {
		return nil, fmt.Errorf("user %d: active: %w", id, ErrNotFound)
	}
	return u, nil
}

// Join makes a user a member of an organization, as his default one if wanted.
func (a *Account) Join(at time.Time, userID, organization int64, standard bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, err := a.activeUser(userID)
	if err != nil {
		return err
	}
	if a.orgs[organization] == nil {
		return fmt.Errorf("organization %d: %w", organization, ErrNotFound)
	}
	u.UpdatedAt = clock(at, u.UpdatedAt)
	a.join(u.UpdatedAt, u, organization, standard)
	return nil
}

func (a *Account) join(at time.Time, u *User, organization int64, standard bool) {
	a.members = slices.DeleteFunc(a.members, func(m Membership) bool {
		return m.UserID == u.ID && m.OrganizationID == organization
	})
	m := Membership{ID: a.nextID(), UserID: u.ID, OrganizationID: organization, CreatedAt: at, UpdatedAt: at}
	m.URL = a.url("organization_memberships/" + strconv.FormatInt(m.ID, 10))
	if standard {
		u.OrganizationID, m.Default = ptr(organization), ptr(true)
		for i := range a.members {
			if a.members[i].UserID == u.ID {
				a.members[i].Default = nil
			}
		}
	}
	a.members = append(a.members, m)
	a.emitUser(at, u, "organization_membership_created",
		map[string]any{"organization": map[string]any{"id": strconv.FormatInt(organization, 10)}})
}
