package reports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"deskstream/schemas"
)

func (s *server) mergeRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{
		method: http.MethodPost, path: "/v1/people/merge", id: "merge-people", tag: tagPeople, summary: "Merge people into one", scopes: scopes,
		detail: "The survivor keeps its id; the ids of the others lead to it from then on, with their activities, tickets and identifiers. Of each field the " +
			"survivor's value stays, or the newest of the others where it has none, until a newer one is told; zendesk stays the survivor's, and what is empty in it " +
			"is filled from the others. Together they may have as many custom fields as one person. dry_run changes nothing and shows the person as it would be.",
	}, s.mergePeople)
	handle(s, route{
		method: http.MethodGet, path: "/v1/people/{id}/merges", id: "list-person-merges", tag: tagPeople, summary: "Merges of a person, newest first", scopes: scopes,
		detail: "Those by hand, by an identifier and by Zendesk, in force and ended.",
	}, s.listMerges)
	handle(s, route{
		method: http.MethodPost, path: "/v1/merges/{id}/undo", id: "undo-merge", tag: tagPeople, summary: "Undo a merge", scopes: scopes,
		detail: "The absorbed person is one of its own again, with its activities and tickets, and what it has in common with the survivor does not merge them " +
			"again, until somebody merges them by hand.",
	}, s.undoMerge)
}

type mergeInput struct {
	Body struct {
		Survivor string   `json:"survivor" minLength:"1" maxLength:"1033" doc:"Id, email:, zendesk:, external: or phone:"`
		Others   []string `json:"others" minItems:"1" maxItems:"50" doc:"People to be absorbed"`
		DryRun   bool     `json:"dry_run,omitempty" doc:"Only show what would become of them"`
	}
}

type mergeAnswer struct {
	DryRun     bool            `json:"dry_run"`
	Absorbed   []string        `json:"absorbed" doc:"Ids that lead to the survivor from then on"`
	Activities int64           `json:"activities" doc:"Of all of them together, since the beginning"`
	Conflicts  []fieldConflict `json:"conflicts" doc:"Fields in which they differ; the survivor's value stays"`
	Person     person          `json:"person" doc:"The survivor; with dry_run as it would be"`
}

type fieldConflict struct {
	Field  string            `json:"field"`
	Values map[string]string `json:"values" doc:"By person id"`
}

func (s *server) mergePeople(ctx context.Context, in *mergeInput) (*answer[mergeAnswer], error) {
	people, err := s.toMerge(ctx, in)
	if err != nil {
		return nil, err
	}
	if !in.Body.DryRun {
		end, free := s.merging.begin(people)
		defer end()
		now, err := s.toMerge(ctx, in) // another merge may have come in between
		if err != nil {
			return nil, err
		}
		if !free || !slices.EqualFunc(now, people, func(a, b *person) bool { return a.ID == b.ID }) {
			return nil, &schemas.Problem{Class: schemas.ErrConflict, Code: "merge-under-way", Detail: "another merge of one of these people is under way; try again"}
		}
		people = now
	}
	if err := s.fitTogether(ctx, people); err != nil {
		return nil, err
	}
	survivor, others := people[0], people[1:]
	out := mergeAnswer{DryRun: in.Body.DryRun}
	if out.Conflicts, err = s.conflicts(ctx, people); err != nil {
		return nil, err
	}
	out.Activities = survivor.activities()
	for _, p := range others {
		out.Absorbed = append(out.Absorbed, p.ID)
		out.Activities += p.activities()
	}
	if in.Body.DryRun {
		out.Person, err = s.wouldBe(ctx, survivor, out.Absorbed)
	} else {
		out.Person, err = s.join(ctx, survivor, others)
	}
	return reply(out, err)
}

// toMerge looks up the people of a merge, the survivor first.
func (s *server) toMerge(ctx context.Context, in *mergeInput) ([]*person, error) {
	survivor, err := s.person(ctx, in.Body.Survivor)
	if err != nil {
		return nil, blame(err, "body.survivor")
	}
	others, err := s.absorbed(ctx, survivor, in.Body.Others)
	return append([]*person{survivor}, others...), err
}

// mergings are the people whom this process is about to merge. Two merges of the same people at once would both be stored, and one of them would
// undo the other. It is safe for concurrent use.
type mergings struct {
	mu  sync.Mutex
	ids map[string]bool
}

