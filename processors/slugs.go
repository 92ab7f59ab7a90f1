package processors

import "deskstream/schemas"

// slug is the number under which state keeps an activity's name. The order is part of the stored form: append only.
type slug byte

const (
	ticketCreated slug = iota
	ticketUpdated
	ticketStatusChanged
	// ticketSolved is a solve: also "closed without being solved" and "created as solved".
	ticketSolved
	// ticketClosed is the strict status closed. Reports count as closed what enters {solved, closed}, which is another thing: they
	// read ticket_events.
	ticketClosed
	ticketReopened
	ticketAssigned
	ticketGroupChanged
	ticketPriorityChanged
	ticketSubjectChanged
	ticketTagged
	ticketUntagged
	ticketMessageReceived
	ticketMessageSent
	ticketNoteAdded
	ticketMessageRedacted
	ticketMerged
	ticketDeleted
	ticketRestored
	ticketMarkedAsSpam
	satisfactionRequested
	satisfactionReceived
	contactCreated
	contactUpdated
	contactDeleted
	contactMerged
	organizationCreated
	organizationUpdated
	organizationDeleted
	fieldChanged
)

// contactSlugs are those of what happens to a contact itself; its row has all of them.
var contactSlugs = [...]slug{contactCreated, contactUpdated, contactDeleted, contactMerged, fieldChanged}

// slugNames are the slugs of activities, by number.
var slugNames = [...]string{
	"ticket-created", "ticket-updated", "ticket-status-changed", "ticket-solved", "ticket-closed", "ticket-reopened", "ticket-assigned",
	"ticket-group-changed", "ticket-priority-changed", "ticket-subject-changed", "ticket-tagged", "ticket-untagged",
	"ticket-message-received", "ticket-message-sent", "ticket-note-added", "ticket-message-redacted", "ticket-merged", "ticket-deleted",
	"ticket-restored", "ticket-marked-as-spam", "satisfaction-requested", "satisfaction-rating-received", "contact-created",
	"contact-updated", "contact-deleted", "contact-merged", "organization-created", "organization-updated", "organization-deleted",
	schemas.ActivityFieldChanged,
}

func (s slug) String() string { return slugNames[s] }
