package reports

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

func (s *server) organizationRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{method: http.MethodGet, path: "/v1/organizations", id: "list-organizations", tag: tagPeople, summary: "Organizations by name, with the fields that are visible", scopes: scopes}, s.listOrganizations)
	handle(s, route{method: http.MethodGet, path: "/v1/organizations/{id}", id: "get-organization", tag: tagPeople, summary: "One organization", scopes: scopes}, s.getOrganization)
}

type organization struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	ExternalID string         `json:"external_id"`
	Archived   bool           `json:"archived"`
	Zendesk    map[string]any `json:"zendesk" doc:"Zendesk fields; of one organization also people_total, tickets_total, tickets_open, satisfaction_percent"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
}

// fields gives the organization as a map of JSON values.
func (o organization) fields() map[string]any {
	return map[string]any{
		"id": o.ID, "name": o.Name, "external_id": o.ExternalID, "archived": o.Archived, "zendesk": o.Zendesk, "created_at": o.CreatedAt, "updated_at": o.UpdatedAt,
	}
}

type organizationsInput struct {
	Query string `query:"q" maxLength:"200" doc:"Part of the name or the external id"`
	Paging
}

// organizationPosition is where a page ends.
type organizationPosition struct {
	Name string `json:"n"`
	ID   int64  `json:"i"`
}

func (s *server) listOrganizations(ctx context.Context, in *organizationsInput) (*answer[page[map[string]any]], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	hidden, err := s.hidden(ctx, "organization")
	if err != nil {
		return nil, err
	}
	var position organizationPosition
	further, err := decodeCursor(in.Cursor, &position)
	if err != nil {
		return nil, err
	}
	p := params{}
	p.texts("accounts", accounts)
	p.text("text", strings.ToLower(in.Query))
	p.flag("further", further)
	p.text("after_name", position.Name)
	p.int("after_id", position.ID)
	p.int("limit", int64(in.Limit)+1)
	rows, err := list[schemas.OrganizationRow](ctx, s, "organizations", sqlText("organizations"), p)
	if err != nil {
		return nil, err
	}
	rows, more := cut(rows, in.Limit)
	out := page[map[string]any]{Items: make([]map[string]any, len(rows))}
	for i := range rows {
		out.Items[i] = organizationOf(&rows[i]).fields()
		for _, path := range hidden {
			leaveOut(out.Items[i], path)
		}
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor(organizationPosition{last.Name, last.OrganizationID})
	}
	return reply(out, err)
}

func organizationOf(r *schemas.OrganizationRow) organization {
	return organization{
		ID: idText(r.OrganizationID), Name: r.Name, ExternalID: r.ExternalID, Archived: r.Archived == 1, Zendesk: jsonObject(r.Zendesk),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func (s *server) getOrganization(ctx context.Context, in *byID) (*answer[organization], error) {
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, noOrganization()
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.organization(ctx, accounts, id)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, noOrganization()
	}
	return reply(*found, nil)
}

func noOrganization() error {
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-organization", Detail: "there is no organization of this id"}
}

type organizationRow struct {
	schemas.OrganizationRow
	People       uint64   `ch:"people_total"`
	Tickets      uint64   `ch:"tickets_total"`
	Open         uint64   `ch:"tickets_open"`
	Satisfaction *float64 `ch:"satisfaction_percent"`
}

// organization gives one with its figures; nil if there is none.
func (s *server) organization(ctx context.Context, accounts []string, id int64) (*organization, error) {
	p := params{}
	p.texts("accounts", accounts)
	p.int("id", id)
	row, ok, err := one[organizationRow](ctx, s, "organization", sqlText("organization"), p)
	if err != nil || !ok {
		return nil, err
	}
	o := organizationOf(&row.OrganizationRow)
	o.Zendesk["people_total"], o.Zendesk["tickets_total"], o.Zendesk["tickets_open"] = row.People, row.Tickets, row.Open
	o.Zendesk["satisfaction_percent"] = nil
	if row.Satisfaction != nil {
		o.Zendesk["satisfaction_percent"] = *row.Satisfaction
	}
	return &o, nil
}
