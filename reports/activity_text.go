package reports

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/liquid"
	"deskstream/schemas"
)

// What the text of an activity's rows in feeds can be.
const (
	showStandard  = "standard"  // the sentence that comes with the activity
	showName      = "name"      // "Ticket created"
	showAttribute = "attribute" // "Ticket created: Printer on fire"
	showTemplate  = "template"  // what a template makes of the attributes
)

const (
	settingActivityTexts = "activity_texts"
	maxRowTemplate       = 2000   // bytes
	maxRowText           = 500    // runes
	rowOps               = 20_000 // steps of one row: a page has up to 500 of them
)

// activityText says what the rows of an activity show in feeds.
type activityText struct {
	Show      string `json:"show" enum:"standard,name,attribute,template"`
	Attribute string `json:"attribute,omitempty" maxLength:"100" doc:"With attribute: which one, as subject or assignee.name"`
	Template  string `json:"template,omitempty" maxLength:"2000"`
}

// TransformSchema is read by huma.
func (*activityText) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	documented(s, "show", "standard: the sentence that comes with the activity; name: its name; attribute: its name and an attribute; "+
		"template: what the template gives")
	return documented(s, "template", "With template: Liquid with the root attribute, as Placed order #{{ attribute.order_id }}; at most 2000 bytes. "+
		"A row shows the first 500 characters in one line")
}

// activityTexts is the value of settingActivityTexts.
type activityTexts struct {
	Texts map[string]activityText `json:"texts"` // by activity; one that is not here shows the standard sentence
}

// of gives what the rows of an activity show.
func (t activityTexts) of(activity string) activityText {
	if text, ok := t.Texts[activity]; ok {
		return text
	}
	return activityText{Show: showStandard}
}

// put notes what the rows of an activity show.
func (t *activityTexts) put(activity string, text activityText) {
	if t.Texts == nil {
		t.Texts = map[string]activityText{}
	}
	if t.Texts[activity] = text; text.Show == showStandard {
		delete(t.Texts, activity)
	}
}

// source gives the template of an activity's rows, "" when they need none.
func (t activityText) source() string {
	switch t.Show {
	case showAttribute:
		return "{{ " + templatePath("attribute."+t.Attribute) + " }}"
	case showTemplate:
		return t.Template
	}
	return ""
}

// check refuses what rows cannot show, which is what some activity has. at is where it stands in the request.
func (t activityText) check(render *liquid.Renderer, names []string, at string) error {
	var bad fieldErrors
	if (t.Attribute != "") != (t.Show == showAttribute) {
		bad.add(at+".attribute", `must be the name of an attribute with show "attribute", and be absent otherwise`)
	} else if t.Show == showAttribute && !slices.ContainsFunc(names, func(name string) bool { return underscored(name) == underscored(t.Attribute) }) {
		bad.add(at+".attribute", "is not an attribute of activities; accepted: "+strings.Join(names, ", "))
	}
	switch {
	case (t.Template != "") != (t.Show == showTemplate):
		bad.add(at+".template", `must be a template with show "template", and be absent otherwise`)
	case len(t.Template) > maxRowTemplate:
		bad.add(at+".template", fmt.Sprintf("must have at most %d bytes", maxRowTemplate))
	case t.Show == showTemplate:
		for _, e := range render.Inspect(map[string]string{liquid.FormatSubject: t.Template}, nil).Errors {
			e.Part = ""
			bad.add(at+".template", e.Error())
		}
	}
	return invalidFields(bad)
}

// addTexts gives the rows of a feed the texts that were chosen for their activities. A template that cannot be rendered for a row leaves the
// standard sentence there.
func (s *server) addTexts(ctx context.Context, accounts []string, items []feedItem) error {
	texts, err := s.activityTexts.lately(ctx)
	if err != nil || len(texts.Texts) == 0 {
		return err
	}
	attributes, err := s.rowAttributes(ctx, accounts, items, texts)
	if err != nil {
		return err
	}
	for i := range items {
		text := texts.of(items[i].Activity)
		switch text.Show {
		case showStandard:
		case showName:
			items[i].Text = activityName(items[i].Activity)
		default:
			if a := attributes[items[i].ID]; a != nil {
				items[i].Text = s.rowText(ctx, text, a.object(), &items[i])
			}
		}
	}
	return nil
}

// rowText renders the text of a row.
func (s *server) rowText(ctx context.Context, text activityText, attributes map[string]any, row *feedItem) string {
	res, err := s.rows.Render(ctx, liquid.Request{
		Parts: map[string]string{liquid.FormatSubject: text.source()}, Data: map[string]any{"attribute": attributes}, Now: s.Now().UTC(), TimeZone: s.Location.String(),
	})
	if err != nil || res.Aborted != nil {
		return row.Text
	}
	name := activityName(row.Activity)
	line := oneLine(res.Parts[liquid.FormatSubject])
	switch {
	case line == "":
		return name
	case text.Show == showAttribute:
		return oneLine(name + ": " + line)
	}
	return line
}

// oneLine makes a text one line that is not too long for a feed.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= maxRowText {
		return text
	}
	return string([]rune(text)[:maxRowText-1]) + "…"
}

// rowAttributes reads the rows whose texts are made of attributes, by id.
func (s *server) rowAttributes(ctx context.Context, accounts []string, items []feedItem, texts activityTexts) (map[string]*liquidActivity, error) {
	kinds, ids, asked := map[string]bool{}, []string{}, attributeSources(0)
	p := params{}
	for i := len(items) - 1; i >= 0; i-- { // oldest first
		if texts.of(items[i].Activity).source() == "" {
			continue
		}
		if len(ids) == 0 {
			p.time("since", items[i].OccurredAt)
		}
		p.time("until", items[i].OccurredAt)
		if kind := items[i].Activity; !kinds[kind] {
			kinds[kind] = true
			asked |= texts.of(kind).sources(s.rows)
		}
		ids = append(ids, items[i].ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	p.texts("accounts", accounts)
	p.texts("kinds", slices.Sorted(maps.Keys(kinds)))
	p.texts("ids", ids)
	rows, err := s.namedActivities(ctx, "feed_attributes", p)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*liquidActivity, len(rows))
	for i := range rows {
		byID[rows[i].ActivityID] = &rows[i]
	}
	return byID, s.describeActivities(ctx, accounts, slices.Collect(maps.Values(byID)), asked)
}

// sources gives what a text needs beside the row of its activity. A template that cannot be read is not rendered either.
func (t activityText) sources(render *liquid.Renderer) (asked attributeSources) {
	variables, _ := render.Variables(map[string]string{liquid.FormatSubject: t.source()}, nil)
	for _, v := range variables {
		switch v.Path[0] {
		case "attribute":
			asked |= attributeSource(v.Path[1:], v.Whole)
		case anyKind:
			asked = fromEverywhere
		}
	}
	return asked
}

// noActivityKind is the answer to a slug that is none.
func noActivityKind(slug string) error {
	detail := "there is no activity of this name; GET /v1/activities lists them"
	if meant := schemas.Nearest(slug, activitySlugs); meant != "" {
		detail += `; did you mean "` + meant + `"?`
	}
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-activity", Detail: detail}
}