// begin takes people, unless one of them is taken; end gives back what it took.
func (m *mergings) begin(people []*person) (end func(), free bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(people, func(p *person) bool { return m.ids[p.ID] }) {
		return func() {}, false
	}
	if m.ids == nil {
		m.ids = map[string]bool{}
	}
	for _, p := range people {
		m.ids[p.ID] = true
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, p := range people {
			delete(m.ids, p.ID)
		}
	}, true
}

// absorbed looks up the people that shall be part of the survivor.
func (s *server) absorbed(ctx context.Context, survivor *person, names []string) ([]*person, error) {
	var people []*person
	var bad fieldErrors
	for i, name := range names {
		at := fmt.Sprintf("body.others[%d]", i)
		p, err := s.person(ctx, name)
		switch {
		case err != nil:
			return nil, blame(err, at)
		case p.ID == survivor.ID:
			bad.add(at, "is the survivor, or was merged into it already")
		case slices.ContainsFunc(people, func(o *person) bool { return o.ID == p.ID }):
			bad.add(at, "is the same person as one before it")
		case p.account != survivor.account:
			bad.add(at, "belongs to another account than the survivor")
		default:
			people = append(people, p)
		}
	}
	return people, invalidFields(bad)
}

// activities is how many there ever were.
func (p *person) activities() int64 {
	n := int64(0)
	for _, r := range p.FirstLast {
		n += r.Count
	}
	return n
}

// wouldBe asks the processors, who decide, for a person as it would be if others were merged into it.
func (s *server) wouldBe(ctx context.Context, survivor *person, others []string) (person, error) {
	var facts *schemas.PersonFacts
	err := schemas.ErrUnavailable
	if s.Teller != nil {
		facts, err = s.Teller.Person(ctx, survivor.account, survivor.ID, others...)
	}
	if err != nil || facts == nil {
		return person{}, &schemas.Problem{
			Class: schemas.ErrUnavailable, Code: "processors-unavailable", Detail: "who decides what becomes of people does not answer now; try the dry run again",
		}
	}
	return *described(facts), nil
}

