package reports

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"deskstream/schemas"
)

// named is a person that answers to a name.
type named struct {
	Alias      string  `ch:"alias"`
	PersonID   string  `ch:"person_id"`
	UserIDs    []int64 `ch:"user_ids"`
	ExternalID string  `ch:"external_id"`
	Email      string  `ch:"email"`
	Own        uint8   `ch:"own"` // the name, an address or external id, is one of the first user's
	OwnFields  uint64  `ch:"custom_fields"`
	OwnBytes   uint64  `ch:"custom_bytes"`

	UpdatedAt time.Time `ch:"updated_at"`
}

// primary says whether the name is the address or external id that the person shows.
func (n *named) primary() bool {
	return n.Alias != "" && (n.Alias == "email:"+foldName(n.Email) || n.Alias == "external:"+foldName(n.ExternalID))
}

func foldName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// peopleNamed finds people by any of their names.
func (s *server) peopleNamed(ctx context.Context, accounts, names []string) (map[string]named, error) {
	p := params{}
	p.texts("accounts", accounts)
	p.texts("names", names)
	rows, err := list[named](ctx, s, "people_named", sqlText("people_named"), p)
	out := make(map[string]named, len(rows))
	for _, r := range rows {
		out[r.Alias] = r
	}
	return out, err
}

// directory leads from names to people, as it is once the rows so far are taken.
type directory struct {
	found     map[string]named
	externals map[string]string // of people, in lower case; nil when external ids do not keep people apart who share an address
}

func newDirectory(home schemas.Source, found map[string]named) *directory {
	d := &directory{found: found}
	external, email := slices.Index(home.Identifiers, schemas.IdentifierExternalID), slices.Index(home.Identifiers, schemas.IdentifierEmail)
	if external < 0 || email >= 0 && email < external {
		return d
	}
	d.externals = map[string]string{}
	for _, who := range found {
		d.externals[who.PersonID] = foldName(who.ExternalID)
	}
	return d
}

// add adds a person under its id, unless it is there.
func (d *directory) add(who named) {
	if len(d.found[who.PersonID].UserIDs) == 0 {
		d.found[who.PersonID] = who
	}
}

// somebodyElse says whether whom a row is not named by its external id carries another one: no weaker identifier makes them one.
func (d *directory) somebodyElse(r *upsertRow, who named) bool {
	mine, theirs := strings.ToLower(textOf(r.values.ExternalID)), d.externals[who.PersonID]
	return mine != "" && theirs != "" && mine != theirs && r.id == "" && d.found["external:"+mine].PersonID != who.PersonID
}

// spare takes from a row what only names the person whom it is about: an address or external id of another user of that person, which a merge that is
// undone gives back to that one, and the name by which the person was found, unless it is the one that the person shows.
func (d *directory) spare(r *upsertRow, key string) {
	for _, v := range []struct {
		prefix string
		value  **string
	}{{"external:", &r.values.ExternalID}, {"email:", &r.values.Email}} {
		name := v.prefix + strings.ToLower(textOf(*v.value))
		who, known := d.found[name]
		if !known || who.PersonID != d.found[key].PersonID {
			continue
		}
		if who.Own == 0 || name == key && !who.primary() {
			*v.value = nil
		}
	}
}

// bind has a row that brings an address of somebody with another external id tell its person's one too: its user may be one without, who would follow the
// address.
func (d *directory) bind(r *upsertRow, who named) {
	mine, theirs := d.externals[who.PersonID], d.externals[d.found["email:"+textOf(r.values.Email)].PersonID]
	if r.values.ExternalID != nil || mine == "" || theirs == "" || mine == theirs {
		return
	}
	if foldName(who.ExternalID) == mine {
		mine = who.ExternalID
	}
	r.values.ExternalID = &mine
}

// arrivals are the new people of upserts that run now, which the tables do not have yet: of several upserts of one person one creates it. It is safe
// for concurrent use.
type arrivals struct {
	mu     sync.Mutex
	people map[string]int // by id: how many upserts tell of it
}

// enter notes the people that the rows may create, and with the rows which of them others have noted before. leave is to be called once the tables
// have them.
func (a *arrivals) enter(account string, rows []*upsertRow) (leave func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.people == nil {
		a.people = map[string]int{}
	}
	mine := map[string]bool{}
	for _, r := range rows {
		if user := r.newUser(account); len(r.bad) == 0 && r.id == "" {
			id := schemas.OwnPersonID(account, user)
			r.arriving = a.people[id] > 0
			mine[id] = true
		}
	}
	for id := range mine {
		a.people[id]++
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for id := range mine {
			if a.people[id]--; a.people[id] == 0 {
				delete(a.people, id)
			}
		}
	}
}
