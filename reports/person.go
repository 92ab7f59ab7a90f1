package reports

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

const tagPeople = "People"

func (s *server) peopleRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{method: http.MethodGet, path: "/v1/people", id: "list-people", tag: tagPeople, summary: "People", scopes: scopes}, s.listPeople)
	handle(s, route{
		method: http.MethodGet, path: "/v1/people/{id}", id: "get-person", tag: tagPeople, summary: "One person", scopes: scopes,
		detail: "The id, or email:jo@x.test, zendesk:123, external:ab or phone:+14155550100; of several with one number the oldest. The id of a person that another one absorbed answers the survivor, with merged_from.",
	}, s.getPerson)
	handle(s, route{
		method: http.MethodGet, path: "/v1/people/{id}/activities", id: "list-person-activities", tag: tagPeople,
		summary: "Activities of a person, newest first, at most 90 days back", scopes: scopes,
	}, s.personActivities)
}

// MaxHeaderBytes is what a server of the API has to let in before a body: the longest filter of people and all that comes beside it. A letter that UTF-8
// has in two bytes is six in the address. More would have headers take more memory than bodies may.
const MaxHeaderBytes = 128 << 10

type peopleInput struct {
	Filter  string `query:"filter" maxLength:"20000" doc:"Conditions on fields and activities as JSON, e.g. {\"field\":\"zendesk.tags\",\"op\":\"contains\",\"value\":\"vip\"}; with its % escapes 120 KB at most"`
	Query   string `query:"q" maxLength:"200" doc:"Part of a name, an address, an external id or a phone number; archived people are not searched"`
	Columns string `query:"columns" maxLength:"2000" doc:"Fields to show, with commas between; default all that are visible. One that is hidden has to be named itself"`
	Sort    string `query:"sort" enum:"name,-name,email,-email,created_at,-created_at,updated_at,-updated_at" default:"-created_at" doc:"A minus means descending. By created_at all who are there from the first page to the last come once; whoever is changed meanwhile may move in the other orders, and with -updated_at out of the pages to come"`
	Paging
}

func (s *server) listPeople(ctx context.Context, in *peopleInput) (*answer[page[map[string]any]], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	return reply(s.people(ctx, peopleQuery{accounts: accounts, filter: in.Filter, text: in.Query, columns: in.Columns, sort: in.Sort, Paging: in.Paging}))
}

// personColumns are the fields of a person that lists can be limited to. A path into zendesk, custom or first_last is accepted too.
var personColumns = []string{
	"id", "first_name", "last_name", "email", "phone_number", "external_id", "language", "timezone", "permissions", "archived", "organization", "organizations",
	"zendesk", "custom", "first_last", "created_at", "updated_at", "sources", "merged_from",
}

// peopleSorts maps the accepted orders to the constant column that carries them in people.sql.
var peopleSorts = map[string]string{
	"name": "lower(trimBoth(concat(first_name, ' ', last_name)))", "email": "email",
	"created_at": "toString(toUnixTimestamp(created_at))", "updated_at": "toString(toUnixTimestamp(updated_at))",
}

// peopleQuery says which people. Zero values do not restrict.
type peopleQuery struct {
	accounts            []string
	sourced             bool // only those whom a source created or updated
	filter              string
	text, columns, sort string
	Paging
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
	columns, err := s.personColumns(ctx, q.columns)
	if err != nil {
		return none, err
	}
	var position peoplePosition
	further, err := decodeCursor("people", q.Cursor, &position)
	if err == nil && further && position.Order != q.sort {
		err = schemas.Invalid("query.cursor", "belongs to another sort; ask for the first page again")
	}
	if err != nil {
		return none, err
	}
	name, descending := strings.CutPrefix(q.sort, "-")
	p := params{}
	p.texts("accounts", q.accounts)
	p.flag("sourced", q.sourced)
	p.text("text", q.text)
	p.flag("further", further)
	p.text("after_key", position.Key)
	p.text("after_id", position.ID)
	p.int("limit", int64(q.Limit)+1)
	condition, err := s.peopleFilter(ctx, q.accounts, q.filter, p)
	if err != nil {
		return none, err
	}
	rows, err := list[personRow](ctx, s, "people", peopleStatement(name, descending, condition), p)
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
		out.NextCursor, err = encodeCursor("people", peoplePosition{q.sort, last.SortKey, last.PersonID})
	}
	return out, err
}

