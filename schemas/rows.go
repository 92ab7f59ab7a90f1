package schemas

import "time"

// Tables. Every one has the columns _seq (stream position of the output that made the row), _ver (generation and position; the largest
// wins) and _batch (insert token), which the sink fills in; they are not part of the rows below.
const (
	TableActivities       = "activities"
	TableTickets          = "tickets"
	TableTicketEvents     = "ticket_events"
	TableMessages         = "messages"
	TablePeople           = "people"
	TablePersonAliases    = "person_aliases"
	TablePersonStats      = "person_stats"
	TablePersonActivities = "person_activities"
	TableOrganizations    = "organizations"
	TableAgents           = "agents"
	TableRatings          = "ratings"
	TableMetricEvents     = "metric_events"
	TableNames            = "names"
	TableActivityCounts   = "activity_counts"
	TablePersonIdentities = "person_identities"
	TablePersonMerges     = "person_merges"
	TableAudienceMembers  = "audience_members"
	TableAudienceEntries  = "audience_entries"
	TablePhraseHits       = "phrase_hits"
	TableOpeningHours     = "opening_hours"
)

// Tables lists every table that a sink fills.
var Tables = []string{
	TableActivities, TableTickets, TableTicketEvents, TableMessages, TablePeople, TablePersonAliases, TablePersonStats,
	TablePersonActivities, TableOrganizations, TableAgents, TableRatings, TableMetricEvents, TableNames, TableActivityCounts,
	TablePersonIdentities, TablePersonMerges, TableAudienceMembers, TableAudienceEntries, TablePhraseHits,
	TableOpeningHours,
}

// FarFuture closes intervals that are still running: the largest DateTime ClickHouse holds.
var FarFuture = time.Unix(4294967295, 0).UTC()

// Activity is one thing that happened to a ticket, a contact or an organization. It leaves on SubjectActivity and lands in `activities`.
// ActivityID follows from the fact alone, so that a webhook and the poller give the same one.
type Activity struct {
	Account        string    `json:"account" ch:"account"`
	Activity       string    `json:"activity" ch:"activity"` // slug, e.g. ticket-created
	OccurredAt     time.Time `json:"occurred_at" ch:"occurred_at"`
	ActivityID     string    `json:"activity_id" ch:"activity_id"`
	SourceID       string    `json:"source_id" ch:"source_id"`
	TicketID       int64     `json:"ticket_id" ch:"ticket_id"`             // 0 = none
	PersonID       string    `json:"person_id" ch:"person_id"`             // own person id of the user, see OwnPersonID; "" = none
	UserID         int64     `json:"user_id" ch:"user_id"`                 // Zendesk user the activity belongs to (requester or contact)
	OrganizationID int64     `json:"organization_id" ch:"organization_id"` //
	ActorID        int64     `json:"actor_id" ch:"actor_id"`               // who did it; -1 the system, 0 unknown
	AssigneeID     int64     `json:"assignee_id" ch:"assignee_id"`
	GroupID        int64     `json:"group_id" ch:"group_id"`
	BrandID        int64     `json:"brand_id" ch:"brand_id"`
	FormID         int64     `json:"form_id" ch:"form_id"`
	Channel        string    `json:"channel" ch:"channel"`
	Priority       string    `json:"priority" ch:"priority"`
	Type           string    `json:"type" ch:"type"`
	Status         string    `json:"status" ch:"status"` // after the change, lower case
	PreviousStatus string    `json:"previous_status" ch:"previous_status"`
	Subject        string    `json:"subject" ch:"subject"`
	Message        string    `json:"message" ch:"message"` // plain text of the comment, "" when there is none or it was redacted
	Tags           []string  `json:"tags" ch:"tags"`
	Text           string    `json:"text" ch:"text"`             // one line for a feed
	Attributes     string    `json:"attributes" ch:"attributes"` // JSON object: the attributes special to the activity
	Via            string    `json:"via" ch:"via"`               // how it was first learned: webhook or poll
	ExpiresAt      time.Time `json:"expires_at" ch:"expires_at"` // end of retention; not shown from then on
	IsDeleted      uint8     `json:"is_deleted" ch:"is_deleted"` // 1 withdraws a provisional activity that Zendesk's history does not confirm
}

