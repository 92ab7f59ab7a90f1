package reports

import (
	"maps"
	"slices"
	"strings"

	"deskstream/schemas"
)

// attributeSources says where attributes of activities come from that the row of an activity does not have.
type attributeSources uint16

const (
	fromTicket         attributeSources = 1 << iota // the ticket as it is now
	fromTicketFields                                // the titles of the custom fields of tickets
	fromMessages                                    // the messages of the ticket
	fromOrganizations                               // names of organizations
	fromForms                                       // names of the forms of tickets
	fromCustomStatuses                              // names of custom statuses
	fromGroups                                      // names of groups that had the ticket before
	fromAgents                                      // names of agents that had the ticket before
	fromAuthors                                     // names of those who wrote a message

	fromEverywhere = fromAuthors<<1 - 1
)

// sourceOf gives where an attribute comes from, by the first step of its path; of others the row is enough.
var sourceOf = map[string]attributeSources{
	"description":   fromTicket | fromMessages, // which say whether it is private
	"custom_fields": fromTicket | fromTicketFields,
	"submitter_id":  fromTicket, "external_id": fromTicket, "created_at": fromTicket, "updated_at": fromTicket, "url": fromTicket, "satisfaction_score": fromTicket,
	"due_at": fromTicket, "is_public": fromTicket, "custom_status_id": fromTicket,
	"custom_status":          fromTicket | fromCustomStatuses,
	"form":                   fromForms,
	"message":                fromMessages,
	"organization_name":      fromOrganizations,
	"previous_group":         fromGroups,
	"previous_assignee_name": fromAgents, "previous_assignee_first_name": fromAgents, "previous_assignee_last_name": fromAgents, "previous_assignee_email": fromAgents,
	"author_name": fromAuthors, "author_email": fromAuthors,
}

// attributeSource gives the sources of what a path below an activity may lead to. whole says that the template may use all of it.
func attributeSource(path []string, whole bool) attributeSources {
	switch {
	case len(path) == 0 && !whole:
		return 0
	case len(path) == 0 || path[0] == anyKind || path[0] == element:
		return fromEverywhere
	}
	return sourceOf[underscored(path[0])]
}

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// commonAttributes are those of every activity.
var commonAttributes = []recordField{
	{ID: "id", Label: "Id", Type: "text"},
	{ID: "kind", Label: "Kind", Type: "text"},
	{ID: "activity", Label: "Activity", Type: "text"},
	{ID: "name", Label: "Name", Type: "text"},
	{ID: "occurred_at", Label: "Occurred at", Type: "time"},
	{ID: "text", Label: "Text", Type: "text"},
	{ID: "organization_id", Label: "Organization id", Type: "text"},
	{ID: "organization_name", Label: "Organization", Type: "text"},
}

// ticketAttributes are those of every activity of a ticket, besides its custom fields.
var ticketAttributes = []recordField{
	{ID: "subject", Label: "Subject", Type: "text"},
	{ID: "description", Label: "Description", Type: "text"},
	{ID: "message", Label: "Message", Type: "text"},
	{ID: "status", Label: "Status", Type: "text"},
	{ID: "custom_status_id", Label: "Custom status id", Type: "text"},
	{ID: "custom_status", Label: "Custom status", Type: "text"},
	{ID: "priority", Label: "Priority", Type: "text"},
	{ID: "type", Label: "Type", Type: "text"},
	{ID: "channel", Label: "Channel", Type: "text"},
	{ID: "tags", Label: "Tags", Type: "list"},
	{ID: "ticket_id", Label: "Ticket id", Type: "text"},
	{ID: "ticket_number", Label: "Ticket number", Type: "integer"},
	{ID: "assignee_id", Label: "Assignee id", Type: "text"},
	{ID: "assignee_name", Label: "Assignee", Type: "text"},
	{ID: "assignee_first_name", Label: "Assignee's first name", Type: "text"},
	{ID: "assignee_last_name", Label: "Assignee's last name", Type: "text"},
	{ID: "assignee_email", Label: "Assignee's email", Type: "email"},
	{ID: "assignee.id", Label: "Assignee id", Type: "text"},
	{ID: "assignee.name", Label: "Assignee", Type: "text"},
	{ID: "assignee.first_name", Label: "Assignee's first name", Type: "text"},
	{ID: "assignee.last_name", Label: "Assignee's last name", Type: "text"},
	{ID: "assignee.email", Label: "Assignee's email", Type: "email"},
	{ID: "group_id", Label: "Group id", Type: "text"},
	{ID: "group", Label: "Group", Type: "text"},
	{ID: "brand_id", Label: "Brand id", Type: "text"},
	{ID: "brand", Label: "Brand", Type: "text"},
	{ID: "form_id", Label: "Form id", Type: "text"},
	{ID: "form", Label: "Form", Type: "text"},
	{ID: "requester_id", Label: "Requester id", Type: "text"},
	{ID: "submitter_id", Label: "Submitter id", Type: "text"},
	{ID: "external_id", Label: "External id", Type: "text"},
	{ID: "url", Label: "URL", Type: "text"},
	{ID: "satisfaction_score", Label: "Satisfaction score", Type: "text"},
	{ID: "created_at", Label: "Created", Type: "time"},
	{ID: "updated_at", Label: "Updated", Type: "time"},
	{ID: "due_at", Label: "Due", Type: "time"},
	{ID: "is_public", Label: "Public", Type: "boolean"},
	{ID: "ticket.id", Label: "Ticket id", Type: "text"},
	{ID: "ticket.subject", Label: "Subject", Type: "text"},
	{ID: "ticket.status", Label: "Status", Type: "text"},
	{ID: "ticket.priority", Label: "Priority", Type: "text"},
	{ID: "ticket.type", Label: "Type", Type: "text"},
	{ID: "ticket.channel", Label: "Channel", Type: "text"},
	{ID: "ticket.tags", Label: "Tags", Type: "list"},
}

