package reports

import "deskstream/schemas"

// seconds are the pieces of SQL that give a duration, by hours. A piece is constant; as_of is bound.
type seconds struct{ calendar, business string }

// duration is a report of one duration of each ticket.
func duration(name, statement, definition string, s seconds) *metric {
	return &metric{
		name: name, unit: "seconds", statement: statement, definition: definition + datedDoc, values: durationValues, dimensions: ticketDimensions,
		options: []option{hoursOption},
		shape: func(q *question) error {
			q.p.int("since", 0)
			q.pieces["seconds"] = s.of(q)
			return nil
		},
	}
}

func (s seconds) of(q *question) string {
	if q.option("hours") == "business" {
		return s.business
	}
	return s.calendar
}

// waitSeconds are the pieces of the report of waits: whether there are seconds at all, what ended in each status, a spell that ended before as_of.
var waitSeconds = map[string]seconds{
	"measured": {"1", "coalesce(new_business_s, open_business_s, pending_business_s, hold_business_s) IS NOT NULL"},
	"new_s":    {"new_s", "new_business_s"}, "open_s": {"open_s", "open_business_s"}, "pending_s": {"pending_s", "pending_business_s"},
	"hold_s": {"hold_s", "hold_business_s"}, "spell_s": {"toNullable(dateDiff('second', at, until))", "business_seconds"},
}

// waitRunning is how long the running status has held, see part_opening.sql.
var waitRunning = seconds{
	calendar: "greatest(0, toInt64({as_of:UInt32}) - toInt64(w.since))",
	business: "if(h.schedule_id = 0, NULL, h.open_by_as_of - (h.open_before + least(h.closes_at, w.since) - h.opens_at))",
}

func wait(name, definition string, statuses ...string) *metric {
	return &metric{
		name: name, unit: "seconds", statement: "waits", definition: definition + " A ticket that never was in one has 0." + waitHoursDoc + datedDoc,
		values: durationValues, dimensions: ticketDimensions, options: []option{variantOption, hoursOption},
		shape: func(q *question) error {
			q.p.texts("statuses", statuses)
			for mark, s := range waitSeconds {
				q.pieces[mark] = s.of(q)
			}
			if q.option("variant") == "completed" {
				q.pieces["seconds"] = "if(ended = 0 AND {statuses:Array(String)} != ['hold'], NULL, ended_s)"
				return nil
			}
			q.pieces["seconds"] = "ended_s + if(running IN {statuses:Array(String)}, " + waitRunning.of(q) + ", 0)"
			q.opening = q.option("hours") == "business"
			return nil
		},
	}
}

var durationMetrics = []*metric{
	duration("first_reply_time", "durations", "Seconds from creation to the first public reply of an agent outside the creation (M7).", seconds{
		calendar: "if(first_reply_at <= toDateTime({as_of:UInt32}, 'UTC'), first_reply_s, NULL)",
		business: "if(first_reply_at <= toDateTime({as_of:UInt32}, 'UTC'), first_reply_business_s, NULL)",
	}),
	duration("next_reply_time", "next_reply_time", "Seconds from a customer's public comment that follows an agent's to the next public reply (M9).", seconds{
		calendar: "seconds", business: "business_seconds",
	}),
	duration("first_resolution_time", "durations", "Seconds from creation to the first solve, kept after a reopen (M14a).", seconds{
		calendar: "if(first_solved_at <= toDateTime({as_of:UInt32}, 'UTC'), first_resolution_s, NULL)",
		business: "if(first_solved_at <= toDateTime({as_of:UInt32}, 'UTC'), first_resolution_business_s, NULL)",
	}),
	duration("full_resolution_time", "full_resolution_time", "Seconds from creation to the last solve, while the ticket is solved or closed (M14b).", seconds{
		calendar: "/*then*/if(done = 1, toInt64(dateDiff('second', created_at, solved_at)), NULL)/*now*/full_resolution_s/*end*/",
		business: "/*then*/if(done = 1, solved_business_s, NULL)/*now*/full_resolution_business_s/*end*/",
	}),
	wait("requester_wait_time", "Seconds in new, open and hold (M10).", "new", "open", "hold"),
	wait("agent_wait_time", "Seconds in pending (M11).", "pending"),
	wait("on_hold_time", "Seconds in hold (M12).", "hold"),
	wait("agent_work_time", "Seconds in new and open (M13).", "new", "open"),
	duration("assignment_time", "durations", "Seconds from creation to the first assignment (M31).", seconds{
		calendar: "if(first_assigned_at <= toDateTime({as_of:UInt32}, 'UTC'), first_assigned_s, NULL)",
		business: "if(first_assigned_at <= toDateTime({as_of:UInt32}, 'UTC'), first_assigned_business_s, NULL)",
	}),
}

func shapeAssignments(q *question) error {
	q.p.flag("bucketed", q.interval != intervalNone)
	return nil
}

// shapeCSAT looks at the ticket instead of the record for attribute=current_assignee (M23).
func shapeCSAT(q *question) error {
	if q.option("attribute") == "current_assignee" {
		q.dimensions = replaced(q.dimensions,
			currentDimension("assignee", "current_assignee_id", "agent"), currentDimension("group", "current_group_id", "group"))
	}
	return nil
}

// Bounds of a keyword report: each phrase is a query of its own.
const (
	maxPhrases      = 20
	maxPhraseLength = 200
)

// checkPhrases reads the phrases of a keyword report.
func checkPhrases(phrases []string) error {
	switch {
	case len(phrases) == 0:
		return schemas.Invalid("query.phrase", "is needed: the words to look for")
	case len(phrases) > maxPhrases:
		return schemas.Invalid("query.phrase", "takes at most 20 phrases")
	}
	for _, p := range phrases {
		if len(p) > maxPhraseLength || len(wordsOf(p)) == 0 {
			return schemas.Invalid("query.phrase", "must hold a letter or a digit and at most 200 bytes")
		}
	}
	return nil
}
