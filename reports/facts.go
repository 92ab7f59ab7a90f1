package reports

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

func (s *server) factsRoutes() {
	handle(s, route{
		method: http.MethodGet, path: "/v1/tickets/{id}/facts", id: "get-ticket-facts", tag: tagReports, summary: "Every figure of one ticket", scopes: []string{scopeReports},
		detail: "The figures are the present ones. Durations are seconds and null until both ends exist. Waits count ended statuses, as Zendesk does; live is what the " +
			"report of a wait says at as_of: all statuses up to then, with the one that ran.",
	}, s.ticketFacts)
}

type factsInput struct {
	ID      string `path:"id" maxLength:"30" doc:"Ticket id"`
	Account string `query:"account" maxLength:"63" doc:"Zendesk subdomain, where tickets of several accounts have the same id; default the ticket that was created last"`
	AsOf    string `query:"as_of" maxLength:"40" doc:"Instant up to which live counts, from the creation of the ticket on; default now, and so is one that is yet to come. All else is as it is now"`
}

// ticketFacts are named as in docs of the metrics: M7 to M23 of one ticket.
type ticketFacts struct {
	ID             string    `json:"id"`
	Account        string    `json:"account" doc:"Zendesk subdomain"`
	Status         string    `json:"status"`
	Subject        string    `json:"subject"`
	Priority       *string   `json:"priority"`
	Type           *string   `json:"type"`
	Channel        *string   `json:"channel"`
	Tags           []string  `json:"tags"`
	RequesterID    *string   `json:"requester_id"`
	AssigneeID     *string   `json:"assignee_id"`
	GroupID        *string   `json:"group_id"`
	BrandID        *string   `json:"brand_id"`
	OrganizationID *string   `json:"organization_id"`
	FormID         *string   `json:"form_id"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	StatusSince    time.Time `json:"status_since"`
	Deleted        bool      `json:"deleted"`
	Merged         bool      `json:"merged"`
	MergedInto     *string   `json:"merged_into"`
	Provisional    bool      `json:"provisional" doc:"Webhooks newer than the known history are applied"`
	HistoryFull    bool      `json:"history_full" doc:"The history is known from the creation on"`

	Replies          int64      `json:"replies"`
	PublicAgent      int64      `json:"public_agent_comments"`
	Solves           int64      `json:"solves"`
	Reopens          int64      `json:"reopens"`
	AssigneeStations int64      `json:"assignee_stations"`
	UniqueAssignees  int64      `json:"unique_assignees"`
	GroupStations    int64      `json:"group_stations"`
	Reassignments    int64      `json:"reassignments"`
	Handoffs         int64      `json:"handoffs"`
	Touch            *string    `json:"touch" enum:"one,two,multi" doc:"Solved or closed tickets by replies: fewer than two, two, more"`
	FirstReplyAt     *time.Time `json:"first_reply_at"`
	FirstReplyS      *int64     `json:"first_reply_s"`
	FirstReplyBizS   *int64     `json:"first_reply_business_s"`
	NextReplyS       []*int64   `json:"next_reply_s" doc:"One for each customer comment that follows an agent's; null while unanswered"`
	FirstSolvedAt    *time.Time `json:"first_solved_at"`
	LastSolvedAt     *time.Time `json:"last_solved_at"`
	ClosedAt         *time.Time `json:"closed_at"`
	FirstResolution  *int64     `json:"first_resolution_s"`
	FirstResBizS     *int64     `json:"first_resolution_business_s"`
	FullResolution   *int64     `json:"full_resolution_s"`
	FullResBizS      *int64     `json:"full_resolution_business_s"`
	FirstAssignedAt  *time.Time `json:"first_assigned_at"`
	FirstAssignedS   *int64     `json:"first_assigned_s"`
	FirstAssignBizS  *int64     `json:"first_assigned_business_s"`
	Waits
	RequesterWaitBiz *int64 `json:"requester_wait_business_s"`
	AgentWaitBiz     *int64 `json:"agent_wait_business_s"`
	OnHoldBiz        *int64 `json:"on_hold_business_s"`
	AgentWorkBiz     *int64 `json:"agent_work_business_s"`

	Live    Waits      `json:"live" doc:"The waits up to as_of, with the status that ran then; null where the history does not reach back to it"`
	AsOf    time.Time  `json:"as_of" doc:"Of live"`
	CSAT    *string    `json:"csat" enum:"offered,good,bad"`
	Agent   *string    `json:"csat_agent_id"`
	Group   *string    `json:"csat_group_id"`
	CSATAt  *time.Time `json:"csat_at"`
	Comment *string    `json:"csat_comment"`
}

// Waits are M10 to M13 of a ticket, seconds.
type Waits struct {
	RequesterWait *int64 `json:"requester_wait_s"`
	AgentWait     *int64 `json:"agent_wait_s"`
	OnHold        *int64 `json:"on_hold_s"`
	AgentWork     *int64 `json:"agent_work_s"`
}

func (s *server) ticketFacts(ctx context.Context, in *factsInput) (*answer[ticketFacts], error) {
	asOf, isNow, err := parseInstant("query.as_of", in.AsOf, s.Now())
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, noTicket()
	}
	row, err := s.ticketRow(ctx, in.Account, id)
	if err != nil {
		return nil, err
	}
	live, err := s.liveWaits(ctx, row, asOf, isNow)
	if err != nil {
		return nil, err
	}
	return reply(factsOf(row, live, asOf), nil)
}

// liveWaits gives the waits up to an instant: of the row while the present status ran, else of the spells of the statuses before it.
func (s *server) liveWaits(ctx context.Context, r *schemas.TicketRow, asOf time.Time, isNow bool) (Waits, error) {
	switch {
	case isNow || !asOf.Before(r.StatusSince):
		spent := endedSeconds(r)
		if _, unsolved := spent[r.Status]; unsolved {
			spent[r.Status] += max(0, asOf.Unix()-r.StatusSince.Unix()) // the clock of Zendesk may be ahead
		}
		return waitsOf(spent), nil
	case asOf.Before(r.CreatedAt):
		return Waits{}, schemas.Invalid("query.as_of", "must not be before the creation of the ticket, "+r.CreatedAt.UTC().Format(time.RFC3339))
	}
	p := params{}
	p.text("account", r.Account)
	p.int("id", r.TicketID)
	p.time("as_of", asOf)
	spells, err := list[struct {
		Status  string `ch:"status"`
		Seconds int64  `ch:"seconds"`
	}](ctx, s, "facts_spells", sqlText("facts_spells"), p)
	if err != nil || len(spells) == 0 {
		return Waits{}, err
	}
	spent := map[string]int64{}
	for _, spell := range spells {
		spent[spell.Status] = spell.Seconds
	}
	return waitsOf(spent), nil
}

// ticketRow gives the row of a ticket of an account; of any that has one of this id where none is named, then the one that was created last.
func (s *server) ticketRow(ctx context.Context, account string, id int64) (*schemas.TicketRow, error) {
	account = strings.ToLower(account)
	if told := s.ticketTold(ctx, account, id); told != nil {
		return told, nil
	}
	accounts, err := s.accountsNamed(ctx, account)
	if err != nil {
		return nil, err
	}
	p := params{}
	p.texts("accounts", accounts)
	p.int("id", id)
	found, ok, err := one[schemas.TicketRow](ctx, s, "facts", sqlText("facts"), p)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, noTicket()
	}
	return &found, nil
}

// ticketTold asks the processors for the row of a ticket; nil when they know of none or do not answer.
func (s *server) ticketTold(ctx context.Context, account string, id int64) (newest *schemas.TicketRow) {
	if s.Teller == nil {
		return nil
	}
	for _, known := range s.knownAccounts(ctx) {
		if account != "" && account != known {
			continue
		}
		row, err := s.Teller.Ticket(ctx, known, id)
		if err != nil {
			s.Log.Debug().Err(err).Int64("ticket", id).Msg("a ticket is looked up in the table")
			return nil
		}
		if row != nil && (newest == nil || row.CreatedAt.After(newest.CreatedAt)) {
			newest = row
		}
	}
	return newest
}

func noTicket() error {
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-ticket", Detail: "there is no ticket of this id"}
}

func factsOf(r *schemas.TicketRow, live Waits, asOf time.Time) ticketFacts {
	f := ticketFacts{
		ID: idText(r.TicketID), Account: r.Account, Status: r.Status, Subject: r.Subject, Priority: nullable(r.Priority), Type: nullable(r.Type), Channel: nullable(r.Channel),
		Tags: append([]string{}, r.Tags...), RequesterID: nullableID(r.RequesterID), AssigneeID: nullableID(r.AssigneeID), GroupID: nullableID(r.GroupID),
		BrandID: nullableID(r.BrandID), OrganizationID: nullableID(r.OrganizationID), FormID: nullableID(r.FormID), CreatedAt: r.CreatedAt.UTC(),
		UpdatedAt: r.UpdatedAt.UTC(), StatusSince: r.StatusSince.UTC(), Deleted: r.Deleted == 1, Merged: r.Merged == 1, MergedInto: nullableID(r.MergedInto),
		Provisional: r.Provisional == 1, HistoryFull: r.HistoryFull == 1, Replies: r.Replies, PublicAgent: r.PublicAgent, Solves: r.Solves, Reopens: r.Reopens,
		AssigneeStations: r.AssigneeStations, UniqueAssignees: r.UniqueAssignees, GroupStations: r.GroupStations, Reassignments: r.Reassignments,
		Handoffs: r.Handoffs, Touch: touch(r), FirstReplyAt: utcTime(r.FirstReplyAt), FirstReplyS: r.FirstReplyS, FirstReplyBizS: r.FirstReplyBizS,
		NextReplyS: nextReplies(r), FirstSolvedAt: utcTime(r.FirstSolvedAt), LastSolvedAt: utcTime(r.LastSolvedAt), ClosedAt: utcTime(r.ClosedAt),
		FirstResolution: r.FirstResolutionS, FirstResBizS: r.FirstResolutionBiz, FullResolution: r.FullResolutionS, FullResBizS: r.FullResolutionBizS,
		FirstAssignedAt: utcTime(r.FirstAssignedAt), FirstAssignedS: r.FirstAssignedS, FirstAssignBizS: r.FirstAssignedBizS,
		AsOf: asOf, CSAT: nullable(r.CSAT), CSATAt: utcTime(r.CSATAt),
	}
	if r.CSAT != "" {
		f.Agent, f.Group, f.Comment = nullableID(r.CSATAgentID), nullableID(r.CSATGroupID), nullable(r.CSATComment)
	}
	f.Live = live
	f.Waits = waitsOf(endedSeconds(r))
	f.OnHoldBiz = r.HoldBizS
	if r.StatusChanges == 0 { // before the first change Zendesk has no figure, except 0 on hold (G12)
		f.Waits = Waits{OnHold: f.OnHold}
		return f
	}
	f.RequesterWaitBiz, f.AgentWaitBiz, f.AgentWorkBiz = sumOf(r.NewBizS, r.OpenBizS, r.HoldBizS), r.PendingBizS, sumOf(r.NewBizS, r.OpenBizS)
	return f
}

// sumOf is null where one of its parts is.
func sumOf(parts ...*int64) *int64 {
	sum := int64(0)
	for _, p := range parts {
		if p == nil {
			return nil
		}
		sum += *p
	}
	return &sum
}

// nextReplies gives the seconds of each answer, and null for the one that is still to come.
func nextReplies(r *schemas.TicketRow) []*int64 {
	all := make([]*int64, 0, len(r.NextReplyS)+1)
	for _, seconds := range r.NextReplyS {
		all = append(all, &seconds)
	}
	if r.NextReplyPending == 1 {
		all = append(all, nil)
	}
	return all
}

// endedSeconds gives what a ticket spent in each of the statuses that waits are made of, until its present status began.
func endedSeconds(r *schemas.TicketRow) map[string]int64 {
	return map[string]int64{"new": r.NewS, "open": r.OpenS, "pending": r.PendingS, "hold": r.HoldS}
}

// waitsOf gives the waits of a ticket by the seconds that it spent in each status.
func waitsOf(in map[string]int64) Waits {
	return Waits{
		RequesterWait: new(in["new"] + in["open"] + in["hold"]), AgentWait: new(in["pending"]), OnHold: new(in["hold"]), AgentWork: new(in["new"] + in["open"]),
	}
}

// touch names how many replies a finished ticket took (M15, M16); null while it is not finished.
func touch(r *schemas.TicketRow) *string {
	if r.Status != "solved" && r.Status != "closed" {
		return nil
	}
	switch {
	case r.Replies < 2:
		return new("one")
	case r.Replies == 2:
		return new("two")
	}
	return new("multi")
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func nullableID(id int64) *string { return nullable(idText(id)) }

func utcTime(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC())
}
