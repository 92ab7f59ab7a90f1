package schemas

import (
	"encoding/json"
	"hash/fnv"
	"regexp"
	"time"
)

// PersonChange is what somebody said of a person through our API. It is told of one user of the person: a Zendesk user, or one of ours
// (OwnUserID), which comes into being with it. Nil means that nothing was said. Decisions outlive every sync; of a value the newest word
// counts, Zendesk's or ours. A change that says nothing has the user's person worked out anew.
type PersonChange struct {
	ID       ZID                        `json:"id"`
	At       time.Time                  `json:"at"`
	Email    *bool                      `json:"email,omitempty"` // permission to send
	SMS      *bool                      `json:"sms,omitempty"`   // permission to send
	Archived *bool                      `json:"archived,omitempty"`
	Values   PersonValues               `json:"values,omitzero"`
	Custom   map[string]json.RawMessage `json:"custom,omitempty"` // null takes the field away
}

// PersonValues are the system fields of a person as somebody wants them. "" empties a field.
type PersonValues struct {
	FirstName   *string `json:"first_name,omitempty"`
	LastName    *string `json:"last_name,omitempty"`
	Email       *string `json:"email,omitempty"`
	PhoneNumber *string `json:"phone_number,omitempty"` // E.164
	Language    *string `json:"language,omitempty"`     // BCP 47
	Timezone    *string `json:"timezone,omitempty"`     // IANA
	ExternalID  *string `json:"external_id,omitempty"`
}

// All lists the values in one order: first and last name, email, phone number, language, time zone, external id.
func (v *PersonValues) All() []*string {
	return []*string{v.FirstName, v.LastName, v.Email, v.PhoneNumber, v.Language, v.Timezone, v.ExternalID}
}

const (
	// MaxSharers is how many users may share a value before it stops to say anything about who is who.
	MaxSharers = 64
	// MaxLinked bounds the users one PersonLink is about.
	MaxLinked = 100
)

const (
	// MaxOwnFields is how many fields of the customer's own a person may be given.
	MaxOwnFields = 200
	// MaxOwnBytes bounds these fields together, in bytes of JSON.
	MaxOwnBytes = 256 << 10
)

// OwnFieldBytes is what a field of the customer's own counts for in MaxOwnBytes.
func OwnFieldBytes(key, value string) int { return len(key) + len(value) + len(`"":,`) }

// CustomKey is the form of a custom field's name.
var CustomKey = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// PersonLink is what somebody decided about whether users are one person, whatever their identifiers say. It holds between ID and each
// of Others; of several decisions about two users the newest counts.
type PersonLink struct {
	ID     ZID       `json:"id"` // its person survives a merge
	At     time.Time `json:"at"`
	Others []ZID     `json:"others"`
	Apart  bool      `json:"apart,omitempty"` // they are not the same person
	// Together are all users of people that are merged: that some of them were taken apart before is void.
	Together []ZID `json:"together,omitempty"`
}

// PersonFacts are everything the tables have about one person, each user's figures and activities for itself.
type PersonFacts struct {
	Person        PersonRow        `json:"person"`
	Stats         []PersonStats    `json:"stats"`
	Activities    []PersonActivity `json:"activities"`
	Organizations map[int64]string `json:"organizations"` // names by id, of those that are known
	Decided       []Decided        `json:"decided,omitempty"`
}

// Decided is what somebody decided about a user and another one, as it is in force.
type Decided struct {
	User  int64 `json:"user"`
	Other int64 `json:"other"`
	At    int64 `json:"at"`              // Unix nanoseconds
	Apart bool  `json:"apart,omitempty"` // they are not the same person
	Leads bool  `json:"leads,omitempty"` // the user's person survives, not the other's
}

// Identity is a name by which a user may be the same person as another.
type Identity struct {
	Kind   string // one of the settings' identifiers
	Value  string // folded: lower case, E.164
	Strong bool   // may merge people; a weak one only finds them
}

// Identified is a user as far as it matters to who is the same person.
type Identified struct {
	User       int64
	Created    int64 // Unix seconds
	Identities []Identity
	Merged     []int64  // users Zendesk merged it with
	Joined     []Joined // users somebody merged it with
	Apart      []int64  // users somebody took it apart from
	Gone       bool     // it is no person now, but what was decided about it and others holds
}

// Joined is a decision that two users are one person.
type Joined struct {
	Other int64
	At    int64 // Unix nanoseconds
	Leads bool  // this user's person survives, not the other's
}

// Party is the users that are one person.
type Party struct {
	Members []int64 // the survivor, then the others oldest first; none when all are gone
	Gone    []int64 // users that are no person but go on to count as this one
	Links   []PartyLink
}

// PartyLink says why a user belongs to a party: it is the same as Via, which is nearer to the survivor or the survivor itself.
type PartyLink struct {
	User, Via int64
	Reason    string // MergedByZendesk, MergedByHand or the identifier they share
}

// Reasons of a merge besides identifiers.
const (
	MergedByZendesk = "zendesk"
	MergedByHand    = "manual"
)

// FirstOwnUser is above every id that Zendesk gives; ids from it on are of users of ours.
const FirstOwnUser ZID = 1 << 60

// OwnUserID is the id of the user that stands for a person known by an identifier only (kind and folded value), never by Zendesk. The
// same identifier gives the same id, so that telling it twice makes one person.
func OwnUserID(account, kind, value string) ZID {
	h := fnv.New64a()
	for _, part := range []string{account, kind, value} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return FirstOwnUser | ZID(h.Sum64()>>4)
}

// SurveyRatingID is the id of the rating that a CSAT survey response gives: the id of a response is a text.
func SurveyRatingID(account, response string) ZID { return OwnUserID(account, "survey", response) }

// IsSurveyRating tells ratings of survey responses from rating records.
func IsSurveyRating(id ZID) bool { return id >= FirstOwnUser }

// IsOwnUser tells users of ours from Zendesk's.
func IsOwnUser(id ZID) bool { return id >= FirstOwnUser }

// MergeID names the merge of a user's person into another's.
func MergeID(account string, user, survivor int64) string {
	return "m_" + HashID(account, "merge", ZID(user).String(), ZID(survivor).String())
}