// TicketRow is the one row of facts of a ticket. Durations are whole seconds and null until both ends exist; times are UTC.
type TicketRow struct {
	Account        string     `json:"account" ch:"account"`
	TicketID       int64      `json:"ticket_id" ch:"ticket_id"`
	SourceID       string     `json:"source_id" ch:"source_id"`
	CreatedAt      time.Time  `json:"created_at" ch:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at" ch:"updated_at"`
	Subject        string     `json:"subject" ch:"subject"`
	SubjectTokens  string     `json:"subject_tokens" ch:"subject_tokens"` // see Tokens
	Description    string     `json:"description" ch:"description"`
	Status         string     `json:"status" ch:"status"` // new open pending hold solved closed deleted
	StatusSince    time.Time  `json:"status_since" ch:"status_since"`
	Priority       string     `json:"priority" ch:"priority"` // "" = none
	Type           string     `json:"type" ch:"type"`
	Channel        string     `json:"channel" ch:"channel"`
	Tags           []string   `json:"tags" ch:"tags"`
	RequesterID    int64      `json:"requester_id" ch:"requester_id"`
	SubmitterID    int64      `json:"submitter_id" ch:"submitter_id"`
	AssigneeID     int64      `json:"assignee_id" ch:"assignee_id"`
	GroupID        int64      `json:"group_id" ch:"group_id"`
	BrandID        int64      `json:"brand_id" ch:"brand_id"`
	OrganizationID int64      `json:"organization_id" ch:"organization_id"`
	FormID         int64      `json:"form_id" ch:"form_id"`
	ExternalID     string     `json:"external_id" ch:"external_id"`
	URL            string     `json:"url" ch:"url"`
	CustomFields   string     `json:"custom_fields" ch:"custom_fields"` // JSON object, field id to value
	CustomStatusID int64      `json:"custom_status_id" ch:"custom_status_id"`
	IsPublic       uint8      `json:"is_public" ch:"is_public"` // 0 = all its comments are private
	DueAt          *time.Time `json:"due_at" ch:"due_at"`
	Details        string     `json:"details" ch:"details"` // JSON object: TicketDetails
	Deleted        uint8      `json:"deleted" ch:"deleted"`
	Merged         uint8      `json:"merged" ch:"merged"` // absorbed by another ticket
	MergedInto     int64      `json:"merged_into" ch:"merged_into"`
	HistoryFull    uint8      `json:"history_full" ch:"history_full"` // 1 once the creation audit is known
	Provisional    uint8      `json:"provisional" ch:"provisional"`   // 1 while webhooks newer than the known history are applied

	Replies            int64      `json:"replies" ch:"replies"`
	PublicAgent        int64      `json:"public_agent_comments" ch:"public_agent_comments"`
	Reopens            int64      `json:"reopens" ch:"reopens"`
	Solves             int64      `json:"solves" ch:"solves"`
	AssigneeStations   int64      `json:"assignee_stations" ch:"assignee_stations"`
	UniqueAssignees    int64      `json:"unique_assignees" ch:"unique_assignees"`
	GroupStations      int64      `json:"group_stations" ch:"group_stations"`
	Reassignments      int64      `json:"reassignments" ch:"reassignments"`
	Handoffs           int64      `json:"handoffs" ch:"handoffs"` // distinct agents who commented
	FirstReplyAt       *time.Time `json:"first_reply_at" ch:"first_reply_at"`
	FirstReplyS        *int64     `json:"first_reply_s" ch:"first_reply_s"`
	FirstReplyBizS     *int64     `json:"first_reply_business_s" ch:"first_reply_business_s"`
	FirstSolvedAt      *time.Time `json:"first_solved_at" ch:"first_solved_at"`
	LastSolvedAt       *time.Time `json:"last_solved_at" ch:"last_solved_at"`
	ClosedAt           *time.Time `json:"closed_at" ch:"closed_at"`
	FirstResolutionS   *int64     `json:"first_resolution_s" ch:"first_resolution_s"`
	FirstResolutionBiz *int64     `json:"first_resolution_business_s" ch:"first_resolution_business_s"`
	FullResolutionS    *int64     `json:"full_resolution_s" ch:"full_resolution_s"`
	FullResolutionBizS *int64     `json:"full_resolution_business_s" ch:"full_resolution_business_s"`
	FirstAssignedAt    *time.Time `json:"first_assigned_at" ch:"first_assigned_at"`
	FirstAssignedS     *int64     `json:"first_assigned_s" ch:"first_assigned_s"`
	FirstAssignedBizS  *int64     `json:"first_assigned_business_s" ch:"first_assigned_business_s"`
	LastAssignedAt     *time.Time `json:"last_assigned_at" ch:"last_assigned_at"`
	FirstAssigneeID    int64      `json:"first_assignee_id" ch:"first_assignee_id"`
	LastAssigneeID     int64      `json:"last_assignee_id" ch:"last_assignee_id"` // whoever held it last; 0 = nobody ever
	LatestCommentAt    *time.Time `json:"latest_comment_at" ch:"latest_comment_at"`
	NextReplyS         []int64    `json:"next_reply_s" ch:"next_reply_s"`
	NextReplyPending   uint8      `json:"next_reply_pending" ch:"next_reply_pending"` // 1 while the last of them is unanswered
	NewS               int64      `json:"new_s" ch:"new_s"`                           // seconds in the status, ended spells only
	OpenS              int64      `json:"open_s" ch:"open_s"`
	PendingS           int64      `json:"pending_s" ch:"pending_s"`
	HoldS              int64      `json:"hold_s" ch:"hold_s"`
	NewBizS            *int64     `json:"new_business_s" ch:"new_business_s"` // of these, within the schedule in force when each spell ended; null without one
	OpenBizS           *int64     `json:"open_business_s" ch:"open_business_s"`
	PendingBizS        *int64     `json:"pending_business_s" ch:"pending_business_s"`
	HoldBizS           *int64     `json:"hold_business_s" ch:"hold_business_s"`
	StatusChanges      int64      `json:"status_changes" ch:"status_changes"` // ended spells, 0 = waits are null
	CSAT               string     `json:"csat" ch:"csat"`                     // offered, good, bad or "" (latest rating)
	CSATAgentID        int64      `json:"csat_agent_id" ch:"csat_agent_id"`
	CSATGroupID        int64      `json:"csat_group_id" ch:"csat_group_id"`
	CSATAt             *time.Time `json:"csat_at" ch:"csat_at"`
	CSATComment        string     `json:"csat_comment" ch:"csat_comment"`
	CSATReason         string     `json:"csat_reason" ch:"csat_reason"`
	CSATReasonID       int64      `json:"csat_reason_id" ch:"csat_reason_id"`
	IsDeleted          uint8      `json:"is_deleted" ch:"is_deleted"` // 1 withdraws the row itself (not a deleted ticket)
}

