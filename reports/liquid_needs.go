package reports

import (
	"strings"

	"deskstream/liquid"
)

// needs says what of people's data templates can ask for, so that only that is fetched.
type needs struct {
	figures, firstLast, organizationName bool // of the person

	organization, organizationFigures bool
	activities, metrics               bool
	kinds                             []string         // of activity; anyKind = any
	sources                           attributeSources // of activities, beside their rows
}

const (
	anyKind = "*" // stands for every kind, and in paths for a step that is only known when rendering
	element = "[]"
)

func isPersonFigure(name string) bool {
	_, ok := personFigures["zendesk."+name]
	return ok
}

func isOrganizationFigure(name string) bool { return organizationFigures["zendesk."+name] }

func needsOf(variables []liquid.Variable) needs {
	var n needs
	for _, v := range variables {
		switch v.Path[0] {
		case "person":
			n.person(v.Path[1:])
		case "organization":
			n.organization = true
			n.organizationFigures = n.organizationFigures || reachesFigure(v.Path[1:], isOrganizationFigure)
		case "activities":
			n.activities = true
			n.sources |= attributeSource(attributeOfList(v.Path), v.Whole)
		case "metrics":
			n.metrics, n.figures = true, true
		case "activity":
			n.kinds = append(n.kinds, kindOf(v.Path))
			n.sources |= attributeSource(v.Path[min(3, len(v.Path)):], v.Whole)
		case anyKind:
			return needs{
				figures: true, firstLast: true, organizationName: true, organization: true, organizationFigures: true, activities: true, metrics: true,
				kinds: []string{anyKind}, sources: fromEverywhere,
			}
		}
	}
	return n
}

// person notes a path below the person.
func (n *needs) person(path []string) {
	n.figures = n.figures || reachesFigure(path, isPersonFigure)
	n.firstLast = n.firstLast || reaches(path, "first_last")
	n.organizationName = n.organizationName || reaches(path, "organization")
}

// attributeOfList gives what of a path into the root activities lies below an activity.
func attributeOfList(path []string) []string {
	switch {
	case len(path) < 2:
		return nil
	case path[1] == "size":
		return path[1:] // no attribute
	}
	return path[2:]
}

// reaches tells whether a path may lead to what has this name.
func reaches(path []string, name string) bool {
	return len(path) == 0 || path[0] == name || path[0] == anyKind || path[0] == element
}

// reachesFigure tells whether a path may lead to what is not kept with the record but counted when it is asked for.
func reachesFigure(path []string, isFigure func(string) bool) bool {
	if !reaches(path, "zendesk") {
		return false
	}
	return len(path) < 2 || path[1] == anyKind || path[1] == element || isFigure(path[1])
}

// kindOf gives the slug in activity.zendesk.<slug>. Kinds keep their hyphens, but a template may write underscores.
func kindOf(path []string) string {
	if len(path) < 3 || path[1] != "zendesk" || path[2] == anyKind || path[2] == element {
		return anyKind
	}
	return strings.ReplaceAll(path[2], "_", "-")
}
