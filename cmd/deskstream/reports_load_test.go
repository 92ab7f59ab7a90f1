package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// history fills the tables of an account as the pipeline would, but in the database itself: some hundred tickets a second would take days.
type history struct {
	db      driver.Conn
	tickets int       // of all of the history
	first   time.Time // creation of the first ticket
	last    time.Time // creation of the last one
}

// historyTicket gives the life of ticket i: created, answered, solved, closed; agents, groups, words and all else follow from a hash.
var historyTicket = `(
    SELECT
        number AS i, toInt64(number + 1) AS ticket_id, cityHash64(number) AS h, toDateTime({now}, 'UTC') AS present,
        toDateTime({first} + intDiv(number * {span}, {tickets}), 'UTC') AS created,
        toInt64(1000 + intDiv((h % 200) * (bitShiftRight(h, 7) % 200), 200)) AS agent, toInt64(10 + h % 12) AS team, ` + historyUser("bitShiftRight(h, 3) % {requesters}") + ` AS requester,
        created + 300 + bitShiftRight(h, 16) % 20000 AS replied, replied + 3600 + bitShiftRight(h, 8) % 400000 AS solved_then, solved_then + 345600 AS closed_then,
        multiIf(closed_then <= present, 'closed', solved_then <= present, 'solved', replied <= present, ['open', 'pending', 'hold'][1 + h % 3], 'new') AS state,
        ['email', 'web', 'chat', 'api', 'voice'][1 + bitShiftRight(h, 5) % 5] AS via, ['low', 'normal', 'high', 'urgent', ''][1 + bitShiftRight(h, 6) % 5] AS urgency,
        ['question', 'incident', 'problem', 'task', ''][1 + bitShiftRight(h, 9) % 5] AS sort, [concat('area-', toString(h % 40)), concat('plan-', toString(bitShiftRight(h, 4) % 4))] AS labels,
        toInt64(1 + h % 3) AS brand, toInt64(500 + bitShiftRight(h, 12) % 2000) AS company, ['offered', 'good', 'good', 'bad', ''][1 + bitShiftRight(h, 20) % 5] AS rating,
        if(solved_then <= present, toInt64(solved_then) - toInt64(replied), 0) AS worked,
        toDateTime(4294967295, 'UTC') AS never
    FROM numbers({from}, {count})
)`

// historyUser is the Zendesk id of the user of a number: ids are counted over all accounts of Zendesk, so those of one are far apart.
func historyUser(number string) string { return "toInt64(13000000000000 + 2742893 * (" + number + "))" }

// historyWords writes so many words: w0 to w1999, of which the first are common, and among 100 of them 15 of 200,000 rare ones, r0 and so on, as
// names and numbers are.
func historyWords(seed, n string) string {
	return "arrayStringConcat(arrayMap(w -> if(cityHash64(" + seed + ", w) % 100 < 85, concat('w', toString(toUInt32(2000 * pow((intDiv(cityHash64(" + seed +
		", w), 128) % 100000) / 100000, 3)))), concat('r', toString(intDiv(cityHash64(" + seed + ", w), 128) % 200000))), range(" + n + ")), ' ')"
}

