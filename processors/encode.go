package processors

import (
	"strconv"
	"time"
	"unicode/utf8"

	"deskstream/schemas"
)

// object writes one JSON object. Rows are written by hand because one goes out for nearly every event, and reflection would cost more
// than all the rest; a test compares every row with encoding/json.
type object struct {
	b     []byte
	first bool
}

func newObject(b []byte) *object { return &object{b: append(b, '{'), first: true} }

func (o *object) key(k string) {
	if o.first {
		o.b = append(o.b, '"')
	} else {
		o.b = append(o.b, ',', '"')
	}
	o.first = false
	o.b = append(append(o.b, k...), '"', ':')
}

func (o *object) str(k, v string) { o.key(k); o.b = appendText(o.b, v) }

func (o *object) int(k string, v int64) { o.key(k); o.b = strconv.AppendInt(o.b, v, 10) }

func (o *object) flag(k string, v uint8) { o.key(k); o.b = append(o.b, '0'+v) }

func (o *object) time(k string, v time.Time) {
	o.key(k)
	o.b = append(o.b, '"')
	o.b = v.AppendFormat(o.b, time.RFC3339)
	o.b = append(o.b, '"')
}

func (o *object) timePtr(k string, v *time.Time) {
	if v == nil {
		o.null(k)
		return
	}
	o.time(k, *v)
}

func (o *object) intPtr(k string, v *int64) {
	if v == nil {
		o.null(k)
		return
	}
	o.int(k, *v)
}

func (o *object) null(k string) { o.key(k); o.b = append(o.b, "null"...) }

func (o *object) bool(k string, v bool) { o.key(k); o.b = strconv.AppendBool(o.b, v) }

// id writes an id as the API does: a string, "" for none.
func (o *object) id(k string, v int64) {
	o.key(k)
	o.b = append(o.b, '"')
	if v != 0 {
		o.b = strconv.AppendInt(o.b, v, 10)
	}
	o.b = append(o.b, '"')
}

func (o *object) raw(k, v string) { o.key(k); o.b = append(o.b, v...) }

func (o *object) strs(k string, v []string) {
	o.key(k)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendText(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *object) ints(k string, v []int64) {
	o.key(k)
	o.b = append(o.b, '[')
	for i, n := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = strconv.AppendInt(o.b, n, 10)
	}
	o.b = append(o.b, ']')
}

func (o *object) end() []byte { return append(o.b, '}') }

const hexDigits = "0123456789abcdef"

// plainPrefix is how many bytes at the beginning of a text stand for themselves in JSON, at least: it looks at eight of them at a time.
func plainPrefix(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, back := x^swarOnes*'"', x^swarOnes*'\\'
		if ((quote-swarOnes)&^quote|(back-swarOnes)&^back|(x-swarOnes*' ')&^x|x)&swarHighs != 0 {
			break
		}
	}
	return i
}

// appendText writes a JSON string; bytes that are not UTF-8 become U+FFFD, because the database takes only UTF-8.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := plainPrefix(s); i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendActivity(b []byte, a *schemas.Activity) []byte {
	o := newObject(b)
	o.str("account", a.Account)
	o.str("activity", a.Activity)
	o.time("occurred_at", a.OccurredAt)
	o.str("activity_id", a.ActivityID)
	o.str("source_id", a.SourceID)
	o.int("ticket_id", a.TicketID)
	o.str("person_id", a.PersonID)
	o.int("user_id", a.UserID)
	o.int("organization_id", a.OrganizationID)
	o.int("actor_id", a.ActorID)
	o.int("assignee_id", a.AssigneeID)
	o.int("group_id", a.GroupID)
	o.int("brand_id", a.BrandID)
	o.int("form_id", a.FormID)
	o.str("channel", a.Channel)
	o.str("priority", a.Priority)
	o.str("type", a.Type)
	o.str("status", a.Status)
	o.str("previous_status", a.PreviousStatus)
	o.str("subject", a.Subject)
	o.str("message", a.Message)
	o.strs("tags", a.Tags)
	o.str("text", a.Text)
	o.str("attributes", a.Attributes)
	o.str("via", a.Via)
	o.time("expires_at", a.ExpiresAt)
	o.flag("is_deleted", a.IsDeleted)
	return o.end()
}

