package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/liquid"
)

// message is what is rendered, the same for all recipients.
type message struct {
	request  liquid.Request  // without data
	campaign *liquid.Ordered // nil when not given
	newest   int64           // how many the root activities holds
	window   time.Duration   // how far back activities are seen
	needs    needs           // set by plan
}

// message reads a message. at is what the locations of its fields begin with.
func (s *server) message(in *MessageInput, at string, bad *fieldErrors) *message {
	m := &message{
		request: liquid.Request{Parts: in.Parts, Format: in.Format, Missing: in.Missing, TimeZone: in.TimeZone, Autoescape: in.Autoescape, Snippets: in.Snippets},
		newest:  liquidActivities, window: daysOf(liquidDays),
	}
	if in.Activities > 0 {
		m.newest = int64(in.Activities)
	}
	if in.WindowDays > 0 {
		m.window = daysOf(in.WindowDays)
	}
	if in.TimeZone != "" && !liquid.IsZone(in.TimeZone) {
		bad.add(at+"time_zone", mustBeZone)
	}
	m.request.Defaults = bad.object(at+"defaults", in.Defaults)
	if len(in.Campaign) > 0 {
		m.campaign = bad.ordered(at+"campaign", in.Campaign)
	}
	return m
}

// plan adds the stored snippets and finds out what the message needs of people's data. Its error is the answer to a template that cannot be
// parsed. Without people nothing has to be found out: rendering tells what is wrong.
func (s *server) plan(ctx context.Context, m *message, people bool) (err error) {
	if m.request.Snippets, err = s.snippetsFor(ctx, m.request.Snippets); err != nil || !people {
		return err
	}
	variables, err := s.renderer.Variables(m.request.Parts, m.request.Snippets)
	if err != nil {
		return s.templateError(err, m)
	}
	m.needs = needsOf(variables)
	return nil
}

// recipient reads a recipient of the message. Numbers keep their kind: 3 prints as 3.
func (m *message) recipient(in *RecipientInput, at string, bad *fieldErrors) *recipient {
	r := &recipient{data: bad.object(at+"data", in.Data)}
	switch {
	case in.Person != nil && len(in.Data) > 0:
		bad.add(at+"data", "takes the place of person; give one of them")
	case in.Person == nil && in.ActivityID != nil:
		bad.add(at+"activity_id", "needs person")
	case in.Person != nil:
		r.name = *in.Person
		if r.name == "" {
			bad.add(at+"person", "must not be empty: an id, email:…, zendesk:… or external:…")
		}
		if in.ActivityID != nil {
			r.trigger = *in.ActivityID
		}
	}
	if m.campaign != nil {
		r.data["campaign"] = m.campaign
	}
	if len(in.Request) > 0 {
		r.data["request"] = bad.ordered(at+"request", in.Request)
	}
	return r
}

// object reads a JSON object; an absent one and null are empty.
func (f *fieldErrors) object(location string, raw json.RawMessage) map[string]any {
	if len(raw) == 0 || string(raw) == "null" {
		return map[string]any{}
	}
	data, err := liquid.DecodeData(raw)
	if err != nil {
		f.add(location, objectFault(err))
		return map[string]any{}
	}
	return data
}

// objectFault says what is wrong with what should be an object.
func objectFault(err error) string {
	if e, ok := errors.AsType[*liquid.Error](err); ok && e.Kind == liquid.KindLimit {
		return fmt.Sprintf("is nested too deep: at most %d objects and lists inside each other are accepted", liquid.DataDepth)
	}
	return "must be an object"
}

// ordered reads a JSON object whose keys templates may go through in their order; null is empty.
func (f *fieldErrors) ordered(location string, raw json.RawMessage) *liquid.Ordered {
	if string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	data, err := liquid.DecodeObject(raw)
	if err != nil {
		f.add(location, objectFault(err))
	}
	return data
}
