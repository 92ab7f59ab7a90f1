package reports

import (
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// filterNeeds says what some filters look at of people, so that only that is read.
type filterNeeds struct {
	figures, ever                     bool // of the person
	organization, organizationFigures bool
	kinds                             []string  // of activities that are looked at one by one
	since                             time.Time // as far back as they are
	names                             []string  // kinds of names that activities have
}

// add adds what a filter needs; from tells how far back it looks at activities of a kind.
func (n *filterNeeds) add(f *schemas.Filter, from func(*schemas.ActivityCondition) time.Time) {
	f.Each(func(f *schemas.Filter) {
		if f.Field != nil {
			n.addField(f.Field.Name)
		}
		if f.Activity != nil {
			n.addActivity(f.Activity, from)
		}
	})
}

func (n *filterNeeds) addField(path string) {
	n.figures = n.figures || personFigures[path] != ""
	if name, ok := strings.CutPrefix(path, "organization."); ok {
		n.organization = true
		n.organizationFigures = n.organizationFigures || organizationFigures[name]
	}
}

func (n *filterNeeds) addActivity(c *schemas.ActivityCondition, from func(*schemas.ActivityCondition) time.Time) {
	if c.Summed() {
		n.ever = true
	} else {
		n.addKind(c.Activity, from(c))
	}
	for _, w := range c.Where {
		if kind := attributeNames[w.Name].kind; kind != "" && !slices.Contains(n.names, kind) {
			n.names = append(n.names, kind)
		}
	}
}

func (n *filterNeeds) addKind(kind string, since time.Time) {
	if len(n.kinds) == 0 || since.Before(n.since) {
		n.since = since
	}
	if !slices.Contains(n.kinds, kind) {
		n.kinds = append(n.kinds, kind)
	}
}

// join adds the needs of another.
func (n *filterNeeds) join(o *filterNeeds) {
	n.figures, n.ever = n.figures || o.figures, n.ever || o.ever
	n.organization, n.organizationFigures = n.organization || o.organization, n.organizationFigures || o.organizationFigures
	for _, kind := range o.kinds {
		n.addKind(kind, o.since)
	}
	for _, kind := range o.names {
		if !slices.Contains(n.names, kind) {
			n.names = append(n.names, kind)
		}
	}
}

// epoch is as far back as there are activities.
var epoch = time.Unix(0, 0)

// reach gives the first moment at which a condition looks at activities.
func reach(now time.Time, zone *time.Location) func(*schemas.ActivityCondition) time.Time {
	return func(c *schemas.ActivityCondition) time.Time {
		if c.When == nil || c.Op == schemas.OpFirstOccurred || c.Op == schemas.OpLastOccurred {
			return epoch
		}
		if from := c.When.Span(now, zone).From; from.After(epoch) {
			return from
		}
		return epoch
	}
}