// appendTicket says where in the row the words of the subject are, too.
func appendTicket(b []byte, t *schemas.TicketRow) (row []byte, tokens int) {
	o := newObject(b)
	o.str("account", t.Account)
	o.int("ticket_id", t.TicketID)
	o.str("source_id", t.SourceID)
	o.time("created_at", t.CreatedAt)
	o.time("updated_at", t.UpdatedAt)
	o.str("subject", t.Subject)
	o.key("subject_tokens")
	tokens = len(o.b)
	o.b = appendText(o.b, t.SubjectTokens)
	o.str("description", t.Description)
	o.str("status", t.Status)
	o.time("status_since", t.StatusSince)
	o.str("priority", t.Priority)
	o.str("type", t.Type)
	o.str("channel", t.Channel)
	o.strs("tags", t.Tags)
	o.int("requester_id", t.RequesterID)
	o.int("submitter_id", t.SubmitterID)
	o.int("assignee_id", t.AssigneeID)
	o.int("group_id", t.GroupID)
	o.int("brand_id", t.BrandID)
	o.int("organization_id", t.OrganizationID)
	o.int("form_id", t.FormID)
	o.str("external_id", t.ExternalID)
	o.str("url", t.URL)
	o.str("custom_fields", t.CustomFields)
	o.int("custom_status_id", t.CustomStatusID)
	o.flag("is_public", t.IsPublic)
	o.timePtr("due_at", t.DueAt)
	o.str("details", t.Details)
	o.flag("deleted", t.Deleted)
	o.flag("merged", t.Merged)
	o.int("merged_into", t.MergedInto)
	o.flag("history_full", t.HistoryFull)
	o.flag("provisional", t.Provisional)
	ticketFigures(o, t)
	o.flag("is_deleted", t.IsDeleted)
	return o.end(), tokens
}

func ticketFigures(o *object, t *schemas.TicketRow) {
	o.int("replies", t.Replies)
	o.int("public_agent_comments", t.PublicAgent)
	o.int("reopens", t.Reopens)
	o.int("solves", t.Solves)
	o.int("assignee_stations", t.AssigneeStations)
	o.int("unique_assignees", t.UniqueAssignees)
	o.int("group_stations", t.GroupStations)
	o.int("reassignments", t.Reassignments)
	o.int("handoffs", t.Handoffs)
	o.timePtr("first_reply_at", t.FirstReplyAt)
	o.intPtr("first_reply_s", t.FirstReplyS)
	o.intPtr("first_reply_business_s", t.FirstReplyBizS)
	o.timePtr("first_solved_at", t.FirstSolvedAt)
	o.timePtr("last_solved_at", t.LastSolvedAt)
	o.timePtr("closed_at", t.ClosedAt)
	o.intPtr("first_resolution_s", t.FirstResolutionS)
	o.intPtr("first_resolution_business_s", t.FirstResolutionBiz)
	o.intPtr("full_resolution_s", t.FullResolutionS)
	o.intPtr("full_resolution_business_s", t.FullResolutionBizS)
	o.timePtr("first_assigned_at", t.FirstAssignedAt)
	o.intPtr("first_assigned_s", t.FirstAssignedS)
	o.intPtr("first_assigned_business_s", t.FirstAssignedBizS)
	o.timePtr("last_assigned_at", t.LastAssignedAt)
	o.int("first_assignee_id", t.FirstAssigneeID)
	o.int("last_assignee_id", t.LastAssigneeID)
	o.timePtr("latest_comment_at", t.LatestCommentAt)
	o.ints("next_reply_s", t.NextReplyS)
	o.flag("next_reply_pending", t.NextReplyPending)
	o.int("new_s", t.NewS)
	o.int("open_s", t.OpenS)
	o.int("pending_s", t.PendingS)
	o.int("hold_s", t.HoldS)
	o.intPtr("new_business_s", t.NewBizS)
	o.intPtr("open_business_s", t.OpenBizS)
	o.intPtr("pending_business_s", t.PendingBizS)
	o.intPtr("hold_business_s", t.HoldBizS)
	o.int("status_changes", t.StatusChanges)
	o.str("csat", t.CSAT)
	o.int("csat_agent_id", t.CSATAgentID)
	o.int("csat_group_id", t.CSATGroupID)
	o.timePtr("csat_at", t.CSATAt)
	o.str("csat_comment", t.CSATComment)
	o.str("csat_reason", t.CSATReason)
	o.int("csat_reason_id", t.CSATReasonID)
}

func appendTicketEvent(b []byte, e *schemas.TicketEvent) []byte {
	o := newObject(b)
	o.str("account", e.Account)
	o.str("kind", e.Kind)
	o.time("at", e.At)
	o.int("ticket_id", e.TicketID)
	o.str("event_id", e.EventID)
	o.time("until", e.Until)
	o.int("actor_id", e.ActorID)
	o.int("assignee_id", e.AssigneeID)
	o.int("group_id", e.GroupID)
	o.int("previous_id", e.PreviousID)
	o.str("status", e.Status)
	o.str("score", e.Score)
	o.intPtr("seconds", e.Seconds)
	o.intPtr("business_seconds", e.BusinessS)
	o.flag("last", e.Last)
	o.str("priority", e.Priority)
	o.str("channel", e.Channel)
	o.str("type", e.Type)
	o.strs("tags", e.Tags)
	o.int("brand_id", e.BrandID)
	o.int("organization_id", e.OrganizationID)
	o.int("form_id", e.FormID)
	o.int("requester_id", e.RequesterID)
	o.flag("deleted", e.Deleted)
	o.flag("merged", e.Merged)
	o.flag("is_deleted", e.IsDeleted)
	return o.end()
}

