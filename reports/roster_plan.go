package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// rosterPlan says what the filters of all audiences look at of people: only that is followed and kept.
type rosterPlan struct {
	fields             map[string]schemas.ValueType // of the person by path, figures left out
	organizationFields map[string]schemas.ValueType // of their organization by path, figures left out

	figures, organization, organizationFigures bool

	slugs      []string               // activities of which first, last and number are looked at
	kinds      map[string]*rosterKind // activities that are looked at one by one
	names      []string               // kinds of names that activities have
	activities []string               // those of kinds, and those that make people enter
}

// rosterKind says what is looked at of the activities of one kind.
type rosterKind struct {
	since  time.Time               // as far back as they are
	judges map[string]*rosterJudge // conditions on attributes by what they say: how each turns out is kept, not the attribute
	wheres map[string][]string     // what the conditions on attributes of one condition on activities say; who meets none is not kept
	names  map[string]bool         // kinds of names that conditions are on
	judged map[*schemas.Condition]*rosterJudge
}

// rosterJudge is a condition on an attribute.
type rosterJudge struct {
	filter *schemas.Filter // holds for an activity that has just occurred if the condition does
	place  int             // among the answers that are kept of an activity
}

// newRosterPlan collects what some audiences look at.
func newRosterPlan(all []*parsedAudience, names filterNames, from func(*schemas.ActivityCondition) time.Time) *rosterPlan {
	p := &rosterPlan{fields: map[string]schemas.ValueType{}, organizationFields: map[string]schemas.ValueType{}, kinds: map[string]*rosterKind{}}
	for _, a := range all {
		a.filter.Each(func(f *schemas.Filter) {
			if f.Field != nil {
				p.addField(f.Field.Name, names)
			}
			if f.Activity != nil {
				p.addActivity(f.Activity, from)
			}
		})
		p.activities = append(p.activities, a.fires...)
	}
	p.activities = distinct(append(p.activities, slices.Collect(maps.Keys(p.kinds))...))
	p.slugs, p.names = distinct(p.slugs), distinct(p.names)
	return p
}

func distinct(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

func (p *rosterPlan) addField(path string, names filterNames) {
	t, _ := names.FieldType(path)
	name, ofOrganization := strings.CutPrefix(path, "organization.")
	switch {
	case personFigures[path] != "":
		p.figures = true
	case !ofOrganization:
		p.fields[path] = t
	case organizationFigures[name]:
		p.organization, p.organizationFigures = true, true
	default:
		p.organization = true
		p.organizationFields[path] = t
	}
}

func (p *rosterPlan) addActivity(c *schemas.ActivityCondition, from func(*schemas.ActivityCondition) time.Time) {
	for i := range c.Where {
		if kind := attributeNames[c.Where[i].Name].kind; kind != "" {
			p.names = append(p.names, kind)
		}
	}
	switch {
	case c.Op == schemas.OpOccurs: // it looks at the activity that has just occurred
	case c.Summed():
		p.slugs = append(p.slugs, c.Activity)
	default:
		p.addKind(c, from(c))
	}
}

func (p *rosterPlan) addKind(c *schemas.ActivityCondition, since time.Time) {
	k := p.kinds[c.Activity]
	if k == nil {
		k = &rosterKind{
			since: since, judges: map[string]*rosterJudge{}, wheres: map[string][]string{}, names: map[string]bool{}, judged: map[*schemas.Condition]*rosterJudge{},
		}
		p.kinds[c.Activity] = k
	}
	if since.Before(k.since) {
		k.since = since
	}
	var says []string
	for i := range c.Where {
		w := &c.Where[i]
		switch kind := attributeNames[w.Name].kind; {
		case kind != "":
			k.names[kind] = true
		case !keptAttribute(w):
			what := saying(w)
			if k.judges[what] == nil {
				k.judges[what] = &rosterJudge{
					filter: &schemas.Filter{Activity: &schemas.ActivityCondition{Activity: c.Activity, Op: schemas.OpOccurs, Where: []schemas.Condition{*w}}},
					place:  len(k.judges),
				}
			}
			k.judged[w] = k.judges[what]
			says = append(says, what)
		}
	}
	says = distinct(says)
	k.wheres[strings.Join(says, "\n")] = says
}

// keptAttribute says whether a condition is on what is kept of an activity: its time, or a name, which may change.
func keptAttribute(c *schemas.Condition) bool {
	return c.Type == schemas.TypeTime || attributeNames[c.Name].kind != ""
}

// saying gives what a condition says: the same for two that mean the same.
func saying(c *schemas.Condition) string {
	return fmt.Sprintf("%s %s %s %#v %d", c.Name, c.Type, c.Op, c.Values, c.Days)
}

// covers says whether what is kept by a plan is enough for another one. Then it takes over the conditions of the other.
func (p *rosterPlan) covers(o *rosterPlan) bool {
	if o.figures && !p.figures || o.organization && !p.organization || o.organizationFigures && !p.organizationFigures ||
		!holdsAll(p.fields, o.fields) || !holdsAll(p.organizationFields, o.organizationFields) || !containsAll(p.slugs, o.slugs) || !containsAll(p.names, o.names) {
		return false
	}
	for slug, k := range o.kinds {
		if mine := p.kinds[slug]; mine == nil || !mine.covers(k) {
			return false
		}
	}
	for slug, k := range p.kinds {
		if other := o.kinds[slug]; other != nil {
			k.takeOver(other)
		}
	}
	return true
}

func (k *rosterKind) covers(o *rosterKind) bool {
	if o.since.Before(k.since) {
		return false
	}
	for what := range o.judges {
		if k.judges[what] == nil {
			return false
		}
	}
	for where := range o.wheres {
		if _, ok := k.wheres[where]; !ok {
			return false
		}
	}
	return holdsAll(k.names, o.names)
}

// takeOver learns the conditions of another plan that it covers.
func (k *rosterKind) takeOver(o *rosterKind) {
	clear(k.judged)
	for c := range o.judged {
		k.judged[c] = k.judges[saying(c)]
	}
}

func holdsAll[V comparable](all, some map[string]V) bool {
	for key, v := range some {
		if mine, ok := all[key]; !ok || mine != v {
			return false
		}
	}
	return true
}

func containsAll(all, some []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