// Attributes that several kinds have.
var (
	statusBefore = recordField{ID: "previous_status", Label: "Previous status", Type: "text"}
	messageID    = recordField{ID: "message_id", Label: "Message id", Type: "text"}
	taggedBy     = recordField{ID: "tagged_by", Label: "Tagged by", Type: "text"}
	changed      = recordField{ID: "changed_fields", Label: "Changed fields", Type: "list"}

	resolution = []recordField{
		statusBefore, {ID: "resolution_minutes", Label: "Resolution minutes", Type: "integer"}, {ID: "reopens", Label: "Reopens", Type: "integer"},
	}
	written = []recordField{
		messageID,
		{ID: "author_id", Label: "Author id", Type: "text"},
		{ID: "author_role", Label: "Author's role", Type: "text"},
		{ID: "author_name", Label: "Author", Type: "text"},
		{ID: "author_email", Label: "Author's email", Type: "email"},
	}
	rated = []recordField{
		{ID: "score", Label: "Score", Type: "text"},
		{ID: "previous_score", Label: "Previous score", Type: "text"},
		{ID: "comment", Label: "Comment", Type: "text"},
		{ID: "reason", Label: "Reason", Type: "text"},
		{ID: "reason_id", Label: "Reason id", Type: "text"},
		{ID: "rating_id", Label: "Rating id", Type: "text"},
	}
)

// kindAttributes are those that are special to a kind of activity.
var kindAttributes = map[string][]recordField{
	"ticket-updated":        {changed},
	"ticket-status-changed": {statusBefore},
	"ticket-solved":         resolution,
	"ticket-closed":         resolution,
	"ticket-reopened":       resolution,
	"ticket-assigned": {
		{ID: "previous_assignee_id", Label: "Previous assignee id", Type: "text"},
		{ID: "previous_assignee_name", Label: "Previous assignee", Type: "text"},
		{ID: "previous_assignee_first_name", Label: "Previous assignee's first name", Type: "text"},
		{ID: "previous_assignee_last_name", Label: "Previous assignee's last name", Type: "text"},
		{ID: "previous_assignee_email", Label: "Previous assignee's email", Type: "email"},
	},
	"ticket-group-changed": {
		{ID: "previous_group_id", Label: "Previous group id", Type: "text"}, {ID: "previous_group", Label: "Previous group", Type: "text"},
	},
	"ticket-priority-changed":      {{ID: "previous_priority", Label: "Previous priority", Type: "text"}},
	"ticket-subject-changed":       {{ID: "previous_subject", Label: "Previous subject", Type: "text"}},
	"ticket-tagged":                {{ID: "tags_added", Label: "Tags added", Type: "list"}, taggedBy},
	"ticket-untagged":              {{ID: "tags_removed", Label: "Tags removed", Type: "list"}, taggedBy},
	"ticket-message-received":      written,
	"ticket-message-sent":          written,
	noteAdded:                      written,
	"ticket-message-redacted":      {messageID},
	"ticket-merged":                {{ID: "into_ticket_id", Label: "Into ticket id", Type: "text"}},
	"ticket-deleted":               {statusBefore},
	"ticket-restored":              {statusBefore},
	"satisfaction-requested":       rated,
	"satisfaction-rating-received": rated,
	"contact-updated":              {changed},
	"contact-merged":               {{ID: "into_user_id", Label: "Into user id", Type: "text"}},
	"organization-updated":         {changed},
	schemas.ActivityFieldChanged: {
		{ID: "label", Label: "Field", Type: "text"},
		{ID: "field", Label: "Field id", Type: "text"},
		{ID: "old_value", Label: "Old value", Type: "text"},
		{ID: "new_value", Label: "New value", Type: "text"},
	},
}

// customFields is what the names of the custom fields of tickets begin with.
const customFields = "custom_fields."

// noteAdded is the activity whose text agents write for agents.
const noteAdded = "ticket-note-added"

// ofTicket says whether an activity is a ticket's.
func ofTicket(slug string) bool {
	return strings.HasPrefix(slug, "ticket-") || strings.HasPrefix(slug, "satisfaction-")
}

// hasMessage says whether an activity is about a message itself, so that no other one is meant.
func hasMessage(slug string) bool {
	return slug == "ticket-message-received" || slug == "ticket-message-sent" || slug == noteAdded
}

// attributesOf gives the attributes of a kind of activity, of a ticket's with its custom fields.
func attributesOf(slug string, fields []recordField) []recordField {
	out := slices.Clone(commonAttributes)
	if ofTicket(slug) {
		out = slices.Concat(out, ticketAttributes, fields)
	}
	if slug == noteAdded {
		out = slices.DeleteFunc(out, func(f recordField) bool { return f.ID == "message" || f.ID == "text" })
	}
	return append(out, kindAttributes[slug]...)
}

// attributeNamesOf gives the names of the attributes of some kinds, in order.
func attributeNamesOf(slugs []string, fields []recordField) []string {
	names := map[string]bool{}
	for _, slug := range slugs {
		for _, f := range attributesOf(slug, fields) {
			names[f.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
