package schemas

import (
	"hash/fnv"
	"time"
)

// Kind says what an Event carries.
type Kind string

// The kinds of events. Zendesk objects travel as Zendesk wrote them; decoding is the processor's work.
const (
	KindWebhook           Kind = "webhook"            // a Zendesk event-subscription envelope, raw bytes as received
	KindTrigger           Kind = "trigger"            // the body of a trigger webhook, raw bytes as received
	KindTicket            Kind = "ticket"             // a ticket object of an export or of GET /tickets/{id}
	KindAudit             Kind = "audit"              // an audit, or a row of incremental ticket_events (same id)
	KindUser              Kind = "user"               // a user object; `identities` inside when they were fetched
	KindOrganization      Kind = "organization"       // an organization object
	KindMembership        Kind = "membership"         // an organization membership object
	KindMembers           Kind = "members"            // the memberships that a whole reading of their list showed (MemberRoll as JSON)
	KindRating            Kind = "rating"             // a satisfaction rating object
	KindMetricEvent       Kind = "metric_event"       // a ticket metric event object
	KindGroup             Kind = "group"              // a group object
	KindBrand             Kind = "brand"              // a brand object
	KindTicketForm        Kind = "ticket_form"        // a ticket form object
	KindCustomStatus      Kind = "custom_status"      // a custom ticket status object
	KindSchedule          Kind = "schedule"           // a business-hours schedule with its `holidays` inside
	KindSchedules         Kind = "schedules"          // the schedules that a reading of their list showed (ScheduleList as JSON)
	KindTicketField       Kind = "ticket_field"       // a ticket field object
	KindUserField         Kind = "user_field"         // a user field object
	KindOrganizationField Kind = "organization_field" // an organization field object
	KindPerson            Kind = "person"             // what somebody said of a person through our API (PersonChange as JSON)
	KindLink              Kind = "person_link"        // what somebody decided about who is the same person (PersonLink as JSON)
	KindErasure           Kind = "erasure"            // a person is erased for good (PersonErasure as JSON)
	KindAudience          Kind = "audience"           // what an evaluation of audiences found about a person (AudienceVerdict as JSON)
	KindPhrases           Kind = "phrases"            // the saved phrases (SavedPhrases as JSON)
	KindFields            Kind = "fields"             // which fields of people are tracked, and which keep attributes (PersonFields as JSON)
	KindRecount           Kind = "recount"            // a ticket that is to be looked at again for the saved phrases and kept fields (Recount as JSON)
	KindSource            Kind = "source"             // our own source settings (Settings as JSON), so that stages learn them from the stream
)

// Event is what travels from ingest to the processors. On the stream Data is the payload and the rest are headers, so that bytes
// received from outside are kept exactly.
type Event struct {
	ID         string    // identity of the fact, the same by webhook and by poll; never the identity of a delivery
	Kind       Kind      //
	Source     string    // source id
	Account    string    // Zendesk subdomain, lower case
	Via        string    // "webhook" or "poll" or "api"
	ReceivedAt time.Time // when ingest took it in, UTC; the only clock a processor may look at
	Data       []byte    // JSON as Zendesk wrote it (a webhook body may be anything at all)
	Seq        uint64    // position in the raw stream; 0 until it is stored
	Decoded    any       // what the processor's Decode has put there; never stored
}

// DefaultPartitions is the number of raw partitions of a new installation. The number in force is kept in the metadata of the stream
// and never changes, because a changed hash would send one account to two writers.
const DefaultPartitions = 4

// Partition says which partition an account's events belong to. All events of an account share one, so that one writer sees its
// people, tickets and settings together; Zendesk's own rate limits keep one account far below what one writer can do.
func Partition(account string, partitions int) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(account))
	return int(h.Sum64() % uint64(partitions))
}

// StateRow is one row of processor state. Data is the stored form; Value may hold the decoded form, which the processor that owns
// the row puts there to save decoding it again. A nil Data is a row that does not exist. Sum is eight bytes that say enough of Data to know
// repeats; 0 = not told.
type StateRow struct {
	Data  []byte
	Value any
	Sum   uint64
}

// Missing says whether the row exists but was not loaded: only its sum is known.
func (r *StateRow) Missing() bool { return r.Data == nil && r.Sum != 0 }

// State holds the rows a batch needs, by key. A key that was asked for and does not exist maps to an empty row.
type State map[string]*StateRow

// Output is one row for a ClickHouse table (JSON object with the column names of the table).
type Output struct {
	Table string
	// Subject is set for rows that other programs consume one by one (activities); it is empty for rows that travel packed.
	Subject string
	// ID is the fact's id; it becomes the Nats-Msg-Id of a row with a Subject.
	ID   string
	Data []byte
}

// DeadLetter is an event that could not be used, with the reason.
type DeadLetter struct {
	Event  Event
	Class  string // "parse", "invalid", "panic", "unknown-source"
	Reason string // one sentence, no personal data
}

// Result is what a processor makes of a batch. Applying it is all or nothing.
type Result struct {
	State      map[string]*StateRow // rows to store; Data nil deletes the row
	Outputs    []Output
	Dead       []DeadLetter
	Duplicates int // events that changed nothing because their fact was known
	Ignored    int // events of a type that no report needs
}

// Block is a run of packed output messages of one table, in stream order.
type Block struct {
	Table    string
	From, To uint64 // first and last stream sequence, inclusive
	Epoch    string // identity of the stream; part of every insert token
	Gen      uint64 // generation of the stream; a rebuilt stream outranks older rows
	Recover  bool   // the block may be in the table already: look before inserting
	Messages []BlockMessage
}

// BlockMessage is one message of a Block as it lies in the stream: Rows gives its rows.
type BlockMessage struct {
	Seq      uint64
	Data     []byte
	Encoding string // how Data is compressed: "" or EncodingS2
}

// Rows gives one JSON row per line, in room where that is large enough. An error is of class ErrInvalid.
func (m BlockMessage) Rows(room []byte) ([]byte, error) { return Expand(room, m.Data, m.Encoding) }

// OutputQuery asks for the rows of some tables that came behind From and up to To; of activities for those of some kinds only.
type OutputQuery struct {
	Tables     []string
	Activities []string // slugs
	From, To   uint64
}

// OutputMessage is a message of rows as it lies in the stream: one JSON row per line. Seq and Ver are those of the rows (_seq, _ver).
type OutputMessage struct {
	Table    string
	Seq, Ver uint64
	Data     []byte
}

// RowVersion gives the version (_ver) of rows that came at a position of a generation of the stream.
func RowVersion(gen, seq uint64) uint64 { return gen<<48 | seq }

// StreamMeta is what was last known of a stream, kept outside of it so that a stream that is missing, replaced or shorter is noticed.
type StreamMeta struct {
	Stream     string    // name of the stream
	Epoch      string    // names the stream's life: made once, kept in its metadata
	Gen        uint64    // generation: rows of a rebuilt stream outrank older ones
	LastSeq    uint64    // last sequence known to be stored
	RecordedAt time.Time // zero when saving = now; UTC
}
