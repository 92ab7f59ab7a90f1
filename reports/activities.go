package reports

import (
	"strings"

	"deskstream/schemas"
)

// activitySlugs are the activities of a Zendesk source.
var activitySlugs = []string{
	"ticket-created", "ticket-updated", "ticket-status-changed", "ticket-solved", "ticket-closed", "ticket-reopened", "ticket-assigned",
	"ticket-group-changed", "ticket-priority-changed", "ticket-subject-changed", "ticket-tagged", "ticket-untagged",
	"ticket-message-received", "ticket-message-sent", "ticket-note-added", "ticket-message-redacted", "ticket-merged", "ticket-deleted",
	"ticket-restored", "ticket-marked-as-spam", "satisfaction-requested", "satisfaction-rating-received", "contact-created",
	"contact-updated", "contact-deleted", "contact-merged", "organization-created", "organization-updated", "organization-deleted",
	schemas.ActivityFieldChanged,
}

// activityName gives the name people read: "ticket-created" is "Ticket created".
func activityName(slug string) string {
	if slug == "" {
		return ""
	}
	return strings.ToUpper(slug[:1]) + strings.ReplaceAll(slug[1:], "-", " ")
}
