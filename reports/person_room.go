package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"deskstream/schemas"
)

// ownRoom is what a person has of fields of the customer's own, in bytes by key; fields that keep values of activities do not count.
type ownRoom map[string]int

// roomOf counts the fields of people that are one, or are to be: of a field that several have the longest value.
func (s *server) roomOf(ctx context.Context, people ...*person) (ownRoom, error) {
	settings, err := s.fieldSettings.lately(ctx)
	if err != nil {
		return nil, err
	}
	room := ownRoom{}
	for _, p := range people {
		for key, value := range p.Custom {
			if !settings.keeps(key) {
				room[key] = max(room[key], schemas.OwnFieldBytes(key, jsonText(value)))
			}
		}
	}
	return room, nil
}

func (r ownRoom) sum() ownSum {
	n := ownSum{fields: len(r)}
	for _, bytes := range r {
		n.bytes += bytes
	}
	return n
}

// full says why the fields are more than a person may have; "" when they are not.
func (r ownRoom) full() string {
	switch n := r.sum(); {
	case n.fields > schemas.MaxOwnFields:
		return fmt.Sprintf("would be one of %d custom fields; a person has at most %d, and null takes one away", n.fields, schemas.MaxOwnFields)
	case n.bytes > schemas.MaxOwnBytes:
		return fmt.Sprintf("would make the custom fields %d bytes of JSON together; a person has at most %d, and null takes a field away", n.bytes, schemas.MaxOwnBytes)
	}
	return ""
}

// fits refuses custom fields that there is no room for with a person.
func (s *server) fits(ctx context.Context, who *person, custom map[string]json.RawMessage) error {
	if len(custom) == 0 {
		return nil
	}
	room, err := s.roomOf(ctx, who)
	if err != nil {
		return err
	}
	var bad fieldErrors
	room.take(custom, "body.", &bad)
	return invalidFields(bad)
}

// fitTogether refuses to merge people who would have more custom fields than one may have.
func (s *server) fitTogether(ctx context.Context, people []*person) error {
	room, err := s.roomOf(ctx, people...)
	n := room.sum()
	if err != nil || n.fits() {
		return err
	}
	return &schemas.Problem{Class: schemas.ErrConflict, Code: "too-many-fields", Detail: fmt.Sprintf(
		"the people have %d custom fields of %d bytes of JSON together; one person has at most %d of %d: take some away first", n.fields, n.bytes,
		schemas.MaxOwnFields, schemas.MaxOwnBytes)}
}

// take makes room for what is told, and names the fields that there is no room for; nothing is taken then. Who has more already may have less.
func (r ownRoom) take(custom map[string]json.RawMessage, at string, bad *fieldErrors) ownRoom {
	next := maps.Clone(r)
	var grown []string
	for key, value := range custom {
		bytes := schemas.OwnFieldBytes(key, string(value))
		switch have, known := next[key]; {
		case string(value) == "null":
			delete(next, key)
		case known && bytes <= have:
			next[key] = bytes
		default:
			grown = append(grown, key)
		}
	}
	slices.Sort(grown)
	fits := true
	for _, key := range grown {
		have, known := next[key]
		next[key] = schemas.OwnFieldBytes(key, string(custom[key]))
		why := next.full()
		if why == "" {
			continue
		}
		bad.add(at+customPrefix+key, why)
		fits = false
		if delete(next, key); known {
			next[key] = have
		}
	}
	if !fits {
		return r
	}
	return next
}

// fitRows refuses rows with custom fields that there is no room for with their person, each with those before it. People are looked at only where the
// tables do not show that there is room enough.
func (s *server) fitRows(ctx context.Context, found map[string]named, rows []*upsertRow) error {
	most := mostOf(found, rows)
	rooms := map[string]ownRoom{}
	for _, r := range rows {
		who := r.target.person()
		if len(r.bad) > 0 || len(r.values.Custom) == 0 || most[who].fits() {
			continue
		}
		if rooms[who] == nil {
			people, err := s.peopleBefore(ctx, r.target.before)
			if err != nil {
				return err
			}
			if rooms[who], err = s.roomOf(ctx, people...); err != nil {
				return err
			}
		}
		rooms[who] = rooms[who].take(r.values.Custom, "", &r.bad)
	}
	return nil
}

// peopleBefore looks up people who may have come with a row before.
func (s *server) peopleBefore(ctx context.Context, ids []string) (people []*person, err error) {
	for _, id := range ids {
		p, err := s.person(ctx, id)
		switch {
		case errors.Is(err, schemas.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			people = append(people, p)
		}
	}
	return people, nil
}

// ownSum is how many custom fields a person has, and how long they are together.
type ownSum struct{ fields, bytes int }

func (n *ownSum) fits() bool {
	return n.fields <= schemas.MaxOwnFields && n.bytes <= schemas.MaxOwnBytes
}

// mostOf adds up what people have and what rows tell of them: the most that a person can have once the rows are taken.
func mostOf(found map[string]named, rows []*upsertRow) map[string]*ownSum {
	have := make(map[string]ownSum, len(found))
	for _, who := range found { // names that rows told lead to people without figures
		n := have[who.PersonID]
		have[who.PersonID] = ownSum{max(n.fields, int(who.OwnFields)), max(n.bytes, int(who.OwnBytes))}
	}
	most := map[string]*ownSum{}
	for _, r := range rows {
		if len(r.bad) > 0 || len(r.values.Custom) == 0 {
			continue
		}
		n := most[r.target.person()]
		if n == nil {
			n = &ownSum{}
			for _, before := range r.target.before {
				n.fields, n.bytes = n.fields+have[before].fields, n.bytes+have[before].bytes
			}
			most[r.target.person()] = n
		}
		for key, value := range r.values.Custom {
			n.fields, n.bytes = n.fields+1, n.bytes+schemas.OwnFieldBytes(key, string(value))
		}
	}
	return most
}

// person is who the row's person was before, or is new.
func (t *target) person() string {
	if len(t.before) > 0 {
		return t.before[0]
	}
	return t.name()
}
