package reports

import (
	"strings"
	"testing"
)

type reportCase struct {
	name, metric, query, values string
	rows                        []string
	totals                      string
}

// as gives the server for a subtest.
func (s *testServer) as(t testing.TB) *testServer {
	u := *s
	u.t = t
	return &u
}

func (s *testServer) check(t *testing.T, cases []reportCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u := s.as(t)
			values := strings.Fields(c.values)
			a := u.answerOf(c.metric, c.query)
			wantRows(t, show(a, values...), c.rows...)
			if got := strings.TrimSpace(figures(a.Totals, values)); c.totals != "" && got != c.totals {
				t.Errorf("totals %s, want %s", got, c.totals)
			}
		})
	}
}

func TestR51_Reports(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	s.check(t, createdCases)
	s.check(t, eventCases)
	s.check(t, backlogCases)
	s.check(t, csatCases)
	s.check(t, keywordCases)
	s.check(t, durationCases)
	s.check(t, stateCases)
}

var createdCases = []reportCase{
	{
		"days", "tickets_created", "from=2026-03-01&to=2026-03-05&interval=day", "tickets",
		[]string{"2026-03-01: tickets=0", "2026-03-02: tickets=2", "2026-03-03: tickets=0", "2026-03-04: tickets=1", "2026-03-05: tickets=0"},
		"tickets=3",
	},
	{
		"days east of UTC", "tickets_created", "from=2026-03-02&to=2026-03-03&interval=day&tz=Asia/Kolkata", "tickets",
		[]string{"2026-03-02: tickets=1", "2026-03-03: tickets=1"},
		"tickets=2",
	},
	{
		"weeks begin on Monday and are named by it", "tickets_created", "from=2026-03-04&to=2026-03-10&interval=week", "tickets",
		[]string{"2026-03-02: tickets=2", "2026-03-09: tickets=1"},
		"tickets=3",
	},
	{"months", "tickets_created", "from=2026-02-01&to=2026-03-31&interval=month", "tickets", []string{"2026-02-01: tickets=0", "2026-03-01: tickets=5"}, "tickets=5"},
	{"no interval", "tickets_created", "from=2026-03-01&to=2026-03-31", "tickets", []string{": tickets=5"}, "tickets=5"},
	{"instants, to is exclusive", "tickets_created", "from=2026-03-02T10:00:00Z&to=2026-03-02T23:30:00Z", "tickets", []string{": tickets=1"}, "tickets=1"},
	{"deleted", "tickets_created", "from=2026-03-01&to=2026-03-31&include_deleted=true", "tickets", []string{": tickets=6"}, "tickets=6"},
	{"merged", "tickets_created", "from=2026-03-01&to=2026-03-31&exclude_merged=true", "tickets", []string{": tickets=4"}, "tickets=4"},
	{"as of", "tickets_created", "from=2026-03-01&to=2026-03-31&as_of=2026-03-02T10:00:00Z", "tickets", []string{": tickets=1"}, "tickets=1"},
	{
		"tags overlap, none is a row", "tickets_created", "from=2026-03-01&to=2026-03-31&group_by=tag", "tickets",
		[]string{"billing: tickets=1", "closed_by_merge: tickets=1", "vip: tickets=2", "(none): tickets=2"},
		"tickets=5",
	},
	{
		"two levels", "tickets_created", "from=2026-03-01&to=2026-03-31&group_by=channel&group_by=tag", "tickets",
		[]string{"email,billing: tickets=1", "email,closed_by_merge: tickets=1", "email,vip: tickets=1", "email,(none): tickets=2", "web,vip: tickets=1"},
		"tickets=5",
	},
	{
		"groups over time have all their rows", "tickets_created", "from=2026-03-02&to=2026-03-03&interval=day&group_by=channel", "tickets",
		[]string{"2026-03-02 email: tickets=1", "2026-03-02 web: tickets=1", "2026-03-03 email: tickets=0", "2026-03-03 web: tickets=0"},
		"tickets=2",
	},
	{"filter or", "tickets_created", "from=2026-03-01&to=2026-03-31&assignee=1000,1001", "tickets", []string{": tickets=4"}, "tickets=4"},
	{"filter none", "tickets_created", "from=2026-03-01&to=2026-03-31&assignee=(none)", "tickets", []string{": tickets=1"}, "tickets=1"},
	{"filter tag none or vip", "tickets_created", "from=2026-03-01&to=2026-03-31&tag=(none),vip", "tickets", []string{": tickets=4"}, "tickets=4"},
	{"filter by status now", "tickets_created", "from=2026-03-01&to=2026-03-31&status=solved", "tickets", []string{": tickets=2"}, "tickets=2"},
	{"filters together", "tickets_created", "from=2026-03-01&to=2026-03-31&tag=vip&channel=web&priority=(none)&type=(none)&brand=600&organization=(none)&form=(none)", "tickets", []string{": tickets=1"}, "tickets=1"},
	{"nothing found, no group", "tickets_created", "from=2025-01-01&to=2025-01-02&group_by=assignee", "tickets", nil, "tickets=0"},
}

