package schemas

import "time"

// Deliver says where the entries of an audience are posted.
type Deliver struct {
	URL       string    `json:"url"`
	Secret    string    `json:"secret"` // sealed for the audience's id and FieldDeliverSecret
	Rate      float64   `json:"rate"`   // most posts a second
	Since     time.Time `json:"since"`  // entries from before are not posted
	ChangedAt time.Time `json:"changed_at"`
}

// FieldDeliverSecret is the field for which the secret of a Deliver is sealed.
const FieldDeliverSecret = "deliver_secret"

// Delivery is how far the entries of an audience are posted. The zero time stands for "not".
type Delivery struct {
	Audience string `json:"audience"`
	// Seq is the position in StreamTxn behind which the next entry is, Gen the generation of the entry there, At the newest time of an entry
	// so far. Entries from before NotBefore were posted before a replay put them out again.
	Seq       uint64    `json:"seq"`
	Gen       uint64    `json:"gen"`
	At        time.Time `json:"at"`
	NotBefore time.Time `json:"not_before"`
	Recent    []uint64  `json:"recent,omitempty"` // hashes of the entries before the position, newest last: a replay puts them out again

	Delivered uint64 `json:"delivered"`
	Dead      uint64 `json:"dead"` // given up, retried ones too
	LastError string `json:"last_error"`

	Attempts      int       `json:"attempts"`      // failed in a row
	FailingSince  time.Time `json:"failing_since"` // the first of them
	NextAttemptAt time.Time `json:"next_attempt_at"`
	Target        time.Time `json:"target"` // ChangedAt of the Deliver that failed: another one is tried at once

	Retry    []string `json:"retry,omitempty"` // entries that were given up and are asked for again
	Ended    bool     `json:"ended,omitempty"` // nothing is posted any more
	Revision uint64   `json:"-"`               // for compare-and-set
}

// Undelivered is an entry that was given up. It has no text of a ticket.
type Undelivered struct {
	ID         string    `json:"id"` // of the entry
	Audience   string    `json:"audience"`
	PersonID   string    `json:"person_id"`
	Event      string    `json:"event"`
	At         time.Time `json:"at"`
	ActivityID string    `json:"activity_id"`
	Activity   string    `json:"activity"`
	Reason     string    `json:"reason"`
	FailedAt   time.Time `json:"failed_at"`
	Seq        uint64    `json:"-"` // place among the others: later ones have a larger one
}

// StoredEntry is an entry with its place in StreamTxn.
type StoredEntry struct {
	AudienceEntry
	Seq uint64
	Gen uint64
}