func appendMessage(b []byte, m *schemas.Message) []byte {
	o := newObject(b)
	o.str("account", m.Account)
	o.time("at", m.At)
	o.int("ticket_id", m.TicketID)
	o.int("message_id", m.MessageID)
	o.int("author_id", m.AuthorID)
	o.str("author_role", m.AuthorRole)
	o.flag("public", m.Public)
	o.str("body", m.Body)
	o.str("tokens", m.Tokens)
	o.flag("redacted", m.Redacted)
	o.time("ticket_created_at", m.TicketCreatedAt)
	o.flag("is_deleted", m.IsDeleted)
	return o.end()
}

func appendPhraseHits(b []byte, h *schemas.PhraseHits) []byte {
	o := newObject(b)
	o.str("account", h.Account)
	o.time("at", h.At)
	o.int("ticket_id", h.TicketID)
	o.int("message_id", h.MessageID)
	o.flag("public", h.Public)
	o.strs("phrase_ids", h.PhraseIDs)
	o.ints("times", h.Times)
	o.time("ticket_created_at", h.TicketCreatedAt)
	o.flag("is_deleted", h.IsDeleted)
	return o.end()
}

func appendPerson(b []byte, p *schemas.PersonRow) []byte {
	o := newObject(b)
	o.str("account", p.Account)
	o.str("person_id", p.PersonID)
	o.strs("source_ids", p.SourceIDs)
	o.str("first_name", p.FirstName)
	o.str("last_name", p.LastName)
	o.str("email", p.Email)
	o.str("phone_number", p.PhoneNumber)
	o.str("external_id", p.ExternalID)
	o.str("language", p.Language)
	o.str("timezone", p.Timezone)
	o.flag("email_permission", p.EmailPermission)
	o.flag("sms_permission", p.SMSPermission)
	o.flag("archived", p.Archived)
	o.timePtr("archived_at", p.ArchivedAt)
	o.int("organization_id", p.OrganizationID)
	o.ints("organization_ids", p.OrganizationIDs)
	o.ints("user_ids", p.UserIDs)
	o.strs("own_ids", p.OwnIDs)
	o.str("zendesk", p.Zendesk)
	o.str("custom", p.Custom)
	o.time("created_at", p.CreatedAt)
	o.time("updated_at", p.UpdatedAt)
	o.flag("is_deleted", p.IsDeleted)
	return o.end()
}

func appendAlias(b []byte, a *schemas.PersonAlias) []byte {
	o := newObject(b)
	o.str("account", a.Account)
	o.str("alias", a.Alias)
	o.str("person_id", a.PersonID)
	o.flag("is_deleted", a.IsDeleted)
	return o.end()
}

func appendIdentity(b []byte, i *schemas.PersonIdentity) []byte {
	o := newObject(b)
	o.str("account", i.Account)
	o.str("kind", i.Kind)
	o.str("value", i.Value)
	o.int("user_id", i.UserID)
	o.flag("strong", i.Strong)
	o.time("created_at", i.CreatedAt)
	o.flag("is_deleted", i.IsDeleted)
	return o.end()
}

func appendMerge(b []byte, m *schemas.PersonMerge) []byte {
	o := newObject(b)
	o.str("account", m.Account)
	o.str("merge_id", m.MergeID)
	o.int("user_id", m.UserID)
	o.str("absorbed_id", m.AbsorbedID)
	o.str("survivor_id", m.SurvivorID)
	o.int("via_user_id", m.ViaUserID)
	o.str("reason", m.Reason)
	o.time("at", m.At)
	o.timePtr("ended_at", m.EndedAt)
	o.flag("undone", m.Undone)
	o.flag("is_deleted", m.IsDeleted)
	return o.end()
}

func appendMember(b []byte, m *schemas.AudienceMember) []byte {
	o := newObject(b)
	o.str("account", m.Account)
	o.str("audience_id", m.AudienceID)
	o.str("person_id", m.PersonID)
	o.time("since", m.Since)
	o.flag("is_deleted", m.IsDeleted)
	return o.end()
}

func appendEntry(b []byte, e *schemas.AudienceEntry) []byte {
	o := newObject(b)
	o.str("account", e.Account)
	o.str("audience_id", e.AudienceID)
	o.str("entry_id", e.EntryID)
	o.str("person_id", e.PersonID)
	o.str("event", e.Event)
	o.time("at", e.At)
	o.str("activity_id", e.ActivityID)
	o.str("activity", e.Activity)
	o.str("attributes", e.Attributes)
	o.flag("is_deleted", e.IsDeleted)
	return o.end()
}