var eventCases = []reportCase{
	{
		"closures by day", "closures", "from=2026-03-03&to=2026-03-05&interval=day", "solve_events tickets_solved closed",
		[]string{
			"2026-03-03: solve_events=1 tickets_solved=0 closed=0", "2026-03-04: solve_events=1 tickets_solved=1 closed=1",
			"2026-03-05: solve_events=1 tickets_solved=1 closed=0",
		},
		"solve_events=3 tickets_solved=2 closed=1",
	},
	{
		"closures by assignee: events then, tickets now", "closures", "from=2026-03-01&to=2026-03-31&group_by=assignee", "solve_events tickets_solved closed",
		[]string{"1000: solve_events=3 tickets_solved=1 closed=1", "1001: solve_events=1 tickets_solved=2 closed=0"},
		"solve_events=4 tickets_solved=3 closed=1",
	},
	{
		"closures as of before the reopen", "closures", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T09:30:00Z&group_by=assignee", "solve_events tickets_solved closed",
		[]string{"1000: solve_events=2 tickets_solved=2 closed=1"},
		"solve_events=2 tickets_solved=2 closed=1",
	},
	{
		"closures as of after the reopen", "closures", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T10:30:00Z", "solve_events tickets_solved closed",
		[]string{": solve_events=2 tickets_solved=1 closed=1"},
		"",
	},
	{
		"a later solve takes the ticket out of the range", "closures", "from=2026-03-01&to=2026-03-03", "solve_events tickets_solved",
		[]string{": solve_events=1 tickets_solved=0"},
		"",
	},
	{
		"closures by status now", "closures", "from=2026-03-01&to=2026-03-31&group_by=status", "solve_events tickets_solved closed",
		[]string{"closed: solve_events=1 tickets_solved=1 closed=1", "solved: solve_events=3 tickets_solved=2 closed=0"},
		"",
	},
	{"reopens", "reopens", "from=2026-03-04&to=2026-03-05&interval=day", "reopens reopened_tickets", []string{"2026-03-04: reopens=1 reopened_tickets=1", "2026-03-05: reopens=0 reopened_tickets=0"}, "reopens=1 reopened_tickets=1"},
	{
		"assignments", "assignments", "from=2026-03-01&to=2026-03-12&group_by=assignee", "assignments assigned_now assigned_unsolved_now reassignments reassigned_tickets",
		[]string{
			"1000: assignments=4 assigned_now=2 assigned_unsolved_now=1 reassignments=0 reassigned_tickets=0",
			"1001: assignments=2 assigned_now=2 assigned_unsolved_now=0 reassignments=2 reassigned_tickets=2",
		},
		"assignments=6 assigned_now=4 assigned_unsolved_now=1 reassignments=2 reassigned_tickets=2",
	},
	{
		"assignments over time: what is held belongs to no day", "assignments", "from=2026-03-04&to=2026-03-05&interval=day", "assignments assigned_now reassignments",
		[]string{"2026-03-04: assignments=2 assigned_now=null reassignments=1", "2026-03-05: assignments=0 assigned_now=null reassignments=0"},
		"assignments=2 assigned_now=4 reassignments=1",
	},
	{
		"held as of", "assignments", "from=2026-03-01&to=2026-03-12&as_of=2026-03-04T10:30:00Z&group_by=assignee", "assigned_now assigned_unsolved_now",
		[]string{"1000: assigned_now=3 assigned_unsolved_now=2"},
		"",
	},
	{
		"replies by agent", "replies", "from=2026-03-01&to=2026-03-31&group_by=agent", "public_replies unreplied",
		[]string{"1000: public_replies=2 unreplied=0", "1001: public_replies=1 unreplied=0", "(none): public_replies=0 unreplied=3"},
		"public_replies=3 unreplied=3",
	},
	{"replies of one agent", "replies", "from=2026-03-01&to=2026-03-31&agent=1001", "public_replies unreplied", []string{": public_replies=1 unreplied=0"}, ""},
	{"unreplied as of", "replies", "from=2026-03-01&to=2026-03-31&as_of=2026-03-02T10:30:00Z", "public_replies unreplied", []string{": public_replies=0 unreplied=1"}, ""},
	{
		"activities", "activities", "from=2026-03-01&to=2026-03-31&group_by=activity", "activities people",
		[]string{
			"contact-created: activities=1 people=1", "satisfaction-rating-received: activities=1 people=1", "ticket-closed: activities=1 people=1",
			"ticket-created: activities=3 people=2", "ticket-note-added: activities=1 people=1",
		},
		"activities=7 people=2",
	},
	{"activities by form", "activities", "from=2026-03-01&to=2026-03-31&activity=ticket-created&include_deleted=true&group_by=form", "activities", []string{"61: activities=1", "(none): activities=3"}, ""},
	{"one activity", "activities", "from=2026-03-01&to=2026-03-31&activity=ticket-created&include_deleted=true", "activities people", []string{": activities=4 people=3"}, ""},
	{
		"requesters", "requesters", "from=2026-03-02&to=2026-03-09&interval=day", "new returning requesters",
		[]string{
			"2026-03-02: new=2 returning=0 requesters=2", "2026-03-03: new=0 returning=0 requesters=0", "2026-03-04: new=0 returning=1 requesters=1",
			"2026-03-05: new=0 returning=0 requesters=0", "2026-03-06: new=0 returning=0 requesters=0", "2026-03-07: new=0 returning=0 requesters=0",
			"2026-03-08: new=0 returning=1 requesters=1", "2026-03-09: new=0 returning=1 requesters=1",
		},
		"new=2 returning=0 requesters=2",
	},
	{"requesters with deleted", "requesters", "from=2026-03-03&to=2026-03-04&include_deleted=true", "new returning requesters", []string{": new=1 returning=1 requesters=2"}, ""},
	{
		"sla", "sla", "from=2026-03-01&to=2026-03-31&group_by=sla_metric", "achieved breached active attainment_pct",
		[]string{"reply_time: achieved=1 breached=1 active=1 attainment_pct=50"},
		"achieved=1 breached=1 active=1 attainment_pct=50",
	},
	{"sla by day: null where nothing was decided", "sla", "from=2026-03-02&to=2026-03-03&interval=day", "achieved active attainment_pct", []string{
		"2026-03-02: achieved=1 active=1 attainment_pct=100", "2026-03-03: achieved=0 active=0 attainment_pct=null",
	}, ""},
}

