package reports

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

// MaxHeaderBytes is what a server of the API has to let in before a body: the longest filter of people and all that comes beside it. A letter that UTF-8
// has in two bytes is six in the address. More would have headers take more memory than bodies may.
const MaxHeaderBytes = 128 << 10

type peopleInput struct {
	Filter peopleFilter `query:"filter" maxLength:"20000"`
	PeopleListing
}

// peopleFilter is a filter as text.
type peopleFilter string

const peopleFilterDoc = `Conditions on fields and activities as JSON, e.g. {"field":"zendesk.tags","op":"contains","value":"vip"}; ` +
	"with its % escapes 120 KB at most"

// Schema is read by huma.
func (peopleFilter) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: peopleFilterDoc}
}

// PeopleListing is the input of every list of people.
type PeopleListing struct {
	Query   string      `query:"q" maxLength:"200" doc:"Part of a name, an address, an external id or a phone number; archived people are not searched"`
	Columns string      `query:"columns" maxLength:"2000" doc:"Fields to show, with commas between; default all that are visible. One that is hidden has to be named itself"`
	Sort    peopleOrder `query:"sort" enum:"name,-name,email,-email,created_at,-created_at,updated_at,-updated_at" default:"-created_at"`
	Paging
}

// peopleOrder is a key of peopleSorts, behind a minus where it is to be descending.
type peopleOrder string

const peopleOrderDoc = "A minus means descending. By created_at all who are there from the first page to the last come once; " +
	"whoever is changed meanwhile may move in the other orders, and with -updated_at out of the pages to come"

// Schema is read by huma.
func (peopleOrder) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: peopleOrderDoc}
}

func (s *server) listPeople(ctx context.Context, in *peopleInput) (*answer[page[map[string]any]], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	return reply(s.people(ctx, peopleQuery{accounts: accounts, filter: string(in.Filter), PeopleListing: in.PeopleListing}))
}

// peopleSorts maps the accepted orders to the constant column that carries them in people.sql.
var peopleSorts = map[string]string{
	"name": "lower(trimBoth(concat(first_name, ' ', last_name)))", "email": "email",
	"created_at": "toString(toUnixTimestamp(created_at))", "updated_at": "toString(toUnixTimestamp(updated_at))",
}

// peopleQuery says which people. Zero values do not restrict.
type peopleQuery struct {
	accounts []string
	sourced  bool // only those whom a source created or updated
	filter   string
	PeopleListing
}

type personRow struct {
	schemas.PersonRow
	SortKey string `ch:"sort_key"`
}

// peoplePosition is where a page ends. Order is part of it, because a position means nothing in another one.
type peoplePosition struct {
	Order string `json:"o"`
	Key   string `json:"k"`
	ID    string `json:"i"`
}

func (s *server) people(ctx context.Context, q peopleQuery) (page[map[string]any], error) {
	var none page[map[string]any]
	columns, err := s.personColumns(ctx, q.Columns)
	if err != nil {
		return none, err
	}
	order := string(q.Sort)
	var position peoplePosition
	further, err := decodeCursor("people", q.Cursor, &position)
	if err == nil && further && position.Order != order {
		err = schemas.Invalid("query.cursor", "belongs to another sort; ask for the first page again")
	}
	if err != nil {
		return none, err
	}
	name, descending := strings.CutPrefix(order, "-")
	p := params{}
	p.texts("accounts", q.accounts)
	p.flag("sourced", q.sourced)
	p.text("text", q.Query)
	p.flag("further", further)
	p.text("after_key", position.Key)
	p.text("after_id", position.ID)
	p.int("limit", int64(q.Limit)+1)
	condition, err := s.peopleFilter(ctx, q.accounts, q.filter, p)
	if err != nil {
		return none, err
	}
	rows, err := list[personRow](ctx, s, "people", sqlWith("people", peoplePieces{peopleSorts[name], descending, condition}), p)
	if err != nil {
		return none, err
	}
	rows, more := cut(rows, q.Limit)
	people, err := s.describePeople(ctx, q.accounts, rows)
	if err != nil {
		return none, err
	}
	out := page[map[string]any]{Items: make([]map[string]any, len(people))}
	for i, person := range people {
		out.Items[i] = columns.of(person.fields())
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("people", peoplePosition{order, last.SortKey, last.PersonID})
	}
	return out, err
}