func appendStats(b []byte, s *schemas.PersonStats) []byte {
	o := newObject(b)
	o.str("account", s.Account)
	o.int("user_id", s.UserID)
	o.int("tickets_total", s.TicketsTotal)
	o.int("tickets_open", s.TicketsOpen)
	o.int("tickets_closed", s.TicketsClosed)
	o.int("good_ratings", s.GoodRatings)
	o.int("bad_ratings", s.BadRatings)
	o.timePtr("first_ticket_at", s.FirstTicketAt)
	o.timePtr("last_ticket_at", s.LastTicketAt)
	o.int("last_ticket_id", s.LastTicketID)
	o.str("last_ticket_subject", s.LastSubject)
	o.str("last_ticket_status", s.LastStatus)
	o.str("last_satisfaction_score", s.LastScore)
	o.timePtr("last_satisfaction_at", s.LastScoreAt)
	return o.end()
}

func appendPersonActivity(b []byte, a *schemas.PersonActivity) []byte {
	o := newObject(b)
	o.str("account", a.Account)
	o.int("user_id", a.UserID)
	o.str("activity", a.Activity)
	o.time("first_at", a.FirstAt)
	o.time("last_at", a.LastAt)
	o.int("count", a.Count)
	return o.end()
}

func appendActivityCount(b []byte, c *schemas.ActivityCount) []byte {
	o := newObject(b)
	o.str("account", c.Account)
	o.str("source_id", c.SourceID)
	o.str("activity", c.Activity)
	o.time("at", c.At)
	o.int("count", c.Count)
	o.int("connected", c.Connected)
	return o.end()
}

func appendRating(b []byte, r *schemas.RatingRow) []byte {
	o := newObject(b)
	o.str("account", r.Account)
	o.int("rating_id", r.RatingID)
	o.int("ticket_id", r.TicketID)
	o.int("requester_id", r.RequesterID)
	o.int("assignee_id", r.AssigneeID)
	o.int("group_id", r.GroupID)
	o.str("score", r.Score)
	o.str("comment", r.Comment)
	o.str("reason", r.Reason)
	o.int("reason_id", r.ReasonID)
	o.str("url", r.URL)
	o.time("created_at", r.CreatedAt)
	o.time("updated_at", r.UpdatedAt)
	return o.end()
}

func appendMetricEvent(b []byte, e *schemas.MetricEventRow) []byte {
	o := newObject(b)
	o.str("account", e.Account)
	o.int("event_id", e.EventID)
	o.int("ticket_id", e.TicketID)
	o.str("metric", e.Metric)
	o.int("instance_id", e.InstanceID)
	o.str("type", e.Type)
	o.time("at", e.At)
	o.flag("withdrawn", e.Withdrawn)
	o.int("target_s", e.TargetS)
	o.flag("business_hours", e.Business)
	o.int("policy_id", e.PolicyID)
	o.str("policy", e.Policy)
	return o.end()
}

func appendOpeningHours(b []byte, h *schemas.OpeningHours) []byte {
	o := newObject(b)
	o.str("account", h.Account)
	o.time("in_force_from", h.InForceFrom)
	o.int("year", h.Year)
	o.ints("opens", h.Opens)
	o.ints("closes", h.Closes)
	o.int("open_before_s", h.OpenBeforeS)
	o.int("schedule_id", h.ScheduleID)
	o.flag("is_deleted", h.IsDeleted)
	return o.end()
}

func appendOrganization(b []byte, r *schemas.OrganizationRow) []byte {
	o := newObject(b)
	o.str("account", r.Account)
	o.int("organization_id", r.OrganizationID)
	o.str("source_id", r.SourceID)
	o.str("name", r.Name)
	o.str("external_id", r.ExternalID)
	o.str("zendesk", r.Zendesk)
	o.flag("archived", r.Archived)
	o.time("created_at", r.CreatedAt)
	o.time("updated_at", r.UpdatedAt)
	o.flag("is_deleted", r.IsDeleted)
	return o.end()
}

func appendAgent(b []byte, a *schemas.Agent) []byte {
	o := newObject(b)
	o.str("account", a.Account)
	o.int("user_id", a.UserID)
	o.str("name", a.Name)
	o.str("email", a.Email)
	o.str("role", a.Role)
	o.flag("active", a.Active)
	o.time("updated_at", a.UpdatedAt)
	return o.end()
}

func appendName(b []byte, n *schemas.Name) []byte {
	o := newObject(b)
	o.str("account", n.Account)
	o.str("kind", n.Kind)
	o.int("id", n.ID)
	o.str("name", n.Name)
	o.str("key", n.Key)
	o.str("type", n.Type)
	o.flag("is_deleted", n.IsDeleted)
	return o.end()
}
