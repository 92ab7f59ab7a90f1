package schemas

import "time"

// PersonErasure is the data of an event of KindErasure. Without tickets and entries it makes the user a tombstone: nothing personal is kept
// of it from then on, whatever arrives. With tickets it removes from them what erased people wrote, and everything where one of them is
// or was the requester. With entries it puts out those of the log of audiences that stay.
type PersonErasure struct {
	ID      ZID             `json:"id"` // user
	Remains *Remains        `json:"remains,omitempty"`
	Tickets []int64         `json:"tickets,omitempty"`
	Entries []AudienceEntry `json:"entries,omitempty"`
}

// Remains are what is kept of a user that is erased: nothing personal, but what rows and figures follow from. The events that told it are
// redacted, so that nobody knows it from them any more. Times are Unix seconds.
type Remains struct {
	Sources      []string            `json:"sources,omitempty"`
	Person       ZID                 `json:"person,omitempty"` // the user whose person it was part of, 0 = none
	Users        []int64             `json:"users,omitempty"`  // of the person that it headed, itself first, where there were several; else as whom it counted
	Linked       []int64             `json:"linked,omitempty"` // users of whom one was erased when they were one person
	Created      int64               `json:"created,omitempty"`
	Updated      int64               `json:"updated,omitempty"`
	Active       bool                `json:"active,omitempty"`
	Role         string              `json:"role,omitempty"`
	Organization int64               `json:"organization,omitempty"`
	Roles        []RemainingRole     `json:"roles,omitempty"`
	Activities   []RemainingActivity `json:"activities,omitempty"`
}

// RemainingRole is that the user was told to have a role.
type RemainingRole struct {
	At   int64  `json:"at"`
	Role string `json:"role"`
}

// RemainingActivity is that something happened to the user itself. What tells one from others of its kind and second names fields, not values.
type RemainingActivity struct {
	Activity string `json:"activity"`
	At       int64  `json:"at"`
	What     string `json:"what,omitempty"`
	Webhook  bool   `json:"webhook,omitempty"` // first told by one
	Away     bool   `json:"away,omitempty"`    // while its source was disconnected
}

// ErasureState is how far an erasure is.
type ErasureState string

// The states of an erasure.
const (
	ErasureRunning ErasureState = "running"
	ErasureDone    ErasureState = "done"
)

// Erasure is the stored record of the erasure of one person. It holds no personal data, only Zendesk's numbers and hashes of them, and
// stays for good: it says whose events must not be stored again.
type Erasure struct {
	ID          string            `json:"id"`
	State       ErasureState      `json:"state"`
	Account     string            `json:"account"`
	Source      string            `json:"source"` // of the person, "" when none brought it
	PersonID    string            `json:"person_id"`
	UserIDs     []int64           `json:"user_ids"`          // Zendesk users that are the person
	OwnIDs      []string          `json:"own_ids"`           // own person id of each of them
	Tickets     []int64           `json:"tickets,omitempty"` // requested by the person
	Others      []int64           `json:"others,omitempty"`  // tickets of other requesters that hold words of the person
	RequestedAt time.Time         `json:"requested_at"`
	FinishedAt  *time.Time        `json:"finished_at,omitempty"`
	Removed     map[string]uint64 `json:"removed,omitempty"` // what was removed so far: rows by table, stored messages by kind
	Revision    uint64            `json:"-"`                 // stream sequence of the record, for compare-and-set
}