var backlogCases = []reportCase{
	{
		"days", "backlog", "from=2026-03-01&to=2026-03-05&interval=day", "unsolved new open pending hold",
		[]string{
			"2026-03-01: unsolved=0 new=0 open=0 pending=0 hold=0", "2026-03-02: unsolved=2 new=1 open=1 pending=0 hold=0",
			"2026-03-03: unsolved=1 new=0 open=1 pending=0 hold=0", "2026-03-04: unsolved=2 new=0 open=2 pending=0 hold=0",
			"2026-03-05: unsolved=1 new=0 open=1 pending=0 hold=0",
		},
		"unsolved=1 new=0 open=1 pending=0 hold=0",
	},
	{
		"deleted tickets in the historical view", "backlog", "from=2026-03-08&to=2026-03-10&interval=day&include_deleted=true", "unsolved",
		[]string{"2026-03-08: unsolved=3", "2026-03-09: unsolved=4", "2026-03-10: unsolved=2"},
		"unsolved=2",
	},
	{
		"by the assignee in force", "backlog", "from=2026-03-02&to=2026-03-04&interval=day&group_by=assignee", "unsolved",
		[]string{
			"2026-03-02 1000: unsolved=1", "2026-03-02 1001: unsolved=0", "2026-03-02 (none): unsolved=1", "2026-03-03 1000: unsolved=1",
			"2026-03-03 1001: unsolved=0", "2026-03-03 (none): unsolved=0", "2026-03-04 1000: unsolved=1", "2026-03-04 1001: unsolved=1",
			"2026-03-04 (none): unsolved=0",
		},
		"unsolved=2",
	},
	{
		"as of cuts the running day and hides the days after", "backlog", "from=2026-03-04&to=2026-03-06&interval=day&as_of=2026-03-05T11:59:59Z", "unsolved",
		[]string{"2026-03-04: unsolved=2", "2026-03-05: unsolved=2", "2026-03-06: unsolved=null"},
		"unsolved=2",
	},
	{
		"what begins at as_of counts", "backlog", "from=2026-03-05&to=2026-03-05&interval=day&as_of=2026-03-05T12:00:00Z", "unsolved", []string{"2026-03-05: unsolved=1"}, "",
	},
	{
		"what begins at the end of a bucket does not", "backlog", "from=2026-03-02T00:00:00Z&to=2026-03-02T10:00:00Z", "unsolved", []string{": unsolved=0"}, "",
	},
	{
		"a local day of 23 hours", "backlog", "from=2026-03-07&to=2026-03-08&interval=day&tz=America/New_York", "unsolved new",
		[]string{"2026-03-07: unsolved=1 new=0", "2026-03-08: unsolved=2 new=1"},
		"unsolved=2 new=1",
	},
	{"tags overlap", "backlog", "from=2026-03-02&to=2026-03-02&group_by=tag", "unsolved", []string{"billing: unsolved=1", "vip: unsolved=2"}, "unsolved=2"},
	{"one status", "backlog", "from=2026-03-02&to=2026-03-02&status=new", "unsolved new open", []string{": unsolved=1 new=1 open=0"}, ""},
	{"all in the future", "backlog", "from=2027-01-01&to=2027-01-02&interval=day", "unsolved", []string{"2027-01-01: unsolved=null", "2027-01-02: unsolved=null"}, "unsolved=null"},
}