// historyInserts fill the tables for the tickets of one call. What is not said has the default of its column.
var historyInserts = []string{
	`INSERT INTO tickets (account, ticket_id, source_id, created_at, updated_at, subject, subject_tokens, status, status_since, priority, type, channel, tags, requester_id,
        submitter_id, assignee_id, group_id, brand_id, organization_id, form_id, history_full, replies, public_agent_comments, solves, assignee_stations, unique_assignees,
        group_stations, handoffs, first_reply_at, first_reply_s, first_solved_at, last_solved_at, closed_at, first_resolution_s, full_resolution_s, first_assigned_at,
        first_assigned_s, new_s, open_s, pending_s, hold_s, new_business_s, open_business_s, pending_business_s, hold_business_s, status_changes, csat, csat_agent_id, csat_group_id, csat_at, _ver)
    SELECT 'acme', ticket_id, 'src_bench', created, least(closed_then, present), ` + historyWords("i", "6") + ` AS words, words, state,
        multiIf(state = 'closed', closed_then, state = 'solved', solved_then, state = 'new', created, replied), urgency, sort, via, labels, requester,
        requester, agent, team, brand, company, 1, 1, replied <= present, replied <= present, solved_then <= present, 1, 1,
        1, 1, if(replied <= present, replied, NULL), if(replied <= present, replied - created, NULL), if(solved_then <= present, solved_then, NULL), if(solved_then <= present, solved_then, NULL),
        if(closed_then <= present, closed_then, NULL), if(solved_then <= present, solved_then - created, NULL), if(solved_then <= present, solved_then - created, NULL), created + 60,
        60, least(replied, present) - created AS new_s, if(h % 3 = 0, worked, 0), if(h % 3 = 1, worked, 0), if(h % 3 = 2, worked, 0), intDiv(new_s, 4), if(h % 3 = 0, intDiv(worked, 4), 0),
        if(h % 3 = 1, intDiv(worked, 4), 0), if(h % 3 = 2, intDiv(worked, 4), 0), 3, if(solved_then <= present, rating, ''), agent, team, if(solved_then <= present, solved_then + 3600, NULL), 1
    FROM ` + historyTicket,
	`INSERT INTO ticket_events (account, kind, at, ticket_id, event_id, until, actor_id, assignee_id, group_id, status, score, seconds, last, priority, channel, type, tags,
        brand_id, organization_id, form_id, requester_id, _ver)
    SELECT 'acme', e.1, e.2, ticket_id, concat(e.1, toString(i), e.4), if(e.3 > present, never, e.3), agent, agent, team, e.4, e.5, NULL, e.1 IN ('solve', 'rating'), urgency, via, sort, labels,
        brand, company, 1, requester, 1
    FROM (SELECT *, arrayJoin([
        ('create', created, created, 'new', ''), ('group', created, created, 'new', ''), ('assign', created + 60, created + 60, 'new', ''),
        ('state', created, replied, 'new', ''), ('reply', replied, replied, 'open', ''), ('state', replied, solved_then, ['open', 'pending', 'hold'][1 + h % 3], ''),
        ('reply', solved_then - 10, solved_then - 10, 'open', ''), ('solve', solved_then, solved_then, 'solved', ''), ('state', solved_then, closed_then, 'solved', ''),
        ('close', closed_then, closed_then, 'closed', ''), ('state', closed_then, never, 'closed', ''), ('rating', solved_then + 3600, never, 'solved', rating)
    ]) AS e FROM ` + historyTicket + `)
    WHERE e.2 <= present AND (e.1 != 'rating' OR e.5 != '')`,
	`INSERT INTO activities (account, activity, occurred_at, activity_id, source_id, ticket_id, person_id, user_id, organization_id, assignee_id, group_id, brand_id, channel,
        priority, type, status, subject, message, tags, text, attributes, via, expires_at, _ver)
    SELECT 'acme', e.1, e.2, concat('a_', hex(cityHash64(i, e.1, e.2))), 'src_bench', ticket_id, concat('p_', toString(requester)), requester, company, agent, team, brand, via,
        urgency, sort, e.3, words, if(e.1 IN ('ticket-created', 'ticket-message-received', 'ticket-message-sent'), ` +
		historyWords("i, e.2", "12") + `, ''), labels, 'Ticket changed', '{}', 'poll', never, 1
    FROM (SELECT *, ` + historyWords("i", "6") + ` AS words, arrayJoin([
        ('ticket-created', created, 'new'), ('ticket-assigned', created + 60, 'new'), ('ticket-group-changed', created + 60, 'new'), ('ticket-message-received', created, 'new'),
        ('ticket-message-sent', replied, 'open'), ('ticket-status-changed', replied, 'open'), ('ticket-updated', solved_then - 10, 'open'),
        ('ticket-solved', solved_then, 'solved'), ('ticket-closed', closed_then, 'closed'), ('satisfaction-rating-received', solved_then + 3600, if(rating = '', 'offered', rating))
    ]) AS e FROM ` + historyTicket + `)
    WHERE e.2 <= present`,
	`INSERT INTO messages (account, at, ticket_id, message_id, author_id, author_role, public, body, tokens, ticket_created_at, _ver)
    SELECT 'acme', e.2, ticket_id, toInt64(2 * i + e.1), e.3, e.4, 1, ` + historyWords("i, e.1", "25") + ` AS words, words, created, 1
    FROM (SELECT *, arrayJoin([(0, created, requester, 'end_user'), (1, replied, agent, 'agent')]) AS e FROM ` + historyTicket + `)
    WHERE e.2 <= present`,
}

