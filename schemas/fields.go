package schemas

import "time"

// PersonFields is what the processors of an account are told about fields of people. It replaces one of a smaller version.
type PersonFields struct {
	Version uint64         `json:"version"` // from 1
	Tracked []TrackedField `json:"tracked"` // by id
	Kept    []KeptField    `json:"kept,omitempty"`
}

// KeptField is a field of the customer's own that keeps the newest value of an attribute of an activity, past the activity's retention.
type KeptField struct {
	ID        string `json:"id"`  // of the decision: the same field decided anew has another one
	Key       string `json:"key"` // of the field, without custom.
	Activity  string `json:"activity"`
	Attribute string `json:"attribute"` // as filters name it
}

// TrackedField is a field of which every change is an activity. IDs are those of GET /v1/fields.
type TrackedField struct {
	ID    string    `json:"id"`
	Label string    `json:"label"`
	Since time.Time `json:"since"` // changes before it are none
}

// ActivityFieldChanged is the activity of a change of a tracked field.
const ActivityFieldChanged = "field-changed"
