package schemas

import "time"

// PersonErasure is the data of an event of KindErasure. Without tickets it makes the Zendesk user a tombstone: nothing personal is kept
// of it from then on, whatever arrives. With tickets it removes from them what erased people wrote, and everything where one of them is
// or was the requester.
type PersonErasure struct {
	ID      ZID     `json:"id"` // Zendesk user
	Tickets []int64 `json:"tickets,omitempty"`
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
