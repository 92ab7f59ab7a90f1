package schemas

import "time"

// PersonFields is what the processors of an account are told about fields of people. It replaces one of a smaller version.
type PersonFields struct {
	Version uint64         `json:"version"` // from 1
	Tracked []TrackedField `json:"tracked"` // by id
}

// TrackedField is a field of which every change is an activity. IDs are those of GET /v1/fields.
type TrackedField struct {
	ID    string    `json:"id"`
	Label string    `json:"label"`
	Since time.Time `json:"since"` // changes before it are none
}

// ActivityFieldChanged is the activity of a change of a tracked field.
const ActivityFieldChanged = "field-changed"
