package reports

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

func (s *server) identifierRoutes() {
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources/{id}/identifiers/preview", id: "preview-identifiers", tag: tagSources,
		summary: "Whom other identifiers would merge or take apart", scopes: []string{scopeAdmin},
		detail: "Changes nothing. PATCH /v1/sources/{id} with the same identifiers does it.",
	}, s.previewIdentifiers)
}

type identifierChange struct {
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		Identifiers []string `json:"identifiers" doc:"external-id, email, phone-number; strongest first"`
	}
}

type identifierPreview struct {
	Current  []string         `json:"current"`
	Proposed []string         `json:"proposed"`
	Merge    int              `json:"would_merge" doc:"People that another one would absorb"`
	Split    int              `json:"would_split" doc:"People that would come out of another one"`
	Examples []identifierCase `json:"examples" doc:"The first of them"`
}

type identifierCase struct {
	Now  []string `json:"now" doc:"Person ids"`
	Then []string `json:"then" doc:"Person ids"`
}

// maxExamples bounds the cases a preview shows.
const maxExamples = 20

func (s *server) previewIdentifiers(ctx context.Context, in *identifierChange) (*answer[identifierPreview], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var bad fieldErrors
	var proposed []string
	bad.identifiers(&proposed, &in.Body.Identifiers)
	if err := invalidFields(bad); err != nil {
		return nil, err
	}
	e, err := s.identifierEffect(ctx, src.Account, src.Identifiers, proposed)
	if err != nil {
		return nil, err
	}
	out := identifierPreview{Current: src.Identifiers, Proposed: proposed, Merge: e.merged, Split: e.split, Examples: e.cases}
	return reply(out, nil)
}

// identifierEffect is what other identifiers change.
type identifierEffect struct {
	merged, split int
	cases         []identifierCase
	users         []int64 // whose people have to be worked out anew
}

// identifierEffect compares who is the same person by the identifiers in force and by others.
func (s *server) identifierEffect(ctx context.Context, account string, now, then []string) (identifierEffect, error) {
	e := identifierEffect{cases: []identifierCase{}}
	users, err := s.sharers(ctx, account, slices.Concat(now, then))
	if err != nil {
		return e, err
	}
	before, after := s.Group(slices.Clone(users), now), s.Group(users, then)
	was, becomes := headOf(before), headOf(after)
	for _, p := range after {
		if heads := distinctHeads(p.Members, was); len(heads) > 1 {
			e.merged += len(heads) - 1
			e.add(account, heads, []int64{p.Members[0]}, p.Members)
		}
	}
	for _, p := range before {
		if heads := distinctHeads(p.Members, becomes); len(heads) > 1 {
			e.split += len(heads) - 1
			e.add(account, []int64{p.Members[0]}, heads, p.Members)
		}
	}
	slices.Sort(e.users)
	e.users = slices.Compact(e.users)
	return e, nil
}

func (e *identifierEffect) add(account string, now, then, users []int64) {
	e.users = append(e.users, users...)
	if len(e.cases) < maxExamples {
		e.cases = append(e.cases, identifierCase{Now: personIDs(account, now), Then: personIDs(account, then)})
	}
}

func personIDs(account string, users []int64) []string {
	out := make([]string, len(users))
	for i, id := range users {
		out[i] = schemas.OwnPersonID(account, schemas.ZID(id))
	}
	return out
}

func headOf(parties []schemas.Party) map[int64]int64 {
	heads := map[int64]int64{}
	for _, p := range parties {
		for _, id := range p.Members {
			heads[id] = p.Members[0]
		}
	}
	return heads
}

func distinctHeads(members []int64, heads map[int64]int64) []int64 {
	var out []int64
	for _, id := range members {
		if !slices.Contains(out, heads[id]) {
			out = append(out, heads[id])
		}
	}
	return out
}

// sharedIdentity is one identifier of a user.
type sharedIdentity struct {
	UserID  int64     `ch:"user_id"`
	Kind    string    `ch:"kind"`
	Value   string    `ch:"value"`
	Strong  uint8     `ch:"strong"`
	Created time.Time `ch:"created_at"`
}