// historySaved are phrases that are counted as texts arrive. The benchmark's other phrases are not among them.
var historySaved = func() (words []string) {
	for i := range 20 {
		words = append(words, fmt.Sprint("w", 1201+i))
	}
	return words
}()

// historyHits fills the table of phrases found in texts, each with its own words as its id, from the messages and tickets that are there.
const historyHits = `INSERT INTO phrase_hits (account, at, ticket_id, message_id, public, phrase_ids, times, ticket_created_at, _ver)
    SELECT 'acme', at, ticket_id, message_id, 1, arrayFilter(p -> has(words, p), {saved}) AS found, arrayMap(p -> toInt64(countEqual(words, p)), found), created, 1
    FROM
    (
        SELECT at, ticket_id, message_id, splitByChar(' ', tokens) AS words, ticket_created_at AS created FROM messages WHERE hasAnyTokens(tokens, {saved})
        UNION ALL
        SELECT created_at, ticket_id, toInt64(0), splitByChar(' ', subject_tokens), created_at FROM tickets WHERE hasAnyTokens(subject_tokens, {saved})
    )`

// historyHours are open on workdays from 9 to 17.
const historyHours = `INSERT INTO opening_hours (account, in_force_from, year, opens, closes, open_before_s, schedule_id, _ver)
    SELECT 'acme', toDateTime(0, 'UTC'), year, arrayMap(d -> d * 86400 + 32400, days) AS begins, arrayMap(o -> o + 28800, begins),
        28800 * sum(length(days)) OVER (ORDER BY year ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 1, 1
    FROM (SELECT toYear(toDate(d)) AS year, groupArray(toInt64(d)) AS days FROM (SELECT arrayJoin(range(13514, 28124)) AS d) WHERE toDayOfWeek(toDate(d)) < 6 GROUP BY year)
    UNION ALL SELECT 'acme', toDateTime(0, 'UTC'), 1970, [toInt64(0)], [toInt64(0)], 0, 1, 1`

// historyPeople fill the tables of some requesters, and their figures from the tickets that are there.
var historyPeople = []string{
	`INSERT INTO people (account, person_id, source_ids, first_name, last_name, email, user_ids, own_ids, zendesk, custom, created_at, updated_at, _ver)
    SELECT 'acme', concat('p_', toString(user)) AS id, ['src_bench'], 'Person', toString(user), concat('person', toString(user), '@x.test'), [user], [id], '{"role":"end-user"}', '{}',
        toDateTime({first}, 'UTC'), toDateTime({first}, 'UTC'), 1
    FROM (SELECT ` + historyUser("number") + ` AS user FROM numbers({from}, {count}))`,
	`INSERT INTO person_aliases (account, alias, person_id, _ver)
    SELECT 'acme', arrayJoin([concat('zendesk:', user), concat('email:person', user, '@x.test')]), concat('p_', user), 1
    FROM (SELECT toString(` + historyUser("number") + `) AS user FROM numbers({from}, {count}))`,
	`INSERT INTO person_stats (account, user_id, tickets_total, tickets_open, tickets_closed, good_ratings, bad_ratings, first_ticket_at, last_ticket_at, last_ticket_id,
        last_ticket_subject, last_ticket_status, _ver)
    SELECT account, requester_id, count(), countIf(status NOT IN ('solved', 'closed')), countIf(status IN ('solved', 'closed')), countIf(csat = 'good'), countIf(csat = 'bad'),
        min(created_at), max(created_at), argMax(ticket_id, created_at), argMax(subject, created_at), argMax(status, created_at), count()
    FROM tickets WHERE requester_id >= ` + historyUser("{from}") + ` AND requester_id < ` + historyUser("{from} + {count}") + ` GROUP BY account, requester_id`,
}

