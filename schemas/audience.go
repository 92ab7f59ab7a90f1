package schemas

import (
	"encoding/json"
	"time"
)

// SettingAudience begins the names of the settings that hold audiences.
const SettingAudience = "audience/"

// Audience is a stored filter whose members are kept up to date. It is one setting of the installation.
type Audience struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Filter json.RawMessage `json:"filter"` // as ParseFilter takes it
	// Generation counts the filters it has had: what was found by an earlier one is void. Since is when the filter came to hold; what
	// occurred before does not fire.
	Generation uint64    `json:"generation"`
	Since      time.Time `json:"since"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Deliver    *Deliver  `json:"deliver,omitempty"` // nil = entries are not posted
	Deleted    bool      `json:"deleted,omitempty"`
	Revision   uint64    `json:"-"` // for compare-and-set
}

// AudienceVerdict is what an evaluation of audiences found about a person. It is told of one user of the person. To tell it again changes
// nothing: only the processor knows whether it is news.
type AudienceVerdict struct {
	ID    ZID              `json:"id"`
	At    time.Time        `json:"at"` // when the evaluation began to read
	In    []AudienceRef    `json:"in,omitempty"`
	Out   []AudienceRef    `json:"out,omitempty"`
	Fired []AudienceFiring `json:"fired,omitempty"`
	// Settle says that everybody was evaluated: somebody who left just before may enter again.
	Settle bool `json:"settle,omitempty"`
}

// AudienceRef is an audience with the generation of the filter that was evaluated.
type AudienceRef struct {
	ID         string `json:"id"`
	Generation uint64 `json:"generation"`
}

// AudienceFiring is an activity that makes its person enter an audience, as it was when it was found.
type AudienceFiring struct {
	Audience string    `json:"audience"`
	Since    time.Time `json:"since"` // an activity that occurred before does not fire
	Activity Activity  `json:"activity"`
}

// Fires gives the activities that a filter asks to occur: each time one does, people enter. Other filters hold for a while.
func (f *Filter) Fires() []string {
	var slugs []string
	f.Each(func(f *Filter) {
		if f.Activity != nil && f.Activity.Op == OpOccurs {
			slugs = append(slugs, f.Activity.Activity)
		}
	})
	return slugs
}

// Events of an audience.
const (
	AudienceEntered = "entered"
	AudienceLeft    = "left"
)
