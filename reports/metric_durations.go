package reports

import "deskstream/schemas"

// lasting names the columns of tickets with the end of a duration, and with its seconds by hours. It is empty where the statement knows them.
type lasting struct{ End, Calendar, Business string }

// duration is a report of one duration of each ticket.
func duration(name, statement, definition string, l lasting) *metric {
	return &metric{
		name: name, unit: "seconds", statement: statement, definition: definition + datedDoc, values: durationValues, dimensions: ticketDimensions,
		options: []option{hoursOption},
		shape: func(q *question) error {
			q.p.int("since", 0)
			q.lasting = l
			return nil
		},
	}
}

func wait(name, definition string, statuses ...string) *metric {
	return &metric{
		name: name, unit: "seconds", statement: "waits", definition: definition + " A ticket that never was in one has 0." + waitHoursDoc + datedDoc,
		values: durationValues, dimensions: ticketDimensions, options: []option{variantOption, hoursOption},
		shape: func(q *question) error {
			q.p.texts("statuses", statuses)
			return nil
		},
	}
}

var durationMetrics = []*metric{
	duration("first_reply_time", "durations", "Seconds from creation to the first public reply of an agent outside the creation (M7).",
		lasting{"first_reply_at", "first_reply_s", "first_reply_business_s"}),
	duration("next_reply_time", "next_reply_time", "Seconds from a customer's public comment that follows an agent's to the next public reply (M9).", lasting{}),
	duration("first_resolution_time", "durations", "Seconds from creation to the first solve, kept after a reopen (M14a).",
		lasting{"first_solved_at", "first_resolution_s", "first_resolution_business_s"}),
	duration("full_resolution_time", "full_resolution_time", "Seconds from creation to the last solve, while the ticket is solved or closed (M14b).", lasting{}),
	wait("requester_wait_time", "Seconds in new, open and hold (M10).", "new", "open", "hold"),
	wait("agent_wait_time", "Seconds in pending (M11).", "pending"),
	wait("on_hold_time", "Seconds in hold (M12).", "hold"),
	wait("agent_work_time", "Seconds in new and open (M13).", "new", "open"),
	duration("assignment_time", "durations", "Seconds from creation to the first assignment (M31).",
		lasting{"first_assigned_at", "first_assigned_s", "first_assigned_business_s"}),
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
