package reports

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"

	"deskstream/schemas"
)

func (s *server) snapshotRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/people/snapshot", id: "snapshot-people", tag: tagPeople, summary: "Tag the people who match a filter now", scopes: []string{scopePeople},
		detail: "Looks once at everything that is stored and adds the tag to the list custom.tags of each match, where it stays: find them later with " +
			`{"field":"custom.tags","op":"is","value":"<tag>"}. An audience is what follows changes.`,
	}, s.snapshot)
}

type snapshotInput struct {
	Body struct {
		Filter json.RawMessage `json:"filter" doc:"As in GET /v1/people?filter=; occurs counts as has_occurred"`
		Tag    string          `json:"tag" doc:"Up to 100 letters, digits, spaces and _ - . : /"`
	}
}

type snapshotAnswer struct {
	Matched int      `json:"matched" doc:"People who match"`
	Tagged  int      `json:"tagged" doc:"Of these, who did not have the tag"`
	Full    []string `json:"full" doc:"Ids of people whose list of tags, or whose custom fields take no more: they were not tagged"`
}

// snapshotTag is the form of a tag.
var snapshotTag = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} _.:/-]{0,99}$`)

// fieldTags is the custom field that tags are kept in.
const fieldTags = "tags"

func (s *server) snapshot(ctx context.Context, in *snapshotInput) (*answer[snapshotAnswer], error) {
	if !snapshotTag.MatchString(in.Body.Tag) {
		return nil, schemas.Invalid("body.tag", "must be up to 100 letters, digits, spaces and _ - . : /, beginning with a letter or digit")
	}
	f, err := s.checkFilter(ctx, in.Body.Filter)
	if err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.tagging.Acquire(ctx, 1); err != nil {
		return nil, errBusy
	}
	defer s.tagging.Release(1)
	for _, account := range accounts { // with the tags that people were given just now
		if err := s.reflected(ctx, account, schemas.TablePeople); err != nil {
			return nil, storeError(err)
		}
	}
	out, err := s.tagMatches(ctx, f, accounts, in.Body.Tag)
	for _, account := range accounts {
		s.reflect(ctx, account)
	}
	return reply(out, err)
}

// tagMatches adds a tag to all people who match a filter.
func (s *server) tagMatches(ctx context.Context, f *schemas.Filter, accounts []string, tag string) (snapshotAnswer, error) {
	p := params{}
	p.texts("accounts", accounts)
	p.int("limit", passPage)
	matches := (&filterSQL{params: p, now: s.Now(), zone: s.Location}).filter(f)
	statement := sqlWith("snapshot", matchPieces{matches})
	out := snapshotAnswer{Full: []string{}}
	for last := (personRow{}); ; {
		p.text("after_account", last.Account)
		p.text("after_person", last.PersonID)
		rows, err := listWithin[personRow](ctx, s, passTimeout, "snapshot", statement, p)
		if err == nil {
			err = s.tag(ctx, rows, tag, &out)
		}
		if err != nil || len(rows) < passPage {
			return out, err
		}
		last = rows[len(rows)-1]
	}
}

// tag adds a tag to people and counts them.
func (s *server) tag(ctx context.Context, rows []personRow, tag string, out *snapshotAnswer) error {
	var events []schemas.Event
	at := s.Now().UTC()
	for i := range rows {
		who := personOf(&rows[i].PersonRow)
		out.Matched++
		tags, _ := who.Custom[fieldTags].(string)
		list := textList(who.Custom[fieldTags])
		if tags != "" {
			list = []string{tags}
		}
		if slices.Contains(list, tag) {
			continue
		}
		value := json.RawMessage(jsonText(append(slices.Clone(list), tag)))
		room, err := s.roomOf(ctx, who)
		if err != nil {
			return err
		}
		var bad fieldErrors
		room.take(map[string]json.RawMessage{fieldTags: value}, "", &bad)
		if len(value) > maxCustomBytes || len(bad) > 0 {
			out.Full = append(out.Full, who.ID)
			continue
		}
		told, err := changeEvents(who, schemas.PersonChange{At: at, Custom: map[string]json.RawMessage{fieldTags: value}})
		if err != nil {
			return err
		}
		out.Tagged++
		events = append(events, told...)
	}
	if len(events) == 0 {
		return nil
	}
	return storeError(s.Events.Publish(ctx, events...))
}