// TicketDetails is what Zendesk says of a ticket besides, as far as it is not what most tickets have.
type TicketDetails struct {
	RawSubject          string  `json:"raw_subject,omitempty"` // where it is not the subject: with placeholders of dynamic content
	Recipient           string  `json:"recipient,omitempty"`   // address that the ticket was sent to
	CollaboratorIDs     []int64 `json:"collaborator_ids,omitempty"`
	FollowerIDs         []int64 `json:"follower_ids,omitempty"`
	EmailCCIDs          []int64 `json:"email_cc_ids,omitempty"`
	ForumTopicID        int64   `json:"forum_topic_id,omitempty"`
	ProblemID           int64   `json:"problem_id,omitempty"`
	HasIncidents        bool    `json:"has_incidents,omitempty"`
	SharingAgreementIDs []int64 `json:"sharing_agreement_ids,omitempty"`
	FollowupIDs         []int64 `json:"followup_ids,omitempty"`
	AllowChannelback    bool    `json:"allow_channelback,omitempty"`
	NoAttachments       bool    `json:"no_attachments,omitempty"` // allow_attachments is false
	FromMessaging       bool    `json:"from_messaging_channel,omitempty"`
	ViaRel              string  `json:"via_rel,omitempty"` // via.source.rel, e.g. "follow_up", "merge"
}

// Kinds of TicketEvent.
const (
	EventCreate = "create" // the ticket's creation; one per ticket
	EventSolve  = "solve"  // M2; assignee and group after the audit (G5); ActorID is the solver
	EventClose  = "close"  // M4
	EventReopen = "reopen" // M5
	EventAssign = "assign" // the assignee became AssigneeID (M17); PreviousID the one before, 0 = none
	EventGroup  = "group"  // the group became GroupID
	EventReply  = "reply"  // a public agent comment outside the creation audit (M8); ActorID the agent
	EventNext   = "next"   // an answered or pending next-reply pair (M9): At the customer's comment, Seconds null while pending
	EventState  = "state"  // a spell [At, Until) in one status, assignee, group and priority (M6)
	EventRating = "rating" // a score that counted for the ticket in [At, Until) (M21 to M23): Score, AssigneeID and GroupID of the record; Last the latest one
)

