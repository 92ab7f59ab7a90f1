package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"deskstream/schemas"
)

func (s *server) explainRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/audiences/explain", id: "explain-filter", tag: tagPeople,
		summary: "Which parts of a filter match a person, and why", scopes: []string{scopePeople},
	}, s.explain)
}

type explainInput struct {
	Body struct {
		Person string          `json:"person" minLength:"1" maxLength:"1033" doc:"Id, email:, zendesk:, external: or phone:"`
		Filter json.RawMessage `json:"filter" doc:"As in GET /v1/people?filter="`
	}
}

type explanation struct {
	Person  string     `json:"person"`
	Matches bool       `json:"matches"`
	Part    filterPart `json:"filter"`
}

// filterPart is one node of the filter with what it makes of the person.
type filterPart struct {
	Path    string       `json:"path" doc:"Where it stands in the filter"`
	Kind    string       `json:"kind" enum:"all,any,not,field,activity"`
	Matches bool         `json:"matches"`
	Name    string       `json:"name,omitempty" doc:"Field or activity"`
	Value   any          `json:"value,omitempty" doc:"What the person has in the field"`
	Ever    *occurredAt  `json:"ever,omitempty" doc:"When the activity happened, and how often"`
	Parts   []filterPart `json:"parts,omitempty"`
}

type occurredAt struct {
	activityRange
	Stored int `json:"stored" doc:"Of these, within retention: conditions on attributes look at them"`
}

func (s *server) explain(ctx context.Context, in *explainInput) (*answer[explanation], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	row, err := s.personRow(ctx, accounts, folded(in.Body.Person))
	if err != nil {
		return nil, err
	}
	accounts = []string{row.Account}
	names, err := s.filterNames(ctx, accounts)
	if err != nil {
		return nil, err
	}
	f, err := schemas.ParseFilter(in.Body.Filter, "body.filter", names)
	if err != nil {
		return nil, err
	}
	need := filterNeeds{ever: true} // how often activities happened is shown of all
	need.add(f, func(*schemas.ActivityCondition) time.Time { return epoch })
	f.Each(func(f *schemas.Filter) {
		if f.Activity != nil {
			need.addKind(f.Activity.Activity, epoch)
		}
	})
	docs, err := s.documents(ctx, accounts, []personRow{row}, names, &need, everybody)
	if err != nil {
		return nil, err
	}
	part := s.part(f, docs[0].person, "filter")
	return reply(explanation{Person: row.PersonID, Matches: part.Matches, Part: part}, nil)
}

// part explains a node and those below it.
func (s *server) part(f *schemas.Filter, p *schemas.FilterPerson, path string) filterPart {
	out := filterPart{Path: path, Kind: "all", Matches: s.Match(f, p, s.Now(), s.Location)}
	switch {
	case f.Not != nil:
		out.Kind, out.Parts = "not", []filterPart{s.part(f.Not, p, path+".not")}
	case f.Field != nil:
		out.Kind, out.Name, out.Value = "field", f.Field.Name, p.Field(f.Field.Name)
	case f.Activity != nil:
		out.Kind, out.Name, out.Ever = "activity", f.Activity.Activity, ever(f.Activity.Activity, p)
	case f.Any != nil:
		out.Kind, out.Parts = "any", s.parts(f.Any, p, path+".any")
	default:
		out.Parts = s.parts(f.All, p, path+".all")
	}
	return out
}

func (s *server) parts(list []schemas.Filter, p *schemas.FilterPerson, path string) []filterPart {
	out := make([]filterPart, len(list))
	for i := range list {
		out[i] = s.part(&list[i], p, fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

func ever(slug string, p *schemas.FilterPerson) *occurredAt {
	o, ok := p.Ever[slug]
	if !ok {
		return nil
	}
	out := &occurredAt{activityRange: activityRange{FirstAt: o.First, LastAt: o.Last, Count: o.Count}}
	for _, a := range p.Activities {
		if a.Activity == slug {
			out.Stored++
		}
	}
	return out
}