// sharers gives the users that are the same person as another, or could be by some identifiers.
func (s *server) sharers(ctx context.Context, account string, kinds []string) ([]schemas.Identified, error) {
	p := params{}
	p.text("account", account)
	p.texts("kinds", kinds)
	p.int("sharers", schemas.MaxSharers)
	p.int("limit", maxResultRows)
	rows, err := list[sharedIdentity](ctx, s, "shared_identities", sqlText("shared_identities"), p)
	if err != nil {
		return nil, err
	}
	if len(rows) == maxResultRows {
		return nil, errTooManyRows
	}
	var users []schemas.Identified
	at := map[int64]int{}
	for _, r := range rows {
		i, ok := at[r.UserID]
		if !ok {
			i = len(users)
			at[r.UserID] = i
			users = append(users, schemas.Identified{User: r.UserID, Created: r.Created.Unix()})
		}
		users[i].Identities = append(users[i].Identities, schemas.Identity{Kind: r.Kind, Value: r.Value, Strong: r.Strong == 1})
	}
	return users, s.addDecisions(ctx, account, users, at)
}

// addDecisions adds what holds whatever the identifiers are: merges by hand and by Zendesk, and what somebody took apart. The log of merges says of whom
// somebody decided anything; what is in force the processors know. Where they do not answer, whom the log shows as taken apart is so from whom it came by.
func (s *server) addDecisions(ctx context.Context, account string, users []schemas.Identified, at map[int64]int) error {
	p := params{}
	p.text("account", account)
	rows, err := list[schemas.PersonMerge](ctx, s, "merge_decisions", sqlText("merge_decisions"), p)
	if err != nil {
		return err
	}
	byHand := map[int64]bool{}
	var logged []schemas.Decided
	for _, m := range rows {
		i, known := at[m.UserID]
		switch {
		case !known:
		case m.Undone == 1 || m.Reason == schemas.MergedByHand:
			byHand[m.UserID] = true
			logged = append(logged, schemas.Decided{User: m.UserID, Other: m.ViaUserID, At: m.At.UnixNano(), Apart: m.Undone == 1})
		default:
			users[i].Merged = append(users[i].Merged, m.ViaUserID)
		}
	}
	decided, told := s.decidedOf(ctx, account, slices.Sorted(maps.Keys(byHand)))
	if !told {
		decided = logged
	}
	addDecided(users, at, decided)
	return nil
}

// decidedOf asks the processors what is decided about users; told is false where they do not answer.
func (s *server) decidedOf(ctx context.Context, account string, users []int64) (all []schemas.Decided, told bool) {
	if s.Teller == nil {
		return nil, false
	}
	found := make([][]schemas.Decided, len(users))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(looksAtOnce)
	for i, id := range users {
		g.Go(func() error {
			facts, err := s.Teller.Person(ctx, account, schemas.OwnPersonID(account, schemas.ZID(id)))
			if facts != nil {
				found[i] = facts.Decided
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		s.Log.Debug().Err(err).Msg("what was decided about people is looked up in the log of merges")
		return nil, false
	}
	return slices.Concat(found...), true
}

// looksAtOnce bounds the questions that one request asks the processors at a time.
const looksAtOnce = 8

// addDecided adds decisions to both users that each is about, once.
func addDecided(users []schemas.Identified, at map[int64]int, decided []schemas.Decided) {
	seen := map[[2]int64]bool{}
	for _, d := range decided {
		i, one := at[d.User]
		j, other := at[d.Other]
		pair := [2]int64{min(d.User, d.Other), max(d.User, d.Other)}
		if !one || !other || seen[pair] {
			continue
		}
		seen[pair] = true
		u, o := &users[i], &users[j]
		if d.Apart {
			u.Apart, o.Apart = append(u.Apart, d.Other), append(o.Apart, d.User)
			continue
		}
		u.Joined = append(u.Joined, schemas.Joined{Other: d.Other, At: d.At, Leads: d.Leads})
		o.Joined = append(o.Joined, schemas.Joined{Other: d.User, At: d.At, Leads: !d.Leads})
	}
}

// regroup has the people worked out anew whom a change of identifiers concerns.
func (s *server) regroup(ctx context.Context, src *schemas.Settings, before []string) error {
	e, err := s.identifierEffect(ctx, src.Account, before, src.Identifiers)
	if err != nil {
		return err
	}
	at := s.Now().UTC()
	for chunk := range slices.Chunk(e.users, 500) {
		events := make([]schemas.Event, len(chunk))
		for i, id := range chunk {
			if events[i], err = apiEvent(src.Account, src.ID, schemas.KindPerson, at, schemas.PersonChange{ID: schemas.ZID(id), At: at}); err != nil {
				return err
			}
		}
		if err := s.Events.Publish(ctx, events...); err != nil {
			return storeError(err)
		}
	}
	s.reflect(ctx, src.Account)
	return nil
}
