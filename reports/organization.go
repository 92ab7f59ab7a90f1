package reports

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"

	"deskstream/schemas"
)

func (s *server) organizationRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{
		method: http.MethodGet, path: "/v1/organizations", id: "list-organizations", tag: tagPeople, summary: "Organizations by name, with the fields that are visible", scopes: scopes,
	}, s.listOrganizations)
	handle(s, route{
		method: http.MethodGet, path: "/v1/organizations/{id}", id: "get-organization", tag: tagPeople, summary: "One organization, or the one that absorbed it", scopes: scopes,
	}, s.getOrganization)
}

type organization struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	ExternalID string         `json:"external_id"`
	Archived   bool           `json:"archived"`
	Zendesk    map[string]any `json:"zendesk" doc:"Zendesk fields; and people_total, tickets_total, tickets_open, satisfaction_percent; merged_into names the one that absorbed it"`
	CreatedAt  time.Time      `json:"created_at"`
	UpdatedAt  time.Time      `json:"updated_at"`
	MergedFrom []string       `json:"merged_from,omitempty" doc:"Ids of absorbed organizations on the way from the one that was asked for"`
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
	further, err := decodeCursor("organizations", in.Cursor, &position)
	if err != nil {
		return nil, err
	}
	p := params{}
	p.texts("accounts", accounts)
	p.text("text", in.Query)
	p.flag("further", further)
	p.text("after_name", position.Name)
	p.int("after_id", position.ID)
	p.int("limit", int64(in.Limit)+1)
	rows, err := list[schemas.OrganizationRow](ctx, s, "organizations", sqlText("organizations"), p)
	if err != nil {
		return nil, err
	}
	rows, more := cut(rows, in.Limit)
	out := page[map[string]any]{}
	if out.Items, err = s.describeOrganizations(ctx, accounts, rows, hidden); err != nil {
		return nil, err
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("organizations", organizationPosition{last.Name, last.OrganizationID})
	}
	return reply(out, err)
}

// describeOrganizations gives what a list shows of rows: with their figures, without what is hidden.
func (s *server) describeOrganizations(ctx context.Context, accounts []string, rows []schemas.OrganizationRow, hidden [][]string) ([]map[string]any, error) {
	found := make([]organization, len(rows))
	for i := range rows {
		found[i] = organizationOf(&rows[i])
	}
	err := s.addFigures(ctx, accounts, found)
	out := make([]map[string]any, len(found))
	for i := range found {
		out[i] = found[i].fields()
		for _, path := range hidden {
			leaveOut(out[i], path)
		}
	}
	return out, err
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
	MergedInto int64 `ch:"merged_into"`
}

// maxAbsorbed bounds how many merges are followed: an organization may be absorbed by one that is absorbed itself.
const maxAbsorbed = 16

// organization gives one with its figures, or the one that absorbed it; nil if there is none.
func (s *server) organization(ctx context.Context, accounts []string, id int64) (*organization, error) {
	var found []organization
	var absorbed []string
	for range maxAbsorbed {
		p := params{}
		p.texts("accounts", accounts)
		p.int("id", id)
		row, ok, err := one[organizationRow](ctx, s, "organization", sqlText("organization"), p)
		if err != nil {
			return nil, err
		}
		if !ok {
			break // The one that absorbed it has not arrived yet.
		}
		o := organizationOf(&row.OrganizationRow)
		o.MergedFrom = absorbed
		if found = []organization{o}; row.MergedInto == 0 {
			break
		}
		absorbed, id = append(absorbed, o.ID), row.MergedInto
	}
	if found == nil {
		return nil, nil
	}
	return &found[0], s.addFigures(ctx, accounts, found)
}

type figuresRow struct {
	Account        string   `ch:"account"`
	OrganizationID int64    `ch:"organization_id"`
	People         uint64   `ch:"people_total"`
	Tickets        uint64   `ch:"tickets_total"`
	Open           uint64   `ch:"tickets_open"`
	Satisfaction   *float64 `ch:"satisfaction_percent"`
}

// fields gives the figures by the names of their fields.
func (f figuresRow) fields() map[string]any {
	out := map[string]any{"people_total": f.People, "tickets_total": f.Tickets, "tickets_open": f.Open, "satisfaction_percent": nil}
	if f.Satisfaction != nil {
		out["satisfaction_percent"] = *f.Satisfaction
	}
	return out
}

// addFigures puts the figures of people and tickets beside the Zendesk fields (product.md 3.3).
func (s *server) addFigures(ctx context.Context, accounts []string, found []organization) error {
	ids := make([]int64, len(found))
	for i := range found {
		ids[i] = parseID(found[i].ID)
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("organizations", ids)
	p["every_organization"] = "0"
	rows, err := list[figuresRow](ctx, s, "organization_figures", sqlText("organization_figures"), p)
	byID := make(map[int64]figuresRow, len(rows))
	for _, r := range rows {
		byID[r.OrganizationID] = r
	}
	for i := range found {
		maps.Copy(found[i].Zendesk, byID[ids[i]].fields())
	}
	return err
}
