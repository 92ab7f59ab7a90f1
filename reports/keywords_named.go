package reports

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// textHit is a message that holds a phrase, by when it was written and how often the phrase begins in it, or a subject, by 0 times.
type textHit struct {
	at    time.Time
	times int64
}

// ticketID is a ticket of an account.
type ticketID struct {
	account string
	id      int64
}

// nameTexts remembers the texts that hold a phrase, and binds their tickets.
func (q *question) nameTexts(messages, subjects []foundText, phrases []string) {
	q.hits = map[ticketID][]textHit{}
	var accounts []string
	var created []time.Time
	var tickets []int64
	name := func(f *foundText, times int64) {
		ticket := ticketID{f.Account, f.TicketID}
		q.hits[ticket] = append(q.hits[ticket], textHit{f.At, times})
		accounts, created, tickets = append(accounts, f.Account), append(created, f.CreatedAt), append(tickets, f.TicketID)
	}
	for i := range messages {
		if n := phraseTimes(messages[i].Tokens, phrases); n > 0 {
			name(&messages[i], n)
		}
	}
	for i := range subjects {
		if phraseTimes(subjects[i].Tokens, phrases) > 0 {
			name(&subjects[i], 0)
		}
	}
	q.named, q.nothing = true, len(accounts) == 0
	q.p.texts("found_accounts", accounts)
	q.p.times("found_created", created)
	q.p.ints("found_tickets", tickets)
}

// phraseTimes counts the places at which one of some phrases begins in a text; both are words with single blanks between.
func phraseTimes(tokens string, phrases []string) (n int64) {
	for _, phrase := range phrases {
		rest, words := " "+tokens+" ", " "+phrase+" "
		for at := strings.Index(rest, words); at >= 0; at = strings.Index(rest, words) {
			n++
			rest = rest[at+1:]
		}
	}
	return n
}

// namedTicket is a ticket with a text that holds a phrase, once for each tag if it is asked by tag.
type namedTicket struct {
	Account   string    `ch:"account"`
	TicketID  int64     `ch:"ticket_id"`
	CreatedAt time.Time `ch:"created_at"`
	Keys      []string  `ch:"keys"`
}

// namedCells asks for the tickets of the texts that hold a phrase, and counts what keywords.sql counts.
func (s *server) namedCells(ctx context.Context, q *question, groupBy []dimension) ([]cell, []*float64, error) {
	tickets, err := list[namedTicket](ctx, s, q.file(), q.statementText(groupBy), q.p)
	if err != nil || len(tickets) == 0 {
		return nil, nil, err
	}
	byCell, all := map[string]*phraseCount{}, newPhraseCount(0, nil)
	for i := range tickets {
		t := &tickets[i]
		ticket := ticketID{t.Account, t.TicketID}
		for _, hit := range q.hits[ticket] {
			bucket, ok := q.bucketOf(t.CreatedAt, hit)
			if !ok {
				continue
			}
			id := strconv.Itoa(bucket) + "\x00" + strings.Join(t.Keys, "\x00")
			if byCell[id] == nil {
				byCell[id] = newPhraseCount(uint32(unix32(q.bounds[bucket])), t.Keys)
			}
			byCell[id].add(ticket, hit)
			all.add(ticket, hit)
		}
	}
	cells := make([]cell, 0, len(byCell))
	for _, c := range byCell {
		cells = append(cells, cell{bucket: c.bucket, keys: c.keys, values: c.values(q.metric)})
	}
	return cells, all.values(q.metric), nil
}

// bucketOf gives the bucket of a text by the date that counts, unless that is outside of the window or after as_of.
func (q *question) bucketOf(created time.Time, hit textHit) (int, bool) {
	date := hit.at
	if hit.times == 0 || q.option("dated_by") == "ticket" {
		date = created
	}
	if date.Before(q.from) || !date.Before(q.to) || date.After(q.asOf) {
		return 0, false
	}
	after, found := slices.BinarySearchFunc(q.bounds, date, time.Time.Compare)
	if found {
		return after, true
	}
	return max(0, after-1), true
}

// phraseCount counts the texts of a cell.
type phraseCount struct {
	bucket                     uint32
	keys                       []string
	inSubject, inMessage, both map[ticketID]bool
	messages, occurrences      int64
}

func newPhraseCount(bucket uint32, keys []string) *phraseCount {
	return &phraseCount{bucket: bucket, keys: keys, inSubject: map[ticketID]bool{}, inMessage: map[ticketID]bool{}, both: map[ticketID]bool{}}
}

func (c *phraseCount) add(ticket ticketID, hit textHit) {
	c.both[ticket] = true
	if hit.times == 0 {
		c.inSubject[ticket] = true
		return
	}
	c.inMessage[ticket] = true
	c.messages++
	c.occurrences += hit.times
}

// values gives the figures in the order of the metric.
func (c *phraseCount) values(m *metric) []*float64 {
	byName := map[string]float64{
		"tickets_subject": float64(len(c.inSubject)), "tickets_messages": float64(len(c.inMessage)), "tickets": float64(len(c.both)),
		"messages": float64(c.messages), "occurrences": float64(c.occurrences),
	}
	out := make([]*float64, len(m.values))
	for i, v := range m.values {
		out[i] = new(byName[v.name])
	}
	return out
}
