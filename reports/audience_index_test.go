package reports

import (
	"encoding/json"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
)

// value draws one of a type, or none.
func (c *crowd) value(t schemas.ValueType) any {
	if c.Intn(4) == 0 {
		return nil
	}
	switch t {
	case schemas.TypeNumber:
		return float64(c.Intn(4))
	case schemas.TypeBoolean:
		return c.Intn(2) == 0
	case schemas.TypeTime:
		return c.time()
	case schemas.TypeList:
		return []string{c.of(someWords)}
	case schemas.TypeText, schemas.TypeAny:
	}
	return c.of(someWords)
}

// TestChangesThatMatter: over random filters and people, a change that makes a filter match or not is one that its audience is evaluated for.
func TestChangesThatMatter(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	c := &crowd{Rand: rand.New(rand.NewSource(seed))}
	names, err := readOnly(t).filterNames(t.Context(), []string{testAccount})
	if err != nil {
		t.Fatal(err)
	}
	mattered := map[string]int{}
	for n := 0; n < 3000 || len(mattered) < 6 && n < 60_000; n++ { // an activity matters in one of some hundred
		text, err := json.Marshal(c.filter(names, 0))
		if err != nil {
			t.Fatal(err)
		}
		f, err := schemas.ParseFilter(text, "filter", names)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		fields := map[string]any{}
		p := &schemas.FilterPerson{Field: func(path string) any { return fields[path] }, Ever: map[string]schemas.Occurrence{}}
		change := func(what string) { c.change(what, names, fields, p) }
		kinds := []string{changedFigures, changedOrganization, changedEver + "ticket-created", changedEver + "ticket-closed", changedActivity + "ticket-created", changedActivity + "ticket-closed"}
		for _, what := range append(kinds, changedPerson) {
			change(what)
		}
		before, what := processors.Match(f, p, testNow, time.UTC), c.of(kinds)
		if change(what); processors.Match(f, p, testNow, time.UTC) == before {
			continue
		}
		mattered[what]++
		if x := newAudienceIndex([]*parsedAudience{{filter: f}}); len(x.touched([]string{what})) == 0 {
			t.Fatalf("%q changes what %s finds, but it is not evaluated", what, text)
		}
	}
	if len(mattered) < 6 {
		t.Errorf("only these changes ever mattered: %v", mattered)
	}
}

// change draws anew what is told as one change.
func (c *crowd) change(what string, names filterNames, fields map[string]any, p *schemas.FilterPerson) {
	kind, slug, _ := strings.Cut(what, " ")
	switch kind + " " {
	case changedEver:
		p.Ever[slug] = schemas.Occurrence{First: c.time(), Last: c.time(), Count: int64(c.Intn(3))}
		return
	case changedActivity:
		p.Activities = slices.DeleteFunc(p.Activities, func(a schemas.FilterActivity) bool { return a.Activity == slug })
		for range c.Intn(3) {
			attributes := map[string]any{}
			for name, a := range activityAttributes {
				attributes[name] = c.value(a.typ)
			}
			p.Activities = append(p.Activities, schemas.FilterActivity{Activity: slug, At: c.time(), Attribute: func(name string) any { return attributes[name] }})
		}
		return
	}
	for path, t := range names.fields {
		of := changedPerson
		if personFigures[path] != "" {
			of = changedFigures
		} else if strings.HasPrefix(path, "organization.") {
			of = changedOrganization
		}
		if of == kind {
			fields[path] = c.value(t)
		}
	}
}