// TicketEvent is one dated fact of a ticket. Rows replace each other by (account, kind, at, ticket_id, event_id); the dimensions are the
// ticket's current values (M25) unless the kind says otherwise.
type TicketEvent struct {
	Account    string    `json:"account" ch:"account"`
	Kind       string    `json:"kind" ch:"kind"`
	At         time.Time `json:"at" ch:"at"`
	TicketID   int64     `json:"ticket_id" ch:"ticket_id"`
	EventID    string    `json:"event_id" ch:"event_id"` // what makes it unique in its second: comment, rating, new assignee or group id, else the kind
	Until      time.Time `json:"until" ch:"until"`       // state, rating: until when it held, FarFuture while it does
	ActorID    int64     `json:"actor_id" ch:"actor_id"`
	AssigneeID int64     `json:"assignee_id" ch:"assignee_id"`
	GroupID    int64     `json:"group_id" ch:"group_id"`
	PreviousID int64     `json:"previous_id" ch:"previous_id"`
	Status     string    `json:"status" ch:"status"`
	Score      string    `json:"score" ch:"score"`
	Seconds    *int64    `json:"seconds" ch:"seconds"`
	// BusinessS are seconds within business hours, null without a schedule. solve: since the creation (M7b); next: Seconds; state: of the spell,
	// under the schedule in force when its status ended, null until then.
	BusinessS      *int64   `json:"business_seconds" ch:"business_seconds"`
	Last           uint8    `json:"last" ch:"last"` // solve, rating: 1 on the ticket's last one
	Priority       string   `json:"priority" ch:"priority"`
	Channel        string   `json:"channel" ch:"channel"`
	Type           string   `json:"type" ch:"type"`
	Tags           []string `json:"tags" ch:"tags"`
	BrandID        int64    `json:"brand_id" ch:"brand_id"`
	OrganizationID int64    `json:"organization_id" ch:"organization_id"`
	FormID         int64    `json:"form_id" ch:"form_id"`
	RequesterID    int64    `json:"requester_id" ch:"requester_id"`
	Deleted        uint8    `json:"deleted" ch:"deleted"` // the ticket is deleted now (G6)
	Merged         uint8    `json:"merged" ch:"merged"`   // the ticket was absorbed (G7)
	IsDeleted      uint8    `json:"is_deleted" ch:"is_deleted"`
}

// Message is one comment of a ticket.
type Message struct {
	Account    string    `json:"account" ch:"account"`
	At         time.Time `json:"at" ch:"at"`
	TicketID   int64     `json:"ticket_id" ch:"ticket_id"`
	MessageID  int64     `json:"message_id" ch:"message_id"`
	AuthorID   int64     `json:"author_id" ch:"author_id"`
	AuthorRole string    `json:"author_role" ch:"author_role"` // agent, end_user, system or unknown, when it was written
	Public     uint8     `json:"public" ch:"public"`
	Body       string    `json:"body" ch:"body"`
	Tokens     string    `json:"tokens" ch:"tokens"` // see Tokens
	Redacted   uint8     `json:"redacted" ch:"redacted"`
	// TicketCreatedAt has a search among tickets of some days look at their messages only; of a withdrawn row it is 1970.
	TicketCreatedAt time.Time `json:"ticket_created_at" ch:"ticket_created_at"`
	IsDeleted       uint8     `json:"is_deleted" ch:"is_deleted"`
}

// PhraseHits says how often the saved phrases occur in one text: a comment, or the subject of a ticket (MessageID 0).
type PhraseHits struct {
	Account   string    `json:"account" ch:"account"`
	At        time.Time `json:"at" ch:"at"` // when the comment was written or the ticket created
	TicketID  int64     `json:"ticket_id" ch:"ticket_id"`
	MessageID int64     `json:"message_id" ch:"message_id"`
	Public    uint8     `json:"public" ch:"public"`
	PhraseIDs []string  `json:"phrase_ids" ch:"phrase_ids"`
	Times     []int64   `json:"times" ch:"times"` // start positions of each of PhraseIDs
	// TicketCreatedAt is as that of a message.
	TicketCreatedAt time.Time `json:"ticket_created_at" ch:"ticket_created_at"`
	IsDeleted       uint8     `json:"is_deleted" ch:"is_deleted"`
}

