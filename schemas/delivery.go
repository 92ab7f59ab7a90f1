package schemas

import (
	"net/netip"
	"time"
)

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

// inner are networks that are no target though they are neither private, loopback, link-local nor multicast by net/netip.
var inner = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fec0::/10"),
}

// PublicAddress says whether an address is one on the Internet, not one of this machine or its network.
func PublicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range inner {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