// peopleStatement puts the constant pieces of an accepted order and of a filter into people.sql.
func peopleStatement(sort string, descending bool, condition string) string {
	order, beyond := "ASC", ">"
	if descending {
		order, beyond = "DESC", "<"
	}
	return strings.NewReplacer("/*sort*/", peopleSorts[sort], "/*order*/", order, "/*beyond*/", beyond, "/*filter*/", condition).Replace(sqlText("people"))
}

// columns says what a list shows of a record.
type columns struct {
	named  [][]string // paths that were asked for; nil = all
	hidden [][]string
}

// personColumns reads columns= for people.
func (s *server) personColumns(ctx context.Context, given string) (c columns, err error) {
	if given != "" {
		for _, column := range strings.Split(given, ",") {
			path := strings.Split(strings.TrimSpace(column), ".")
			if !slices.Contains(personColumns, path[0]) {
				return c, schemas.Invalid("query.columns", "accepted: "+strings.Join(personColumns, ", ")+", or a path as zendesk.tags")
			}
			if err := checkPath(path); err != nil {
				return c, err
			}
			c.named = append(c.named, path)
		}
	}
	c.hidden, err = s.hidden(ctx, "person")
	return c, err
}

// checkPath refuses a path into what has no such part in any record. Behind custom, first_last and zendesk.fields names are as the account has them.
func checkPath(path []string) error {
	if len(path) == 1 || path[0] == "custom" || path[0] == "first_last" {
		return nil
	}
	parts := map[string][]string{"permissions": {"email", "sms"}, "organization": {"id", "name"}}[path[0]]
	if path[0] == "zendesk" {
		parts = []string{"fields", "external_id"}
		for _, f := range zendeskFields {
			parts = append(parts, f.ID)
		}
	}
	switch known := slices.Contains(parts, path[1]); {
	case known && (len(path) == 2 || path[1] == "fields"):
		return nil
	case len(parts) == 0 || known:
		return schemas.Invalid("query.columns", strings.Join(path, ".")+" is no field of a person: what stands before the last dot has no parts")
	}
	return schemas.Invalid("query.columns", strings.Join(path, ".")+" is no field of a person; accepted behind "+path[0]+". are "+strings.Join(parts, ", "))
}