// PersonDeletedForGood is in the column zendesk of a withdrawn person whose user Zendesk deleted permanently and who is to be erased here too, with those
// that it absorbed: the users that are to be erased are the last ones of user_ids, as many as there are own_ids; the first one is as whom they count.
const PersonDeletedForGood = `{"permanently_deleted":true}`

// PersonRow is one person. An absorbed person has no row any more (IsDeleted 1); its ids live on in person_aliases. The withdrawn row of a user that
// was erased keeps only which users were one person with it, where there were several: reports count them once.
type PersonRow struct {
	Account         string     `json:"account" ch:"account"`
	PersonID        string     `json:"person_id" ch:"person_id"`
	SourceIDs       []string   `json:"source_ids" ch:"source_ids"` // sources that told of it, the first one first
	FirstName       string     `json:"first_name" ch:"first_name"`
	LastName        string     `json:"last_name" ch:"last_name"`
	Email           string     `json:"email" ch:"email"`
	PhoneNumber     string     `json:"phone_number" ch:"phone_number"` // E.164
	ExternalID      string     `json:"external_id" ch:"external_id"`
	Language        string     `json:"language" ch:"language"`
	Timezone        string     `json:"timezone" ch:"timezone"` // IANA
	EmailPermission uint8      `json:"email_permission" ch:"email_permission"`
	SMSPermission   uint8      `json:"sms_permission" ch:"sms_permission"`
	Archived        uint8      `json:"archived" ch:"archived"`
	ArchivedAt      *time.Time `json:"archived_at" ch:"archived_at"` // null while it is not archived
	OrganizationID  int64      `json:"organization_id" ch:"organization_id"`
	OrganizationIDs []int64    `json:"organization_ids" ch:"organization_ids"` // all memberships, the default one first
	UserIDs         []int64    `json:"user_ids" ch:"user_ids"`                 // users that are this person, survivor first; from 2^60 on they are not Zendesk's
	OwnIDs          []string   `json:"own_ids" ch:"own_ids"`                   // OwnPersonID of each
	Zendesk         string     `json:"zendesk" ch:"zendesk"`                   // JSON object, product.md 3.2 names in snake case
	Custom          string     `json:"custom" ch:"custom"`                     // JSON object
	CreatedAt       time.Time  `json:"created_at" ch:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at" ch:"updated_at"`
	IsDeleted       uint8      `json:"is_deleted" ch:"is_deleted"`
}

// PersonAlias resolves a name of a person: "zendesk:123", "email:jo@x.test", "external:ab" or the id that a user's person had before it was merged,
// all lower case. A person's own id is no alias.
type PersonAlias struct {
	Account   string `json:"account" ch:"account"`
	Alias     string `json:"alias" ch:"alias"`
	PersonID  string `json:"person_id" ch:"person_id"`
	IsDeleted uint8  `json:"is_deleted" ch:"is_deleted"`
}

// PersonIdentity is one identifier of one user that is in the audience.
type PersonIdentity struct {
	Account   string    `json:"account" ch:"account"`
	Kind      string    `json:"kind" ch:"kind"`   // external-id, email or phone-number
	Value     string    `json:"value" ch:"value"` // lower case; phone numbers in E.164
	UserID    int64     `json:"user_id" ch:"user_id"`
	Strong    uint8     `json:"strong" ch:"strong"` // 1: may merge people, as a verified address does
	CreatedAt time.Time `json:"created_at" ch:"created_at"`
	IsDeleted uint8     `json:"is_deleted" ch:"is_deleted"`
}

// PersonMerge is a merge of a user's person into another, in force or ended.
type PersonMerge struct {
	Account    string     `json:"account" ch:"account"`
	MergeID    string     `json:"merge_id" ch:"merge_id"`
	UserID     int64      `json:"user_id" ch:"user_id"`         // whose person was absorbed
	AbsorbedID string     `json:"absorbed_id" ch:"absorbed_id"` // own person id of that user
	SurvivorID string     `json:"survivor_id" ch:"survivor_id"` // person that absorbed it
	ViaUserID  int64      `json:"via_user_id" ch:"via_user_id"` // user of the survivor it is the same as
	Reason     string     `json:"reason" ch:"reason"`           // zendesk, manual, or the identifier both carry
	At         time.Time  `json:"at" ch:"at"`                   // when it was noticed
	EndedAt    *time.Time `json:"ended_at" ch:"ended_at"`       // null while it is in force
	Undone     uint8      `json:"undone" ch:"undone"`           // 1: ended because somebody undid it, not because an identifier went
	IsDeleted  uint8      `json:"is_deleted" ch:"is_deleted"`
}