// conflicts lists the fields in which people differ. Fields that keep values of activities are none: they go on to have the newest.
func (s *server) conflicts(ctx context.Context, people []*person) ([]fieldConflict, error) {
	settings, err := s.fieldSettings.lately(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	var all []fieldConflict
	for _, p := range people {
		p.eachValue(func(field, value string) {
			if value == "" || slices.ContainsFunc(settings.Kept, func(f keptField) bool { return field == customPrefix+f.Key }) {
				return
			}
			if _, known := at[field]; !known {
				at[field] = len(all)
				all = append(all, fieldConflict{Field: field, Values: map[string]string{}})
			}
			all[at[field]].Values[p.ID] = value
		})
	}
	return slices.DeleteFunc(all, fieldConflict.agrees), nil
}

// agrees says whether all have the same value.
func (c fieldConflict) agrees() bool {
	values := slices.Sorted(maps.Values(c.Values))
	return values[0] == values[len(values)-1]
}

// decidedByZendesk are the members of zendesk that people may differ in by what was decided about them, beside those below fields.
var decidedByZendesk = []string{"name", "email", "phone", "external_id", "alias", "details", "notes", "locale", "time_zone", "tags"}

// eachValue gives the values of a person that a merge decides about, as text.
func (p *person) eachValue(fn func(field, value string)) {
	for i, name := range []string{"first_name", "last_name", "email", "phone_number", "language", "timezone", "external_id"} {
		fn(name, *fieldsOf(p)[i])
	}
	if p.Organization != nil {
		fn("organization.id", p.Organization.ID)
	}
	for _, name := range decidedByZendesk {
		fn("zendesk."+name, shownText(p.Zendesk[name]))
	}
	fields, _ := p.Zendesk["fields"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		fn("zendesk.fields."+key, shownText(fields[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(p.Custom)) {
		fn(customPrefix+key, shownText(p.Custom[key]))
	}
}

// shownText gives a value as text, "" for none.
func shownText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	if text := jsonText(v); text != "[]" {
		return text
	}
	return ""
}

// join tells the processors that people are one, and gives the person that they are then.
func (s *server) join(ctx context.Context, survivor *person, others []*person) (person, error) {
	ids := slices.Clone(survivor.ownIDs)
	for _, p := range others {
		ids = append(ids, p.ownIDs...)
	}
	earlier, err := s.merges(ctx, []string{survivor.account}, ids, "", feedStart, maxMerges)
	if err != nil {
		return person{}, err
	}
	at := afterMerges(s.Now(), earlier)
	l := schemas.PersonLink{ID: schemas.ZID(survivor.userIDs[0]), At: at}
	for _, p := range append([]*person{survivor}, others...) {
		for _, id := range p.userIDs {
			l.Together = append(l.Together, schemas.ZID(id))
		}
		if p != survivor {
			l.Others = append(l.Others, schemas.ZID(p.userIDs[0]))
		}
	}
	if len(l.Together) > schemas.MaxLinked {
		return person{}, &schemas.Problem{Class: schemas.ErrConflict, Code: "too-many-users", Detail: fmt.Sprintf(
			"the people have %d users together; at most %d can be one person by hand", len(l.Together), schemas.MaxLinked)}
	}
	e, err := apiEvent(survivor.account, survivor.source(), schemas.KindLink, at, l)
	if err != nil {
		return person{}, err
	}
	if err := s.Events.Publish(ctx, e); err != nil {
		return person{}, storeError(err)
	}
	shown := s.reflect(ctx, survivor.account)
	return s.joined(ctx, survivor, others, shown)
}

// afterMerges gives the time of what is said of people in the knowledge of their merges: it is later than these, though another clock was ahead of this one.
func afterMerges(now time.Time, merges []schemas.PersonMerge) time.Time {
	at := now.UTC()
	for i := range merges {
		newest := merges[i].At
		if ended := merges[i].EndedAt; ended != nil {
			newest = *ended
		}
		if least := newest.Add(time.Second); at.Before(least) { // they are told by the second
			at = least
		}
	}
	return at
}

// joined gives the person that people were made, an error when that is not what they are now. shown says whether it could be seen.
func (s *server) joined(ctx context.Context, survivor *person, others []*person, shown bool) (person, error) {
	now, err := s.person(ctx, survivor.ID)
	switch {
	case err != nil:
		return person{}, fmt.Errorf("the merge is stored, but cannot be read back now: %w", err)
	case !slices.ContainsFunc(others, func(p *person) bool { return !slices.Contains(now.ownIDs, p.ID) }):
		return *now, nil // who may be a part of somebody else by now
	case !shown:
		return person{}, &schemas.Problem{
			Class: schemas.ErrUnavailable, Code: "processors-unavailable", Detail: "the merge is stored and comes into force as soon as the processors go on; do not ask for it again",
		}
	}
	return person{}, &schemas.Problem{
		Class: schemas.ErrConflict, Code: "merge-overtaken",
		Detail: "something else that happened to these people at the same time holds instead; GET /v1/people/{id} tells who they are",
	}
}

type mergeView struct {
	ID       string     `json:"id"`
	Absorbed string     `json:"absorbed" doc:"Person id"`
	Survivor string     `json:"survivor" doc:"Person id"`
	Reason   string     `json:"reason" enum:"manual,zendesk,external-id,email,phone-number" doc:"By hand, by Zendesk, or the identifier both carry"`
	At       time.Time  `json:"at"`
	EndedAt  *time.Time `json:"ended_at" doc:"Null while it is in force"`
	Undone   bool       `json:"undone" doc:"Ended because somebody undid it"`
}

func viewMerge(m *schemas.PersonMerge) mergeView {
	v := mergeView{ID: m.MergeID, Absorbed: m.AbsorbedID, Survivor: m.SurvivorID, Reason: m.Reason, At: m.At.UTC(), Undone: m.Undone == 1}
	if m.EndedAt != nil {
		v.EndedAt = new(m.EndedAt.UTC())
	}
	return v
}

// maxMerges bounds the merges of one person that an undo looks at.
const maxMerges = 1000

// merges gives those into or of people, or one, from behind a position.
func (s *server) merges(ctx context.Context, accounts, people []string, merge string, before feedPosition, limit int) ([]schemas.PersonMerge, error) {
	p := params{}
	p.texts("accounts", accounts)
	p.texts("people", people)
	p.text("merge", merge)
	p.time("before", time.Unix(before.At, 0))
	p.text("before_id", before.ID)
	p.int("limit", int64(limit))
	return list[schemas.PersonMerge](ctx, s, "merges", sqlText("merges"), p)
}

type mergesInput struct {
	ID string `path:"id" maxLength:"1033" doc:"Id"`
	Paging
}

func (s *server) listMerges(ctx context.Context, in *mergesInput) (*answer[page[mergeView]], error) {
	before := feedStart
	if _, err := decodeCursor("merges", in.Cursor, &before); err != nil {
		return nil, err
	}
	who, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	rows, err := s.merges(ctx, []string{who.account}, who.ownIDs, "", before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	rows, more := cut(rows, in.Limit)
	out := page[mergeView]{Items: make([]mergeView, len(rows))}
	for i := range rows {
		out.Items[i] = viewMerge(&rows[i])
	}
	if more {
		last := rows[len(rows)-1]
		out.NextCursor, err = encodeCursor("merges", feedPosition{last.At.Unix(), last.MergeID})
	}
	return reply(out, err)
}

func (s *server) undoMerge(ctx context.Context, in *byID) (*answer[mergeView], error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.merges(ctx, accounts, nil, in.ID, feedStart, 1)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-merge", Detail: "there is no merge with this id; GET /v1/people/{id}/merges lists them"}
	}
	m := found[0]
	if m.EndedAt != nil {
		return nil, &schemas.Problem{Class: schemas.ErrConflict, Code: "merge-ended", Detail: "the merge is not in force any more"}
	}
	at, err := s.takeApart(ctx, &m)
	if err != nil {
		return nil, err
	}
	m.EndedAt, m.Undone = new(at.Truncate(time.Second)), 1
	return reply(viewMerge(&m), nil)
}

// takeApart tells the processors that those who came with the absorbed user are not the same person as the rest, and gives since when.
func (s *server) takeApart(ctx context.Context, m *schemas.PersonMerge) (at time.Time, err error) {
	who, err := s.person(ctx, m.SurvivorID)
	if err != nil {
		return at, err
	}
	all, err := s.merges(ctx, []string{m.Account}, who.ownIDs, "", feedStart, maxMerges)
	if err != nil {
		return at, err
	}
	gone := branch(all, m.UserID)
	var rest []schemas.ZID
	for _, id := range who.userIDs {
		if !slices.Contains(gone, id) {
			rest = append(rest, schemas.ZID(id))
		}
	}
	if len(gone)*len(rest) > maxPairs {
		return at, &schemas.Problem{Class: schemas.ErrConflict, Code: "too-many-users", Detail: fmt.Sprintf(
			"%d users would leave %d others; at most %d pairs of users can be taken apart at a time", len(gone), len(rest), maxPairs)}
	}
	at = afterMerges(s.Now(), all)
	events, err := partings(m.Account, who.source(), at, gone, rest)
	if err != nil {
		return at, err
	}
	if err := s.Events.Publish(ctx, events...); err != nil {
		return at, storeError(err)
	}
	s.reflect(ctx, m.Account)
	return at, nil
}

// maxPairs bounds the decisions that one undo makes: each of those who leave is another person than each of those who stay.
const maxPairs = 10_000

// partings says of each user that it is another person than each of the rest. One event is about MaxLinked others at most; an undo that
// was published in part only is made whole by the next one.
func partings(account, source string, at time.Time, users []int64, rest []schemas.ZID) ([]schemas.Event, error) {
	var events []schemas.Event
	for _, id := range users {
		for others := range slices.Chunk(rest, schemas.MaxLinked) {
			e, err := apiEvent(account, source, schemas.KindLink, at, schemas.PersonLink{ID: schemas.ZID(id), At: at, Others: others, Apart: true})
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
	}
	return events, nil
}

// branch gives a user and those who belong to its person only through it.
func branch(merges []schemas.PersonMerge, user int64) []int64 {
	out := []int64{user}
	for i := 0; i < len(out); i++ {
		for _, m := range merges {
			if m.EndedAt == nil && m.ViaUserID == out[i] && !slices.Contains(out, m.UserID) {
				out = append(out, m.UserID)
			}
		}
	}
	slices.SortFunc(out, cmp.Compare[int64])
	return out
}
