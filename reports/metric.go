package reports

import (
	"slices"
	"strings"

	"deskstream/schemas"
)

// metric is one report: what it says, by what it can be asked, and the statement in sql/ that answers it.
type metric struct {
	name, unit, definition string
	values                 []value
	dimensions             []dimension
	options                []option
	statement              string // file below sql/; "" = the name
	// shape adapts the question to the options: dimensions, the columns of a duration and values to bind. May be nil.
	shape func(q *question) error
	// cumulative: rows are differences at the ends of buckets, see backlog.sql.
	cumulative bool
	// byBucket: what a row of an interval says depends on where its bucket begins and ends, so that totals are a question of their own.
	byBucket bool
	// everything: without from the report looks at all tickets, not at the last 30 days.
	everything bool
}

// value is one figure of a report. A count is 0 where nothing was found, everything else is null (G12).
type value struct {
	name, doc string
	count     bool
	whole     bool // of the whole range only: null in rows of an interval
}

// option is a parameter that only some metrics have. The first value is the default unless free.
type option struct {
	name, doc string
	values    []string // accepted; nil = any text
	repeat    bool
	dimension bool // it filters by the metric's own dimension of that name
}

func counts(names ...string) []value {
	values := make([]value, len(names))
	for i, n := range names {
		values[i] = value{name: n, count: true}
	}
	return values
}

func (m *metric) file() string {
	if m.statement != "" {
		return m.statement
	}
	return m.name
}

func (m *metric) option(name string) (option, bool) {
	i := slices.IndexFunc(m.options, func(o option) bool { return o.name == name })
	if i < 0 {
		return option{}, false
	}
	return m.options[i], true
}

// durationValues are the figures of every duration report.
var durationValues = []value{
	{name: "count", doc: "Tickets (or replies) that have the duration", count: true},
	{name: "mean_s", doc: "Mean, seconds"},
	{name: "median_s", doc: "Median; of an even count the mean of the middle two, seconds"},
	{name: "p90_s", doc: "90th percentile, seconds"},
	{name: "sum_s", doc: "Sum, seconds", count: true},
}

const (
	hoursDoc = "calendar or business hours (the schedule of the account)"
	// waitHoursDoc is Zendesk's way to measure what has several ends.
	waitHoursDoc = " Business hours are those of the schedule in force when each status ended, or at as_of of the one that runs."
	variantDoc   = "live adds the status that runs at as_of; completed is Zendesk's figure, which moves when a status ends"
	datedDoc     = " Dated by the creation of the ticket; dimensions are the ticket's current values."
)

var (
	hoursOption         = option{name: "hours", values: []string{"calendar", "business"}, doc: hoursDoc}
	variantOption       = option{name: "variant", values: []string{"live", "completed"}, doc: variantDoc}
	phraseOption        = option{name: "phrase", repeat: true, doc: "Words to look for; repeatable, each is a key"}
	scopeOption         = option{name: "scope", values: []string{"public", "any"}, doc: "public comments only, or private notes too"}
	datedByOption       = option{name: "dated_by", values: []string{"ticket", "message"}, doc: "Date of the ticket's creation, or of the message"}
	attributeOption     = option{name: "attribute", values: []string{"at_rating", "current_assignee"}, doc: "Assignee and group of the rating, or of the ticket now"}
	agentOption         = option{name: "agent", dimension: true, doc: "Author of the reply; commas mean or"}
	activityOption      = option{name: "activity", dimension: true, doc: "Activity, e.g. ticket-created; commas mean or"}
	slaMetricOption     = option{name: "sla_metric", dimension: true, doc: "e.g. reply_time; commas mean or"}
	eventDimensionsNote = " Assignee and group are those at the time of the event, other dimensions are the ticket's current values."
)

// reportMetrics lists every report in the order of the documentation.
var reportMetrics = slices.Concat(eventMetrics, durationMetrics, ticketMetrics)