// AudienceMember says that a person is in an audience.
type AudienceMember struct {
	Account    string    `json:"account" ch:"account"`
	AudienceID string    `json:"audience_id" ch:"audience_id"`
	PersonID   string    `json:"person_id" ch:"person_id"`
	Since      time.Time `json:"since" ch:"since"`
	IsDeleted  uint8     `json:"is_deleted" ch:"is_deleted"`
}

// AudienceEntry is a person's entering or leaving of an audience. It leaves on SubjectAudience and is kept for good.
type AudienceEntry struct {
	Account    string    `json:"account" ch:"account"`
	AudienceID string    `json:"audience_id" ch:"audience_id"`
	EntryID    string    `json:"entry_id" ch:"entry_id"`
	PersonID   string    `json:"person_id" ch:"person_id"`
	Event      string    `json:"event" ch:"event"` // entered or left
	At         time.Time `json:"at" ch:"at"`
	ActivityID string    `json:"activity_id" ch:"activity_id"` // the activity that occurred; "" = none
	Activity   string    `json:"activity" ch:"activity"`       // its slug
	Attributes string    `json:"attributes" ch:"attributes"`   // JSON object: the activity's row as it was (Activity), {} = none
	IsDeleted  uint8     `json:"is_deleted" ch:"is_deleted"`
}

// PersonStats are a Zendesk user's ticket figures, kept past retention.
type PersonStats struct {
	Account       string     `json:"account" ch:"account"`
	UserID        int64      `json:"user_id" ch:"user_id"`
	TicketsTotal  int64      `json:"tickets_total" ch:"tickets_total"`
	TicketsOpen   int64      `json:"tickets_open" ch:"tickets_open"`
	TicketsClosed int64      `json:"tickets_closed" ch:"tickets_closed"`
	GoodRatings   int64      `json:"good_ratings" ch:"good_ratings"`
	BadRatings    int64      `json:"bad_ratings" ch:"bad_ratings"`
	FirstTicketAt *time.Time `json:"first_ticket_at" ch:"first_ticket_at"`
	LastTicketAt  *time.Time `json:"last_ticket_at" ch:"last_ticket_at"`
	LastTicketID  int64      `json:"last_ticket_id" ch:"last_ticket_id"`
	LastSubject   string     `json:"last_ticket_subject" ch:"last_ticket_subject"`
	LastStatus    string     `json:"last_ticket_status" ch:"last_ticket_status"`
	LastScore     string     `json:"last_satisfaction_score" ch:"last_satisfaction_score"`
	LastScoreAt   *time.Time `json:"last_satisfaction_at" ch:"last_satisfaction_at"`
}

// PersonActivity is the first and last occurrence and the count of one activity of one Zendesk user, kept past retention.
type PersonActivity struct {
	Account  string    `json:"account" ch:"account"`
	UserID   int64     `json:"user_id" ch:"user_id"`
	Activity string    `json:"activity" ch:"activity"`
	FirstAt  time.Time `json:"first_at" ch:"first_at"`
	LastAt   time.Time `json:"last_at" ch:"last_at"`
	Count    int64     `json:"count" ch:"count"`
}

// OrganizationRow is one organization.
type OrganizationRow struct {
	Account        string    `json:"account" ch:"account"`
	OrganizationID int64     `json:"organization_id" ch:"organization_id"`
	SourceID       string    `json:"source_id" ch:"source_id"`
	Name           string    `json:"name" ch:"name"`
	ExternalID     string    `json:"external_id" ch:"external_id"`
	Zendesk        string    `json:"zendesk" ch:"zendesk"` // JSON object, product.md 3.3 names in snake case
	Archived       uint8     `json:"archived" ch:"archived"`
	CreatedAt      time.Time `json:"created_at" ch:"created_at"`
	UpdatedAt      time.Time `json:"updated_at" ch:"updated_at"`
	IsDeleted      uint8     `json:"is_deleted" ch:"is_deleted"`
}

