package reports

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

func (s *server) upsertRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/people", id: "upsert-people", tag: tagPeople, summary: "Create or update up to 1000 people", scopes: []string{scopePeople},
		detail: "A JSON array, one JSON object a line (application/x-ndjson), or CSV with a header (text/csv; custom.<key>, permissions.email and " +
			"permissions.sms are columns too; an empty cell says nothing, and custom fields are texts: numbers and booleans come as JSON). " +
			"A row is found by id, else external_id, else email; else it is a new person. " +
			"Whoever carries another external id is not found by email where external ids tell people apart: " +
			"both have the address then. The address or external id by which a person is found replaces no other one that they show, and those of a record that was merged " +
			"into them stay that record's; to give them to the person, say by id who is meant. " +
			"Good rows are taken whatever the others are; the answer tells of each row what became of it. No message is ever sent to Zendesk.",
		maxBody: 8 << 20, accepts: []string{"application/json", "application/x-ndjson", "text/csv"}, list: reflect.TypeFor[upsertPerson](),
	}, s.upsertPeople)
}

type upsertInput struct {
	Source      string `query:"source" maxLength:"200" doc:"Source whose account the people belong to; needed when there are several"`
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/json"`
}

// upsertPerson is one row of a request in JSON, for the document.
type upsertPerson personValues

// TransformSchema is read by huma.
func (*upsertPerson) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["id"] = &huma.Schema{
		Type: huma.TypeString, MaxLength: new(maxName), Description: "Who is meant, if not by external_id or email: an id, email:…, zendesk:… or external:…",
	}
	return s
}

// upsertRow is one row of a request.
type upsertRow struct {
	line   int
	id     string // a name of an existing person, may be empty
	values personValues
	bad    fieldErrors

	arriving bool // another request that runs now creates its person, unless it is there
	target   target
}

// target is the user a row is told of.
type target struct {
	account, source string
	user            schemas.ZID
	before          []string  // people its names led to before, those of earlier rows too
	updated         time.Time // the person, as it is shown
}

type rowResult struct {
	Row    int             `json:"row" doc:"Line in CSV and NDJSON, else the place in the list, from 1"`
	Status string          `json:"status" enum:"created,updated,merged,rejected"`
	ID     string          `json:"id,omitempty" doc:"Of the person"`
	Reason string          `json:"reason,omitempty" doc:"Why it was rejected"`
	Errors []schemas.Field `json:"errors,omitempty"`
}

type upsertAnswer struct {
	Created  int         `json:"created"`
	Updated  int         `json:"updated"`
	Merged   int         `json:"merged" doc:"Rows that made several people one, because they share an identifier"`
	Rejected int         `json:"rejected"`
	Rows     []rowResult `json:"rows"`
}

// maxUpsert bounds the rows of one request.
const maxUpsert = 1000

func (s *server) upsertPeople(ctx context.Context, in *upsertInput) (*answer[upsertAnswer], error) {
	home, err := s.homeOf(ctx, in.Source)
	if err != nil {
		return nil, err
	}
	rows, err := readRows(in.ContentType, in.RawBody)
	if err != nil {
		return nil, err
	}
	switch {
	case len(rows) == 0:
		return nil, schemas.Invalid("body", fmt.Sprintf("must have 1 to %d rows, this one has none", maxUpsert))
	case tooMany(rows):
		return nil, schemas.Invalid("body", fmt.Sprintf("must have 1 to %d rows, this one has at least %d", maxUpsert, len(rows)))
	}
	for _, r := range rows {
		r.check()
		if err := s.refuseKept(ctx, r.values.Custom, "", &r.bad); err != nil {
			return nil, err
		}
	}
	leave := s.arriving.enter(home.Account, rows)
	defer leave()
	if err := s.aim(ctx, home, rows); err != nil {
		return nil, err
	}
	if err := s.publishRows(ctx, rows, s.Now().UTC()); err != nil {
		return nil, err
	}
	return reply(s.outcome(ctx, home, rows))
}