var csatCases = []reportCase{
	{
		"by the assignee at the rating", "csat", "from=2026-03-01&to=2026-03-31&group_by=assignee", "surveyed offered_unrated good bad score_pct response_pct",
		[]string{
			"1000: surveyed=2 offered_unrated=1 good=0 bad=1 score_pct=0 response_pct=50", "1001: surveyed=1 offered_unrated=0 good=1 bad=0 score_pct=100 response_pct=100",
		},
		"surveyed=3 offered_unrated=1 good=1 bad=1 score_pct=50 response_pct=66.66666666666667",
	},
	{
		"by the present assignee", "csat", "from=2026-03-01&to=2026-03-31&group_by=assignee&attribute=current_assignee", "surveyed good bad score_pct response_pct",
		[]string{"1000: surveyed=1 good=0 bad=0 score_pct=null response_pct=0", "1001: surveyed=2 good=1 bad=1 score_pct=50 response_pct=100"},
		"",
	},
	{"filter by the present assignee", "csat", "from=2026-03-01&to=2026-03-31&assignee=1001&attribute=current_assignee", "surveyed", []string{": surveyed=2"}, ""},
	{
		"days without ratings: zeros and nulls", "csat", "from=2026-03-06&to=2026-03-07&interval=day", "surveyed good score_pct response_pct",
		[]string{"2026-03-06: surveyed=1 good=1 score_pct=100 response_pct=100", "2026-03-07: surveyed=1 good=0 score_pct=null response_pct=0"},
		"",
	},
	{
		"before the change", "csat", "from=2026-03-01&to=2026-03-31&as_of=2026-03-06T08:59:59Z&group_by=assignee", "surveyed offered_unrated score_pct",
		[]string{"1000: surveyed=1 offered_unrated=1 score_pct=null"},
		"",
	},
	{"before the offer", "csat", "from=2026-03-01&to=2026-03-31&as_of=2026-03-05T12:59:59Z", "surveyed", []string{": surveyed=0"}, ""},
}

