package reports

import (
	"maps"
	"slices"
	"time"

	"deskstream/schemas"
)

// person is a person as the API shows it.
type person struct {
	ID           string                   `json:"id"`
	FirstName    string                   `json:"first_name"`
	LastName     string                   `json:"last_name"`
	Email        string                   `json:"email"`
	PhoneNumber  string                   `json:"phone_number" doc:"E.164"`
	ExternalID   string                   `json:"external_id"`
	Language     string                   `json:"language"`
	Timezone     string                   `json:"timezone" doc:"IANA"`
	Permissions  permissions              `json:"permissions"`
	Archived     bool                     `json:"archived"`
	Organization *namedID                 `json:"organization" doc:"The default one"`
	Memberships  []namedID                `json:"organizations" doc:"All the person is a member of, the default one first"`
	Zendesk      map[string]any           `json:"zendesk" doc:"Zendesk fields, and figures of the person's tickets"`
	Custom       map[string]any           `json:"custom"`
	FirstLast    map[string]activityRange `json:"first_last" doc:"By activity; kept past retention"`
	CreatedAt    time.Time                `json:"created_at"`
	UpdatedAt    time.Time                `json:"updated_at"`
	Sources      []string                 `json:"sources"`
	MergedFrom   []string                 `json:"merged_from,omitempty" doc:"Ids of people that this one absorbed"`

	userIDs []int64
	ownIDs  []string
	account string
}

type permissions struct {
	Email bool `json:"email"`
	SMS   bool `json:"sms"`
}

type namedID struct {
	_ struct{} `nullable:"true"` // read by huma

	ID   string `json:"id"`
	Name string `json:"name"`
}

type activityRange struct {
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	Count   int64     `json:"count"`
}

// fields gives the person as a map of JSON values.
func (p *person) fields() map[string]any {
	out := map[string]any{
		"id": p.ID, "first_name": p.FirstName, "last_name": p.LastName, "email": p.Email, "phone_number": p.PhoneNumber, "external_id": p.ExternalID,
		"language": p.Language, "timezone": p.Timezone, "permissions": map[string]any{"email": p.Permissions.Email, "sms": p.Permissions.SMS},
		"archived": p.Archived, "organization": nil, "zendesk": p.Zendesk, "custom": p.Custom, "created_at": p.CreatedAt, "updated_at": p.UpdatedAt,
		"sources": p.Sources,
	}
	memberships := make([]any, len(p.Memberships))
	for i, o := range p.Memberships {
		memberships[i] = map[string]any{"id": o.ID, "name": o.Name}
	}
	out["organizations"] = memberships
	if p.Organization != nil {
		out["organization"] = map[string]any{"id": p.Organization.ID, "name": p.Organization.Name}
	}
	firstLast := make(map[string]any, len(p.FirstLast))
	for slug, r := range p.FirstLast {
		firstLast[slug] = map[string]any{"first_at": r.FirstAt, "last_at": r.LastAt, "count": r.Count}
	}
	out["first_last"] = firstLast
	if len(p.MergedFrom) > 0 {
		out["merged_from"] = p.MergedFrom
	}
	return out
}

// described fills a person from what the processors know.
func described(facts *schemas.PersonFacts) *person {
	p := personOf(&facts.Person)
	var stats *schemas.PersonStats
	for i := range facts.Stats {
		stats = mergeStats(stats, &facts.Stats[i])
	}
	maps.Copy(p.Zendesk, figuresOf(stats))
	for i := range facts.Activities {
		p.addActivity(&facts.Activities[i])
	}
	names := make(map[string]string, len(facts.Organizations))
	for id, name := range facts.Organizations {
		names[idText(id)] = name
	}
	p.nameOrganizations(names)
	return p
}

// leaveEnded takes the person out of organizations that there are no more: nothing tells the end of each membership in one until the whole list is
// read again. A default one stays until Zendesk gives another.
func (p *person) leaveEnded(ended []string) {
	p.Memberships = slices.DeleteFunc(p.Memberships, func(o namedID) bool {
		return slices.Contains(ended, userKey(p.account, parseID(o.ID))) && (p.Organization == nil || o.ID != p.Organization.ID)
	})
}

// nameOrganizations fills in names by id.
func (p *person) nameOrganizations(names map[string]string) {
	for i := range p.Memberships {
		p.Memberships[i].Name = names[p.Memberships[i].ID]
	}
	if p.Organization != nil {
		p.Organization.Name = names[p.Organization.ID]
	}
}

func personOf(r *schemas.PersonRow) *person {
	p := &person{
		ID: r.PersonID, FirstName: r.FirstName, LastName: r.LastName, Email: r.Email, PhoneNumber: r.PhoneNumber, ExternalID: r.ExternalID,
		Language: r.Language, Timezone: r.Timezone, Permissions: permissions{r.EmailPermission == 1, r.SMSPermission == 1}, Archived: r.Archived == 1,
		Memberships: []namedID{}, Zendesk: jsonObject(r.Zendesk), Custom: jsonObject(r.Custom), FirstLast: map[string]activityRange{},
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Sources: append([]string{}, r.SourceIDs...), userIDs: r.UserIDs, ownIDs: r.OwnIDs, account: r.Account,
	}
	if r.OrganizationID != 0 {
		p.Organization = &namedID{ID: idText(r.OrganizationID)}
	}
	for _, id := range r.OrganizationIDs {
		p.Memberships = append(p.Memberships, namedID{ID: idText(id)})
	}
	for _, id := range r.OwnIDs {
		if id != r.PersonID {
			p.MergedFrom = append(p.MergedFrom, id)
		}
	}
	if len(p.ownIDs) == 0 {
		p.ownIDs = []string{r.PersonID}
	}
	return p
}

// addActivity adds what one user of the person has of an activity. What was withdrawn altogether never occurred.
func (p *person) addActivity(r *schemas.PersonActivity) {
	if r.Count <= 0 {
		return
	}
	v, ok := p.FirstLast[r.Activity]
	if !ok {
		v = activityRange{FirstAt: r.FirstAt.UTC(), LastAt: r.LastAt.UTC()}
	}
	if r.FirstAt.Before(v.FirstAt) {
		v.FirstAt = r.FirstAt.UTC()
	}
	if r.LastAt.After(v.LastAt) {
		v.LastAt = r.LastAt.UTC()
	}
	v.Count += r.Count
	p.FirstLast[r.Activity] = v
}
