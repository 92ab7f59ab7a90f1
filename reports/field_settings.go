package reports

import (
	"context"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// settingFields is the setting that holds what is decided about fields.
const settingFields = "fields"

// fieldSettings is the value of settingFields.
type fieldSettings struct {
	Visible map[string]bool         `json:"visible"` // by field id; a field that is not here is shown as it is by default
	Tracked map[string]trackedField `json:"tracked,omitempty"`
	Kept    []keptField             `json:"kept,omitempty"`    // oldest first
	Ended   []endedField            `json:"ended,omitempty"`   // that people may show still
	Version uint64                  `json:"version,omitempty"` // of what the processors are told
	Told    map[string]uint64       `json:"told,omitempty"`    // by account: the version its processors were told last
}

// trackedField is a field whose changes are activities.
type trackedField struct {
	Label string    `json:"label"`
	Since time.Time `json:"since"`
}

// setVisible notes whether a field is shown.
func (v *fieldSettings) setVisible(id string, visible bool) {
	if v.Visible == nil {
		v.Visible = map[string]bool{}
	}
	v.Visible[id] = visible
}

// setTracked notes whether the changes of a field are activities, from now on.
func (v *fieldSettings) setTracked(f *recordField, tracked bool, now time.Time) {
	if _, before := v.Tracked[f.ID]; before == tracked {
		return
	}
	if v.Version++; !tracked {
		delete(v.Tracked, f.ID)
		return
	}
	if v.Tracked == nil {
		v.Tracked = map[string]trackedField{}
	}
	v.Tracked[f.ID] = trackedField{Label: f.Label, Since: now.UTC()}
}

// toTell is what processors have to know.
func (v *fieldSettings) toTell() schemas.PersonFields {
	out := schemas.PersonFields{Version: v.Version, Tracked: []schemas.TrackedField{}}
	for id, t := range v.Tracked {
		out.Tracked = append(out.Tracked, schemas.TrackedField{ID: id, Label: t.Label, Since: t.Since})
	}
	for i := range v.Kept {
		out.Kept = append(out.Kept, v.Kept[i].KeptField)
	}
	slices.SortFunc(out.Tracked, func(a, b schemas.TrackedField) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// trackedZendesk are Zendesk's fields of which a change can be told: what people, agents and their settings decide. What follows from
// something else is left out, as are lists, times, ids, the organization, and what agents write for agents.
var trackedZendesk = []string{"name", "email", "phone", "alias", "locale", "time_zone", "verified", "suspended", "shared_phone_number"}

// trackedSystem are the system fields of which a change can be told.
var trackedSystem = []string{"first_name", "last_name", "email", "phone_number", "external_id", "language", "timezone"}

// isTrackable says whether changes of a field can be activities.
func isTrackable(f *recordField) bool {
	switch {
	case f.KeptFrom != nil, f.Record != "person" || valueType(f.Type) == schemas.TypeList:
		return false
	case strings.HasPrefix(f.ID, customPrefix), strings.HasPrefix(f.ID, "zendesk.fields."):
		return true
	}
	if name, ok := strings.CutPrefix(f.ID, "zendesk."); ok {
		return slices.Contains(trackedZendesk, name)
	}
	return slices.Contains(trackedSystem, f.ID)
}

// keepTold tells the processors of every account what is decided about fields, until ctx ends: of an account that comes later, and where it
// could not be told at once. It has the fields filled that keep values of activities.
func (s *server) keepTold(ctx context.Context) {
	s.carryOut(ctx, s.fieldsChanged, "what was decided about fields is not carried out yet, will try again", func(ctx context.Context) error {
		if err := s.tellFields(ctx); err != nil {
			return err
		}
		return s.fillFields(ctx)
	})
}

// tellFields tells the processors of the accounts what they were not told yet. Told twice it changes nothing.
func (s *server) tellFields(ctx context.Context) error {
	_, settings, err := s.fieldSettings.load(ctx)
	if err != nil || settings.Version == 0 {
		return err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	told, err := s.tellAccounts(ctx, accounts, settings.Told, settings.Version, schemas.KindFields, settings.toTell())
	if err != nil || len(told) == 0 {
		return err
	}
	return s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		v.Told = laterVersions(v.Told, told, settings.Version)
		return nil
	})
}