// load fills the tickets from one number to another, some at a time: ClickHouse holds a part of each month in memory while it inserts, of a month
// or two when there are many tickets.
func (h *history) load(b *testing.B, from, to int) {
	b.Helper()
	const step = 10_000
	for ; from < to; from += step {
		for _, insert := range historyInserts {
			h.exec(b, h.values(from, min(step, to-from)).Replace(insert))
		}
	}
	h.exec(b, strings.ReplaceAll(historyHits, "{saved}", "['"+strings.Join(historySaved, "', '")+"']"))
	h.exec(b, historyHours)
	const people = 20_000
	for at := 0; at < h.requesters(); at += people {
		for _, insert := range historyPeople {
			h.exec(b, h.values(at, min(people, h.requesters()-at)).Replace(insert))
		}
	}
}

// requesters is how many people ask.
func (h *history) requesters() int { return max(1, h.tickets/5) }

// values are those of the inserts for some tickets.
func (h *history) values(from, count int) *strings.Replacer {
	return strings.NewReplacer("{now}", strconv.FormatInt(h.last.Unix(), 10), "{first}", strconv.FormatInt(h.first.Unix(), 10),
		"{span}", strconv.FormatInt(h.last.Unix()-h.first.Unix(), 10), "{tickets}", strconv.Itoa(h.tickets), "{requesters}", strconv.Itoa(h.requesters()),
		"{from}", strconv.Itoa(from), "{count}", strconv.Itoa(count))
}

// exec runs a statement, again if ClickHouse had no memory left beside its merges: rows that were stored already are the same ones.
func (h *history) exec(b *testing.B, statement string) {
	b.Helper()
	ctx := clickhouse.Context(context.WithoutCancel(b.Context()), clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": 1800, "max_threads": 2,
		"optimize_on_insert": 0, // no two rows have the same key, and to look for them takes longer than all else
	}))
	const memoryLimit, attempts = 241, 100
	for attempt := 1; ; attempt++ {
		err := h.db.Exec(ctx, statement)
		if err == nil {
			return
		}
		if e, ok := errors.AsType[*clickhouse.Exception](err); !ok || e.Code != memoryLimit || attempt == attempts {
			b.Fatalf("%v: %.200s", err, statement)
		}
		time.Sleep(time.Second)
	}
}

// savePhrases has the program know the phrases of historySaved, as counted everywhere.
func (h *history) savePhrases(b *testing.B, app *App) {
	b.Helper()
	var phrases []map[string]any
	for _, words := range historySaved {
		phrases = append(phrases, map[string]any{"id": words, "tokens": words, "phrase": words, "created_at": h.last, "counted": []string{"acme"}})
	}
	value, err := json.Marshal(map[string]any{"version": 1, "phrases": phrases, "told": map[string]int{"acme": 1}})
	if err == nil {
		err = app.stream.PutSetting(b.Context(), &schemas.Setting{Name: "keywords", Value: value})
	}
	if err != nil {
		b.Fatal(err)
	}
}

// settle merges what was loaded, as time does with months that are over.
func (h *history) settle(b *testing.B) {
	b.Helper()
	for _, table := range []string{"tickets", "ticket_events", "activities", "messages", "phrase_hits", "people", "person_aliases", "person_stats", "opening_hours"} {
		h.exec(b, "OPTIMIZE TABLE "+table+" FINAL")
	}
}