// of keeps what lists show: without named columns all that is not hidden, else the id and what was named. A path is shown under its
// dotted name.
func (c columns) of(record map[string]any) map[string]any {
	out := map[string]any{"id": record["id"]}
	for _, path := range c.named {
		var v any = record
		for _, name := range path {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		out[strings.Join(path, ".")] = v
	}
	for _, path := range c.hidden { // After the named ones: a hidden field that is named itself is shown, one inside of a named object is not.
		leaveOut(record, path)
	}
	if c.named == nil {
		return record
	}
	return out
}

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

func (s *server) getPerson(ctx context.Context, in *byID) (*answer[person], error) {
	found, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(*found, nil)
}

// person finds a person by any of its names.
func (s *server) person(ctx context.Context, name string) (*person, error) {
	name = folded(name)
	if facts := s.personFacts(ctx, name); facts != nil {
		return described(facts), nil
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	row, err := s.personRow(ctx, accounts, name)
	if err != nil {
		return nil, err
	}
	people, err := s.describePeople(ctx, accounts, []personRow{row})
	if err != nil {
		return nil, err
	}
	return people[0], nil
}

// personFacts asks the processors for the person that a name leads to, the oldest one if there is one in several accounts; nil when they know
// of none or do not answer.
func (s *server) personFacts(ctx context.Context, name string) (oldest *schemas.PersonFacts) {
	if s.Teller == nil {
		return nil
	}
	for _, account := range s.knownAccounts(ctx) {
		facts, err := s.Teller.Person(ctx, account, name)
		if err != nil {
			s.Log.Debug().Err(err).Msg("a person is looked up in the tables")
			return nil
		}
		if facts != nil && (oldest == nil || facts.Person.CreatedAt.Before(oldest.Person.CreatedAt)) {
			oldest = facts
		}
	}
	return oldest
}

// accountsFresh is how old a list of accounts may be to look people up by. Who is in none of them is looked for in all there are then.
const accountsFresh = time.Second

// knownAccounts gives the accounts as they were lately; none when they cannot be read.
func (s *server) knownAccounts(ctx context.Context) []string {
	accounts, err := s.known.get(ctx, accountsFresh)
	if err != nil && ctx.Err() == nil {
		s.accountsLog.Warn().Err(err).Msg("the accounts cannot be read: people and tickets are looked up in the tables")
	}
	return accounts
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

// phonePrefix is what a phone number has in front where it names a person.
const phonePrefix = "phone:"

// folded brings a name of a person into the one form that it is found by.
func folded(name string) string {
	name = strings.ToLower(name)
	if number, ok := strings.CutPrefix(name, phonePrefix); ok {
		return phonePrefix + schemas.PhoneNumber(number)
	}
	return name
}

// personRow gives the row of the person that a folded name leads to.
func (s *server) personRow(ctx context.Context, accounts []string, name string) (row personRow, err error) {
	p := params{}
	p.texts("accounts", accounts)
	statement := "person"
	if number, ok := strings.CutPrefix(name, phonePrefix); ok {
		statement = "person_phone"
		p.text("phone", number)
	} else {
		p.text("alias", name)
	}
	found, ok, err := one[schemas.PersonRow](ctx, s, statement, sqlText(statement), p)
	if err == nil && !ok {
		err = &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-person", Detail: "there is no person of this id, address, external id or phone number"}
	}
	row.PersonRow = found
	return row, err
}

type personActivitiesInput struct {
	ID       string `path:"id" maxLength:"1033"`
	Activity string `query:"activity" maxLength:"100" doc:"Only this activity"`
	Paging
}

func (s *server) personActivities(ctx context.Context, in *personActivitiesInput) (*answer[page[feedItem]], error) {
	who, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(s.feed(ctx, feedQuery{
		accounts: []string{who.account}, persons: who.ownIDs, activity: in.Activity, since: s.Now().AddDate(0, 0, -personActDays), Paging: in.Paging,
	}))
}

// describePeople fills people from their rows: names of organizations, figures and first and last activities of all their users.
func (s *server) describePeople(ctx context.Context, accounts []string, rows []personRow) ([]*person, error) {
	people := make([]*person, len(rows))
	users := map[string]*person{} // account and user id
	var userIDs []int64
	var organizations []string
	var further []int64 // that are not the default one of somebody
	for i := range rows {
		people[i] = personOf(&rows[i].PersonRow)
		for _, u := range rows[i].UserIDs {
			users[userKey(rows[i].Account, u)] = people[i]
			userIDs = append(userIDs, u)
		}
		for _, o := range people[i].Memberships {
			organizations = append(organizations, o.ID)
			if people[i].Organization == nil || o.ID != people[i].Organization.ID {
				further = append(further, parseID(o.ID))
			}
		}
	}
	var names map[string]string
	var ended []string
	g, ctx := errgroup.WithContext(ctx) // each fills other fields
	g.Go(func() (err error) {
		names, err = s.names(ctx, "organization", accounts, organizations)
		return err
	})
	g.Go(func() (err error) {
		ended, err = s.endedOrganizations(ctx, accounts, further)
		return err
	})
	g.Go(func() error { return s.addStats(ctx, accounts, users, userIDs) })
	g.Go(func() error { return s.addFirstLast(ctx, accounts, users, userIDs) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, p := range people {
		p.leaveEnded(ended)
		p.nameOrganizations(names)
	}
	return people, nil
}

// endedOrganizations gives those that were deleted or absorbed by another, as account and id.
func (s *server) endedOrganizations(ctx context.Context, accounts []string, ids []int64) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("organizations", ids)
	rows, err := list[schemas.OrganizationRow](ctx, s, "organizations_ended", sqlText("organizations_ended"), p)
	ended := make([]string, len(rows))
	for i := range rows {
		ended[i] = userKey(rows[i].Account, rows[i].OrganizationID)
	}
	return ended, err
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

// userKey tells users, or organizations, of several accounts apart.
func userKey(account string, user int64) string { return account + " " + strconv.FormatInt(user, 10) }

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

// addStats puts the figures of tickets beside the Zendesk fields (product.md 3.2), summed over the users that are one person.
func (s *server) addStats(ctx context.Context, accounts []string, users map[string]*person, userIDs []int64) error {
	rows, err := usersRows[schemas.PersonStats](ctx, s, "person_stats", accounts, userIDs)
	if err != nil {
		return err
	}
	byPerson := map[*person]*schemas.PersonStats{}
	for i := range rows {
		if p := users[userKey(rows[i].Account, rows[i].UserID)]; p != nil {
			byPerson[p] = mergeStats(byPerson[p], &rows[i])
		}
	}
	for _, p := range users {
		maps.Copy(p.Zendesk, figuresOf(byPerson[p]))
	}
	return nil
}

// figuresOf gives the figures of a person's tickets by the names of their fields; nil stands for none at all.
func figuresOf(st *schemas.PersonStats) map[string]any {
	if st == nil {
		st = &schemas.PersonStats{}
	}
	return map[string]any{
		"tickets_total": st.TicketsTotal, "tickets_open": st.TicketsOpen, "tickets_closed": st.TicketsClosed,
		"good_ratings": st.GoodRatings, "bad_ratings": st.BadRatings, "first_ticket_at": utc(st.FirstTicketAt), "last_ticket_at": utc(st.LastTicketAt),
		"last_ticket_subject": orNil(st.LastSubject), "last_ticket_status": orNil(st.LastStatus),
		"last_satisfaction_score": orNil(st.LastScore), "last_satisfaction_at": utc(st.LastScoreAt),
	}
}

// mergeStats adds the figures of b to those of a.
func mergeStats(a, b *schemas.PersonStats) *schemas.PersonStats {
	if a == nil {
		return b
	}
	a.FirstTicketAt = firstTicket(a, b)
	a.TicketsTotal += b.TicketsTotal
	a.TicketsOpen += b.TicketsOpen
	a.TicketsClosed += b.TicketsClosed
	a.GoodRatings += b.GoodRatings
	a.BadRatings += b.BadRatings
	if newer(b.LastScoreAt, a.LastScoreAt, b.LastTicketID > a.LastTicketID) {
		a.LastScoreAt, a.LastScore = b.LastScoreAt, b.LastScore
	}
	if newer(b.LastTicketAt, a.LastTicketAt, b.LastTicketID > a.LastTicketID) {
		a.LastTicketAt, a.LastTicketID, a.LastSubject, a.LastStatus = b.LastTicketAt, b.LastTicketID, b.LastSubject, b.LastStatus
	}
	return a
}

// newer tells whether b is the later one; of two at the same time the one with the larger ticket is.
func newer(b, a *time.Time, larger bool) bool {
	if a == nil || b == nil {
		return b != nil
	}
	return b.After(*a) || b.Equal(*a) && larger
}

// firstTicket gives when the first ticket of two came. That of one who has tickets may be unknown, and so is that of both then.
func firstTicket(a, b *schemas.PersonStats) *time.Time {
	switch {
	case a.TicketsTotal == 0:
		return b.FirstTicketAt
	case b.TicketsTotal == 0 || a.FirstTicketAt == nil:
		return a.FirstTicketAt
	case b.FirstTicketAt == nil || b.FirstTicketAt.Before(*a.FirstTicketAt):
		return b.FirstTicketAt
	}
	return a.FirstTicketAt
}

func (s *server) addFirstLast(ctx context.Context, accounts []string, users map[string]*person, userIDs []int64) error {
	rows, err := usersRows[schemas.PersonActivity](ctx, s, "person_activities", accounts, userIDs)
	if err != nil {
		return err
	}
	for i := range rows {
		if p := users[userKey(rows[i].Account, rows[i].UserID)]; p != nil {
			p.addActivity(&rows[i])
		}
	}
	return nil
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

// usersRows reads the rows of users from a table that is keyed by them.
func usersRows[T any](ctx context.Context, s *server, statement string, accounts []string, userIDs []int64) ([]T, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("users", userIDs)
	return list[T](ctx, s, statement, sqlText(statement), p)
}

// idText gives an id as the API writes it; "" for none.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

func utc(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC()
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// parseID reads an id that idText wrote; anything else is 0.
func parseID(s string) int64 {
	id, _ := strconv.ParseInt(s, 10, 64) // 0 means none, as "" does
	return id
}