// homeOf finds the source whose account new people belong to.
func (s *server) homeOf(ctx context.Context, id string) (schemas.Source, error) {
	if id != "" {
		return s.source(ctx, id)
	}
	all, err := s.Sources.Sources(ctx)
	if err != nil {
		return schemas.Source{}, storeError(err)
	}
	switch len(all) {
	case 0:
		return schemas.Source{}, &schemas.Problem{Class: schemas.ErrConflict, Code: "no-source", Detail: "there is no source yet; people belong to the account of one"}
	case 1:
		return all[0], nil
	}
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	slices.Sort(ids)
	return schemas.Source{}, schemas.Invalid("query.source", "must name one of the sources: "+strings.Join(ids, ", "))
}

// check refuses a row that cannot be used.
func (r *upsertRow) check() {
	if len(r.bad) > 0 {
		return
	}
	r.bad = r.values.clean("")
	if utf8.RuneCountInString(r.id) > maxName {
		r.bad.add("id", fmt.Sprintf("must have at most %d characters", maxName))
	}
	if len(r.bad) == 0 && len(r.names()) == 0 && textOf(r.values.PhoneNumber) == "" {
		r.bad.add("external_id", "or id, email or phone_number must say who the person is")
	}
	if len(r.bad) == 0 && r.values.empty() {
		r.bad.add("first_name", "or another field must be given: the row says nothing about the person")
	}
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// names are the aliases by which the row's person may be known, the first one first.
func (r *upsertRow) names() []string {
	if r.id != "" {
		return []string{strings.ToLower(r.id)}
	}
	return r.aliases()
}

// aliases are the names that the row's values give its person.
func (r *upsertRow) aliases() []string {
	var out []string
	if v := textOf(r.values.ExternalID); v != "" {
		out = append(out, "external:"+strings.ToLower(v))
	}
	if v := textOf(r.values.Email); v != "" {
		out = append(out, "email:"+v)
	}
	return out
}

// newUser is the user a row is told of when nobody is found.
func (r *upsertRow) newUser(account string) schemas.ZID {
	for _, i := range []struct{ kind, value string }{
		{schemas.IdentifierExternalID, strings.ToLower(textOf(r.values.ExternalID))},
		{schemas.IdentifierEmail, textOf(r.values.Email)},
		{schemas.IdentifierPhone, textOf(r.values.PhoneNumber)},
	} {
		if i.value != "" {
			return schemas.OwnUserID(account, i.kind, i.value)
		}
	}
	return 0
}

// aim finds out of whom each row speaks, who may have come with a row before it.
func (s *server) aim(ctx context.Context, home schemas.Source, rows []*upsertRow) error {
	var names []string
	for _, r := range rows {
		if len(r.bad) == 0 {
			names = append(append(names, r.names()...), r.aliases()...)
			names = append(names, schemas.OwnPersonID(home.Account, r.newUser(home.Account)))
		}
	}
	found, err := s.peopleNamed(ctx, []string{home.Account}, names)
	if err != nil {
		return err
	}
	d := newDirectory(home, found)
	for _, r := range rows {
		if user := r.newUser(home.Account); r.arriving {
			d.add(named{PersonID: schemas.OwnPersonID(home.Account, user), UserIDs: []int64{int64(user)}})
		}
	}
	for _, r := range rows {
		if len(r.bad) == 0 {
			r.aim(home, d)
		}
	}
	return s.fitRows(ctx, found, rows)
}

func (r *upsertRow) aim(home schemas.Source, d *directory) {
	t := &r.target
	t.account, t.source = home.Account, home.ID
	names := r.names()
	if r.id == "" {
		t.user = r.newUser(home.Account)
		names = append(names, t.name())
	}
	isTheirs := func(name string) bool { return len(d.found[name].UserIDs) > 0 && !d.somebodyElse(r, d.found[name]) }
	i := slices.IndexFunc(names, isTheirs)
	switch {
	case i >= 0:
		t.user, t.updated = schemas.ZID(d.found[names[i]].UserIDs[0]), d.found[names[i]].UpdatedAt
	case t.user == 0:
		r.bad.add("id", "there is no person of this id, address or external id")
		return
	case len(d.found[t.name()].UserIDs) > 0:
		r.bad.add("external_id", "was that of "+d.found[t.name()].PersonID+", who carries another one now: say by id that it is this person, or take another external id")
		return
	}
	names = append(names, r.aliases()...)
	for _, name := range names {
		if isTheirs(name) && !slices.Contains(t.before, d.found[name].PersonID) {
			t.before = append(t.before, d.found[name].PersonID)
		}
	}
	if i >= 0 && r.id == "" {
		d.spare(r, names[i])
	}
	if i >= 0 {
		d.bind(r, d.found[names[i]])
	}
	r.tell(d, append(names, t.name()))
}

// tell has the names that lead nowhere yet lead to the row's person, for the rows after it.
func (r *upsertRow) tell(d *directory, names []string) {
	who := named{PersonID: r.target.name(), UserIDs: []int64{int64(r.target.user)}, Own: 1, UpdatedAt: r.target.updated}
	if len(r.target.before) > 0 {
		who.PersonID = r.target.before[0]
	}
	for _, name := range names {
		if len(d.found[name].UserIDs) == 0 {
			d.found[name] = who
		}
	}
	if d.externals == nil {
		return
	}
	was := d.externals[who.PersonID]
	external := cmp.Or(strings.ToLower(textOf(r.values.ExternalID)), was)
	if d.externals[who.PersonID] = external; was != external && schemas.IsOwnUser(r.target.user) {
		delete(d.found, "external:"+was)
	}
	for _, before := range r.target.before { // One with the row's person now, by what they share.
		d.externals[before] = cmp.Or(d.externals[before], external)
	}
}

// publishRows stores the rows, later ones as the newer word.
func (s *server) publishRows(ctx context.Context, rows []*upsertRow, at time.Time) error {
	events := make([]schemas.Event, 0, len(rows))
	for i, r := range rows {
		if len(r.bad) > 0 || r.values.empty() {
			continue
		}
		c := r.values.change(after(r.target.updated, at).Add(time.Duration(i)))
		c.ID = r.target.user
		e, err := apiEvent(r.target.account, r.target.source, schemas.KindPerson, at, c)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	for chunk := range slices.Chunk(events, 500) {
		if err := s.Events.Publish(ctx, chunk...); err != nil {
			return storeError(err)
		}
	}
	return nil
}

// outcome waits until the rows can be read back, if possible, and tells what became of each.
func (s *server) outcome(ctx context.Context, home schemas.Source, rows []*upsertRow) (upsertAnswer, error) {
	var names []string
	for _, r := range rows {
		if len(r.bad) == 0 {
			names = append(append(names, r.target.name()), r.target.before...)
		}
	}
	s.reflect(ctx, home.Account)
	found, err := s.peopleNamed(ctx, []string{home.Account}, names)
	if err != nil {
		return upsertAnswer{}, fmt.Errorf("the people are stored, but cannot be read back now: %w", err)
	}
	out := upsertAnswer{Rows: make([]rowResult, len(rows))}
	known := parties{}
	for i, r := range rows {
		out.Rows[i] = r.result(found, known)
		out.count(out.Rows[i].Status)
	}
	return out, nil
}

// name is the alias under which the user's person is found.
func (t *target) name() string { return schemas.OwnPersonID(t.account, t.user) }

func (a *upsertAnswer) count(status string) {
	switch status {
	case "created":
		a.Created++
	case "updated":
		a.Updated++
	case "merged":
		a.Merged++
	default:
		a.Rejected++
	}
}

// parties lead from people to whom they are one with since an earlier row.
type parties map[string]string

func (p parties) of(person string) string {
	for p[person] != "" {
		person = p[person]
	}
	return person
}

// result tells what became of a row, and adds to known whom it made one.
func (r *upsertRow) result(found map[string]named, known parties) rowResult {
	if len(r.bad) > 0 {
		return rowResult{Row: r.line, Status: "rejected", Reason: r.bad[0].Location + ": " + r.bad[0].Message, Errors: r.bad}
	}
	id := r.target.name()
	if who, ok := found[id]; ok {
		id = who.PersonID
	}
	out := rowResult{Row: r.line, Status: "created", ID: id}
	if len(r.target.before) > 0 {
		out.Status = "updated"
	}
	survivor := ""
	for _, before := range r.target.before {
		if found[before].PersonID != id && before != id {
			continue
		}
		switch party := known.of(before); survivor {
		case "":
			survivor = party
		case party:
		default:
			known[party], out.Status = survivor, "merged"
		}
	}
	return out
}