const keywordValues = "tickets_subject tickets_messages tickets messages occurrences"

var keywordCases = []reportCase{
	{
		"whole words, public", "keywords", "from=2026-03-01&to=2026-03-31&phrase=Refund", keywordValues,
		[]string{"Refund: tickets_subject=1 tickets_messages=2 tickets=2 messages=3 occurrences=5"},
		"tickets_subject=1 tickets_messages=2 tickets=2 messages=3 occurrences=5",
	},
	{
		"private notes", "keywords", "from=2026-03-01&to=2026-03-31&phrase=refund&scope=any", keywordValues,
		[]string{"refund: tickets_subject=1 tickets_messages=2 tickets=2 messages=4 occurrences=6"},
		"",
	},
	{
		"consecutive words, any separator", "keywords", "from=2026-03-01&to=2026-03-31&phrase=travel_insurance", keywordValues,
		[]string{"travel_insurance: tickets_subject=1 tickets_messages=2 tickets=2 messages=2 occurrences=2"},
		"",
	},
	{"other letters", "keywords", "from=2026-03-01&to=2026-03-31&phrase=NAI%CC%88VE+caf%C3%A9", keywordValues, []string{"NAI\u0308VE café: tickets_subject=0 tickets_messages=1 tickets=1 messages=1 occurrences=1"}, ""},
	{"overlapping starts", "keywords", "from=2026-03-01&to=2026-03-31&phrase=ha+ha", "messages occurrences", []string{"ha ha: messages=1 occurrences=2"}, ""},
	{
		"several phrases, totals of any", "keywords", "from=2026-03-01&to=2026-03-31&phrase=refund&phrase=insurance+travel&phrase=never", keywordValues,
		[]string{
			"refund: tickets_subject=1 tickets_messages=2 tickets=2 messages=3 occurrences=5",
			"insurance travel: tickets_subject=0 tickets_messages=1 tickets=1 messages=1 occurrences=1",
			"never: tickets_subject=0 tickets_messages=0 tickets=0 messages=0 occurrences=0",
		},
		"tickets_subject=1 tickets_messages=3 tickets=3 messages=4 occurrences=6",
	},
	{
		"by the ticket's day", "keywords", "from=2026-03-02&to=2026-03-05&interval=day&phrase=refund", "tickets messages",
		[]string{"2026-03-02 refund: tickets=1 messages=2", "2026-03-03 refund: tickets=0 messages=0", "2026-03-04 refund: tickets=0 messages=0", "2026-03-05 refund: tickets=0 messages=0"},
		"",
	},
	{
		"by the message's day", "keywords", "from=2026-03-02&to=2026-03-05&interval=day&phrase=refund&dated_by=message", "tickets_subject tickets messages",
		[]string{
			"2026-03-02 refund: tickets_subject=1 tickets=1 messages=1", "2026-03-03 refund: tickets_subject=0 tickets=0 messages=0",
			"2026-03-04 refund: tickets_subject=0 tickets=0 messages=0", "2026-03-05 refund: tickets_subject=0 tickets=1 messages=1",
		},
		"tickets_subject=1 tickets=1 messages=2",
	},
	{"deleted", "keywords", "from=2026-03-01&to=2026-03-31&phrase=refund&include_deleted=true", keywordValues, []string{"refund: tickets_subject=2 tickets_messages=3 tickets=3 messages=4 occurrences=6"}, ""},
	{"by assignee", "keywords", "from=2026-03-01&to=2026-03-31&phrase=insurance&group_by=channel", "tickets", []string{"insurance,email: tickets=2", "insurance,web: tickets=1"}, ""},
	{"as of", "keywords", "from=2026-03-01&to=2026-03-31&phrase=refund&as_of=2026-03-04T00:00:00Z", "messages", []string{"refund: messages=1"}, ""},
}