// Agent is a Zendesk user whose role is or was agent or admin.
type Agent struct {
	Account   string    `json:"account" ch:"account"`
	UserID    int64     `json:"user_id" ch:"user_id"`
	Name      string    `json:"name" ch:"name"`
	Email     string    `json:"email" ch:"email"`
	Role      string    `json:"role" ch:"role"`
	Active    uint8     `json:"active" ch:"active"`
	UpdatedAt time.Time `json:"updated_at" ch:"updated_at"`
}

// RatingRow is one satisfaction rating record in its latest form.
type RatingRow struct {
	Account     string    `json:"account" ch:"account"`
	RatingID    int64     `json:"rating_id" ch:"rating_id"`
	TicketID    int64     `json:"ticket_id" ch:"ticket_id"`
	RequesterID int64     `json:"requester_id" ch:"requester_id"`
	AssigneeID  int64     `json:"assignee_id" ch:"assignee_id"`
	GroupID     int64     `json:"group_id" ch:"group_id"`
	Score       string    `json:"score" ch:"score"` // offered, unoffered, good, bad
	Comment     string    `json:"comment" ch:"comment"`
	Reason      string    `json:"reason" ch:"reason"`
	ReasonID    int64     `json:"reason_id" ch:"reason_id"`
	URL         string    `json:"url" ch:"url"`
	CreatedAt   time.Time `json:"created_at" ch:"created_at"`
	UpdatedAt   time.Time `json:"updated_at" ch:"updated_at"`
}

// MetricEventRow is one Zendesk ticket metric event (SLA, M24).
type MetricEventRow struct {
	Account    string    `json:"account" ch:"account"`
	EventID    int64     `json:"event_id" ch:"event_id"`
	TicketID   int64     `json:"ticket_id" ch:"ticket_id"`
	Metric     string    `json:"metric" ch:"metric"`
	InstanceID int64     `json:"instance_id" ch:"instance_id"`
	Type       string    `json:"type" ch:"type"`
	At         time.Time `json:"at" ch:"at"`
	Withdrawn  uint8     `json:"withdrawn" ch:"withdrawn"` // Zendesk's `deleted`
	TargetS    int64     `json:"target_s" ch:"target_s"`
	Business   uint8     `json:"business_hours" ch:"business_hours"`
	PolicyID   int64     `json:"policy_id" ch:"policy_id"`
	Policy     string    `json:"policy" ch:"policy"`
}

// Name is the display name of a thing reports group by: kind is group, brand, ticket_form, custom_status, schedule, ticket_field, user_field
// or organization_field. Key is the slug of fields.
type Name struct {
	Account   string `json:"account" ch:"account"`
	Kind      string `json:"kind" ch:"kind"`
	ID        int64  `json:"id" ch:"id"`
	Name      string `json:"name" ch:"name"`
	Key       string `json:"key" ch:"key"`
	Type      string `json:"type" ch:"type"`
	IsDeleted uint8  `json:"is_deleted" ch:"is_deleted"`
}

// ActivityCount is the number of activities of a kind in one quarter of an hour; it outlives the activities themselves.
type ActivityCount struct {
	Account   string    `json:"account" ch:"account"`
	SourceID  string    `json:"source_id" ch:"source_id"`
	Activity  string    `json:"activity" ch:"activity"`
	At        time.Time `json:"at" ch:"at"`
	Count     int64     `json:"count" ch:"count"`
	Connected int64     `json:"connected" ch:"connected"` // of these, those that happened while the source was not disconnected
}

// OpeningHours are the spans of a year in which the account is open by the schedule that is its default one from InForceFrom on, until the next one is.
// Each schedule begins with a span of no length in 1970; one of schedule 0 says that there is none.
type OpeningHours struct {
	Account     string    `json:"account" ch:"account"`
	InForceFrom time.Time `json:"in_force_from" ch:"in_force_from"` // 1970: also before the schedule was made
	Year        int64     `json:"year" ch:"year"`
	Opens       []int64   `json:"opens" ch:"opens"`                 // Unix seconds, ascending
	Closes      []int64   `json:"closes" ch:"closes"`               // of each of Opens, exclusive
	OpenBeforeS int64     `json:"open_before_s" ch:"open_before_s"` // open seconds in all earlier years
	ScheduleID  int64     `json:"schedule_id" ch:"schedule_id"`
	IsDeleted   uint8     `json:"is_deleted" ch:"is_deleted"`
}