var eventMetrics = []*metric{
	{
		name: "tickets_created", unit: "tickets", values: counts("tickets"), dimensions: ticketDimensions,
		definition: "Tickets by the time of their creation (M1); dimensions are the ticket's current values.",
	},
	{
		name: "closures", unit: "events", values: counts("solve_events", "tickets_solved", "closed"), dimensions: ticketDimensions,
		definition: "solve_events: times a ticket became solved, or closed without having been solved, by the assignee and group at the solve (M2). " +
			"tickets_solved: tickets that are solved or closed at as_of, dated by their last solve, by their present assignee and group (M3). " +
			"closed: times a ticket became closed (M4).",
		shape: func(q *question) error { q.p.time("since", q.from); return nil },
	},
	{
		name: "reopens", unit: "events", values: counts("reopens", "reopened_tickets"), dimensions: ticketDimensions,
		definition: "reopens: times a solved ticket became unsolved; reopened_tickets: tickets with at least one (M5)." + eventDimensionsNote,
	},
	{
		name: "backlog", unit: "tickets", values: counts("unsolved", "new", "open", "pending", "hold"), cumulative: true,
		dimensions: replaced(ticketDimensions, wordDimension("status", "status", statuses...)),
		definition: "Tickets in new, open, pending or hold at the end of each bucket, or at as_of in the bucket that as_of lies in (M6). Status, " +
			"assignee, group and priority are those in force at that instant. Tickets that are deleted now are left out of the past too, unless " +
			"include_deleted asks for the historical view (G6). Buckets after as_of are null.",
	},
	{
		name: "assignments", unit: "assignments", byBucket: true, dimensions: ticketDimensions,
		values: []value{
			{name: "assignments", count: true},
			{name: "assigned_now", count: true, whole: true, doc: "At as_of, whatever the range; null in rows of an interval"},
			{name: "assigned_unsolved_now", count: true, whole: true, doc: "The same, unsolved only"},
			{name: "reassignments", count: true},
			{name: "reassigned_tickets", count: true},
		},
		definition: "assignments: times the assignee became this agent, at creation too (M17). assigned_now, assigned_unsolved_now: tickets that the agent " +
			"holds at as_of; they belong to no bucket. reassignments: changes from one assignee to another; reassigned_tickets: tickets with at " +
			"least one (M18)." + eventDimensionsNote,
		shape: shapeAssignments,
	},
	{
		name: "csat", unit: "ratings", dimensions: ticketDimensions, options: []option{attributeOption},
		values: append(counts("surveyed", "offered_unrated", "good", "bad"), value{name: "score_pct", doc: "good / (good + bad)"},
			value{name: "response_pct", doc: "(good + bad) / surveyed"}),
		definition: "Tickets by their latest rating record at as_of, dated by its last change (M21, M22). attribute=at_rating gives it to the assignee and group of " +
			"the record, current_assignee to those of the ticket now (M23).",
		shape: shapeCSAT,
	},
	{
		name: "replies", unit: "comments", values: counts("public_replies", "unreplied"), options: []option{agentOption},
		dimensions: append(slices.Clone(ticketDimensions), agentDimension),
		definition: "public_replies: public comments of agents outside the ticket's creation, by the time of the comment and its author (M8, M28). " +
			"unreplied: tickets without one, by the time of their creation; they have no agent (M30). Roles are those at the time of the comment.",
	},
	{
		name: "keywords", unit: "tickets", values: counts("tickets_subject", "tickets_messages", "tickets", "messages", "occurrences"),
		dimensions: ticketDimensions, options: []option{phraseOption, scopeOption, datedByOption},
		definition: "Tickets and messages that hold a phrase as consecutive whole words, whatever the case (M29). tickets_subject: in the present subject; " +
			"tickets_messages: in a message; tickets: in either; occurrences: start positions in messages. dated_by=message dates messages by " +
			"themselves and subjects by the ticket's creation. The phrase is the first key; totals are those of any of the phrases.",
	},
	{
		name: "activities", unit: "activities", values: counts("activities", "people"), options: []option{activityOption},
		dimensions: append(slices.Clone(ticketDimensions), activityDimension),
		definition: "Activities within retention, and the people they belong to (merged people count once). Dimensions are the values at the time of " +
			"the activity. Activities of deleted tickets are left out unless include_deleted is true.",
		shape: func(q *question) error { q.p.texts("slugs", activitySlugs); return nil },
	},
	{
		name: "sla", unit: "targets", options: []option{slaMetricOption}, dimensions: append(slices.Clone(ticketDimensions), slaDimension),
		values: append(counts("achieved", "breached", "active"), value{name: "attainment_pct", doc: "achieved / (achieved + breached)"}),
		definition: "Service-level targets: breached if a breach was not withdrawn, else achieved if fulfilled, else active (M24). Dated by the breach or the " +
			"fulfilment, an active one by when the target was set.",
	},
}

var ticketMetrics = []*metric{
	{
		name: "touches", unit: "tickets", values: counts("one_touch", "two_touch", "multi_touch", "one_touch_strict"), dimensions: ticketDimensions,
		definition: "Solved or closed tickets with fewer than two, two, or more public replies (M15, M16); one_touch_strict: exactly one public agent " +
			"comment, the creation included." + datedDoc,
	},
	{
		name: "stations", unit: "stations", values: counts("assignee_stations", "group_stations", "handoffs"), dimensions: ticketDimensions,
		definition: "Assignees and groups that tickets entered, repeats count (M19, M20); handoffs: agents who wrote in a ticket, summed over tickets (M31)." + datedDoc,
	},
	{
		name: "requesters", unit: "people", values: counts("new", "returning", "requesters"), dimensions: ticketDimensions,
		definition: "People with a ticket created in the bucket; new if it is the bucket of their first ticket (M26). Merged people count once; first tickets " +
			"that are deleted do not count unless include_deleted is true.",
	},
	{
		name: "tickets", unit: "tickets", dimensions: ticketDimensions, everything: true,
		values: counts("tickets", "unsolved", "solved", "good", "bad", "deleted", "merged", "unassigned_unsolved", "unreplied"),
		definition: "Tickets as they are at as_of, by dimension (M25). Without from and to all of them, else those created in the range. A ticket with several " +
			"tags is in several rows. deleted counts the deleted ones, which the other figures leave out unless include_deleted is true. Which tickets are " +
			"deleted or merged is what is known now, at every as_of (G6).",
	},
}

// wordsOf splits a phrase into what is searched.
func wordsOf(phrase string) []string { return strings.Fields(schemas.Tokens(phrase)) }