const durations = "count mean_s median_s p90_s sum_s"

var durationCases = []reportCase{
	{
		"first reply", "first_reply_time", "from=2026-03-01&to=2026-03-31", durations,
		[]string{": count=2 mean_s=43200 median_s=43200 p90_s=74880 sum_s=86400"},
		"",
	},
	{"first reply by day of creation, null is not 0", "first_reply_time", "from=2026-03-02&to=2026-03-04&interval=day", durations, []string{
		"2026-03-02: count=1 mean_s=3600 median_s=3600 p90_s=3600 sum_s=3600", "2026-03-03: count=0 mean_s=null median_s=null p90_s=null sum_s=0",
		"2026-03-04: count=0 mean_s=null median_s=null p90_s=null sum_s=0",
	}, ""},
	{"business hours", "first_reply_time", "from=2026-03-01&to=2026-03-31&hours=business", "count mean_s", []string{": count=1 mean_s=1800"}, ""},
	{"a reply after as_of is not known", "first_reply_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-02T10:59:59Z", "count mean_s", []string{": count=0 mean_s=null"}, ""},
	{"next reply", "next_reply_time", "from=2026-03-01&to=2026-03-31", "count mean_s", []string{": count=1 mean_s=93600"}, ""},
	{"next reply pending at as_of", "next_reply_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-05T11:00:00Z", "count mean_s", []string{": count=0 mean_s=null"}, ""},
	{"first resolution", "first_resolution_time", "from=2026-03-01&to=2026-03-31", "count sum_s", []string{": count=3 sum_s=172800"}, ""},
	{"full resolution", "full_resolution_time", "from=2026-03-01&to=2026-03-31", "count median_s sum_s", []string{": count=3 median_s=82800 sum_s=352800"}, ""},
	{"full resolution as of the first solve", "full_resolution_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T09:30:00Z", "count sum_s", []string{": count=2 sum_s=90000"}, ""},
	{"business hours as of the first solve", "full_resolution_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T09:30:00Z&hours=business", "count sum_s", []string{": count=2 sum_s=28800"}, ""},
	{"full resolution is null after a reopen", "full_resolution_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T10:00:00Z", "count sum_s", []string{": count=1 sum_s=3600"}, ""},
	{"assignment", "assignment_time", "from=2026-03-01&to=2026-03-31", "count sum_s", []string{": count=4 sum_s=3900"}, ""},
	// live at 20 12:00: 1 180000; 2 3600 + (20 12:00 - 03 00:30 = 1510200); 3 12 days 5:30 = 1056600; 5 3600; 6 82800
	{"waits live", "requester_wait_time", "from=2026-03-01&to=2026-03-31", "count sum_s", []string{": count=5 sum_s=2836800"}, ""},
	{"waits completed", "requester_wait_time", "from=2026-03-01&to=2026-03-31&variant=completed", "count sum_s", []string{": count=4 sum_s=270000"}, ""},
	// at 04 10:30: 1 300+86100+1800; 2 3600 + (04 10:30 - 03 00:30 = 122400); 5 3600
	{"waits live as of", "requester_wait_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T10:30:00Z", "count sum_s", []string{": count=3 sum_s=217800"}, ""},
	{"waits completed as of", "requester_wait_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T11:30:00Z&variant=completed", "count sum_s", []string{": count=3 sum_s=93600"}, ""},
	{"no change yet is null", "requester_wait_time", "from=2026-03-08&to=2026-03-08&variant=completed&as_of=2026-03-19T00:00:00Z", "count sum_s", []string{": count=0 sum_s=0"}, ""},
	{"never on hold is 0", "on_hold_time", "from=2026-03-01&to=2026-03-31", "count sum_s mean_s", []string{": count=5 sum_s=0 mean_s=0"}, ""},
	{"never on hold is 0 before the first change too", "on_hold_time", "from=2026-03-08&to=2026-03-08&variant=completed", "count sum_s", []string{": count=1 sum_s=0"}, ""},
	// live by the hours from the 10th on, 9 to 13: 1 64800; 2 17 days and 3 h = 255600; 3 12 days and 3 h = 183600; 5 0; 6 10800
	{"waits live, business", "requester_wait_time", "from=2026-03-01&to=2026-03-31&hours=business", "count sum_s", []string{": count=5 sum_s=514800"}, ""},
	{"waits completed, business", "requester_wait_time", "from=2026-03-01&to=2026-03-31&hours=business&variant=completed", "count sum_s", []string{": count=4 sum_s=75600"}, ""},
	// at 04 10:30, by the hours before, 9 to 17: 1 300+28500+1800; 2 8 h and 1.5 h = 34200; 5 0
	{"waits live as of, business", "requester_wait_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T10:30:00Z&hours=business", "count sum_s", []string{": count=3 sum_s=64800"}, ""},
	{"waits completed as of, business", "requester_wait_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T11:30:00Z&variant=completed&hours=business", "count sum_s", []string{": count=3 sum_s=28800"}, ""},
	{"what runs without a schedule is not known", "requester_wait_time", "from=2026-03-01&to=2026-03-31&as_of=2026-03-06T12:00:00Z&hours=business", "count sum_s", []string{": count=2 sum_s=64800"}, ""},
	{"waits live, business, by assignee and day", "agent_work_time", "from=2026-03-02&to=2026-03-02&interval=day&group_by=assignee&hours=business&channel=web", "count sum_s", []string{"2026-03-02 1000: count=1 sum_s=255600"}, ""},
	{"never on hold is 0, business", "on_hold_time", "from=2026-03-01&to=2026-03-31&hours=business", "count sum_s", []string{": count=5 sum_s=0"}, ""},
	{"next reply, business", "next_reply_time", "from=2026-03-01&to=2026-03-31&hours=business", "count mean_s", []string{": count=1 mean_s=36000"}, ""},
	{"assignment, business", "assignment_time", "from=2026-03-01&to=2026-03-31&hours=business", "count sum_s", []string{": count=4 sum_s=300"}, ""},
	{"agent wait", "agent_wait_time", "from=2026-03-01&to=2026-03-31&variant=completed", "count sum_s", []string{": count=4 sum_s=0"}, ""},
	{"agent work by assignee now", "agent_work_time", "from=2026-03-01&to=2026-03-31&variant=completed&group_by=assignee", "count sum_s", []string{
		"1000: count=2 sum_s=7200", "1001: count=2 sum_s=262800", "(none): count=0 sum_s=0",
	}, ""},
}

