package reports

import (
	"slices"
	"strings"

	"deskstream/schemas"
)

// What can change about a user, as audience_changed_*.sql tell it. With changedEver and changedActivity stands which activity. A change of the
// person itself is one for every audience: who it is may have changed with its users.
const (
	changedPerson       = "person"
	changedFigures      = "figures"
	changedOrganization = "organization"
	changedEver         = "ever "
	changedActivity     = "activity "
)

// audienceIndex finds the audiences that a change can matter to, so that the others are not evaluated. It is not safe for concurrent use.
type audienceIndex struct {
	lasting, firing []*parsedAudience            // those that can be evaluated: while people match, and when an activity occurs; by id
	byChange        map[string][]*parsedAudience // of lasting, without changes of the person
	byActivity      map[string][]*parsedAudience // of firing, by the activity that makes people enter
	known           map[string][]*parsedAudience // what touched found, by the changes
}

func newAudienceIndex(all []*parsedAudience) audienceIndex {
	x := audienceIndex{byChange: map[string][]*parsedAudience{}, byActivity: map[string][]*parsedAudience{}, known: map[string][]*parsedAudience{}}
	for _, a := range all {
		if a.filter == nil {
			continue
		}
		if len(a.fires) == 0 {
			x.lasting = append(x.lasting, a)
			for _, change := range changesOf(a.filter) {
				x.byChange[change] = append(x.byChange[change], a)
			}
			continue
		}
		x.firing = append(x.firing, a)
		for _, slug := range slices.Compact(slices.Sorted(slices.Values(a.fires))) {
			x.byActivity[slug] = append(x.byActivity[slug], a)
		}
	}
	return x
}

// changesOf gives the changes that can matter to a filter, but for those of the person.
func changesOf(f *schemas.Filter) []string {
	var out []string
	f.Each(func(f *schemas.Filter) {
		switch {
		case f.Field != nil && personFigures[f.Field.Name] != "":
			out = append(out, changedFigures)
		case f.Field != nil && strings.HasPrefix(f.Field.Name, "organization."):
			out = append(out, changedOrganization)
		case f.Activity != nil && f.Activity.Summed():
			out = append(out, changedEver+f.Activity.Activity)
		case f.Activity != nil:
			out = append(out, changedActivity+f.Activity.Activity)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// touched gives the lasting audiences that any of some changes can matter to, by id.
func (x *audienceIndex) touched(changes []string) []*parsedAudience {
	if slices.Contains(changes, changedPerson) {
		return x.lasting
	}
	changes = slices.Compact(slices.Sorted(slices.Values(changes)))
	key := strings.Join(changes, ",")
	out, ok := x.known[key]
	if ok {
		return out
	}
	for _, change := range changes {
		out = append(out, x.byChange[change]...)
	}
	slices.SortFunc(out, func(a, b *parsedAudience) int { return strings.Compare(a.ID, b.ID) })
	x.known[key] = slices.Compact(out)
	return x.known[key]
}