const stateValues = "tickets unsolved solved good bad deleted merged unassigned_unsolved unreplied"

var stateCases = []reportCase{
	{"all tickets", "tickets", "", stateValues, []string{": tickets=5 unsolved=2 solved=3 good=1 bad=1 deleted=1 merged=1 unassigned_unsolved=1 unreplied=3"}, ""},
	{"with deleted", "tickets", "include_deleted=true", stateValues, []string{": tickets=6 unsolved=2 solved=3 good=1 bad=1 deleted=1 merged=1 unassigned_unsolved=1 unreplied=4"}, ""},
	{"by status", "tickets", "group_by=status", "tickets unsolved", []string{
		"closed: tickets=1 unsolved=0", "deleted: tickets=0 unsolved=0", "new: tickets=1 unsolved=1", "open: tickets=1 unsolved=1", "solved: tickets=2 unsolved=0",
	}, "tickets=5 unsolved=2"},
	{"as of", "tickets", "as_of=2026-03-04T10:30:00Z", stateValues, []string{": tickets=3 unsolved=2 solved=1 good=0 bad=0 deleted=1 merged=1 unassigned_unsolved=0 unreplied=2"}, ""},
	{"as of a rating", "tickets", "as_of=2026-03-06T09:00:00Z", "good bad", []string{": good=1 bad=0"}, ""},
	{"as of, by assignee then", "tickets", "as_of=2026-03-04T10:30:00Z&group_by=assignee", "tickets", []string{"1000: tickets=3", "1001: tickets=0"}, ""},
	{"created in a range", "tickets", "from=2026-03-08&to=2026-03-09", "tickets", []string{": tickets=2"}, ""},
	{"touches", "touches", "from=2026-03-01&to=2026-03-31", "one_touch two_touch multi_touch one_touch_strict", []string{": one_touch=2 two_touch=1 multi_touch=0 one_touch_strict=1"}, ""},
	{"touches without merged", "touches", "from=2026-03-01&to=2026-03-31&exclude_merged=true", "one_touch", []string{": one_touch=1"}, ""},
	{"touches as of", "touches", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T09:30:00Z", "one_touch two_touch one_touch_strict", []string{": one_touch=2 two_touch=0 one_touch_strict=1"}, ""},
	{"stations", "stations", "from=2026-03-01&to=2026-03-31", "assignee_stations group_stations handoffs", []string{": assignee_stations=6 group_stations=1 handoffs=2"}, ""},
	{"stations as of", "stations", "from=2026-03-01&to=2026-03-31&as_of=2026-03-04T10:30:00Z", "assignee_stations group_stations handoffs", []string{": assignee_stations=3 group_stations=0 handoffs=1"}, ""},
}

// TestAssignmentsOfNobodyAreZero: what is held is a count, but for the rows of an interval, to which it does not belong (G12).
func TestAssignmentsOfNobodyAreZero(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, asOf := range []string{"", "&as_of=2026-03-10T00:00:00Z"} {
		a := s.answerOf("assignments", "from=2026-03-01&to=2026-03-02&assignee=1"+asOf)
		wantRows(t, show(a, "assigned_now", "assigned_unsolved_now"), ": assigned_now=0 assigned_unsolved_now=0")
		if got := figures(a.Totals, []string{"assigned_now", "assigned_unsolved_now"}); got != " assigned_now=0 assigned_unsolved_now=0" {
			t.Errorf("totals%s", got)
		}
		a = s.answerOf("assignments", "from=2026-03-01&to=2026-03-01&interval=day&assignee=1"+asOf)
		wantRows(t, show(a, "assignments", "assigned_now"), "2026-03-01: assignments=0 assigned_now=null")
		if got := figures(a.Totals, []string{"assigned_now"}); got != " assigned_now=0" {
			t.Errorf("totals of an interval%s", got)
		}
	}
}
