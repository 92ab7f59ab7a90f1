package reports

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// answerKeywords answers from the roll-up of saved phrases where it can. A phrase may be deleted meanwhile, and its rows withdrawn under
// the eyes of the query: then the answer is made again by searching.
func (s *server) answerKeywords(ctx context.Context, q *question, a *reportAnswer) error {
	counted := s.phrases.counted(ctx, q.accounts)
	if err := s.keywordRows(ctx, q, a, counted); err != nil || len(counted) == 0 {
		return err
	}
	still := s.phrases.counted(ctx, q.accounts)
	for tokens, id := range counted {
		if still[tokens] != id {
			a.Rows, a.Totals = nil, nil
			return s.keywordRows(ctx, q, a, nil)
		}
	}
	return nil
}

// keywordRows asks for each phrase by itself, so that the text index finds its messages, and once for all of them together.
func (s *server) keywordRows(ctx context.Context, q *question, a *reportAnswer, counted map[string]string) error {
	phrases := slices.Compact(q.given["phrase"])
	var total []*float64
	q.p.flag("by_ticket", q.option("dated_by") == "ticket")
	q.p.flag("any_scope", q.option("scope") == "any")
	for _, phrase := range phrases {
		q.bindPhrases(counted, phrase)
		if err := s.findMessages(ctx, q); err != nil {
			return err
		}
		g, err := s.fill(ctx, q, q.groupBy, q.window)
		if err != nil {
			return err
		}
		if len(q.groupBy) == 0 {
			g.at([]string{})
		}
		total = g.total
		for _, row := range g.rows() {
			row.Key = append([]string{phrase}, row.Key...)
			row.Label = append([]string{phrase}, row.Label...)
			a.Rows = append(a.Rows, row)
		}
		if len(a.Rows) > maxReportRows {
			return schemas.Invalid("query.phrase", fmt.Sprintf("gives more than %d rows; ask for fewer", maxReportRows))
		}
	}
	slices.SortStableFunc(a.Rows, func(x, y reportRow) int { return strings.Compare(x.At, y.At) })
	if a.Rows == nil {
		a.Rows = []reportRow{}
	}
	if len(phrases) == 1 && q.totalWithRows() {
		a.Totals = q.shown(total, 0)
		return nil
	}
	q.bindPhrases(counted, phrases...)
	err := s.findMessages(ctx, q)
	if err == nil {
		a.Totals, err = s.totals(ctx, q)
	}
	return err
}

// fewMessages is up to how many messages a statement names, so that it reads these and their tickets only. ClickHouse looks each of them up
// in each part, so that more are found faster by reading on.
const fewMessages = 200

// findMessages looks for the messages that may hold the phrases. When they are many, the statement looks for those of the tickets in question
// itself.
func (s *server) findMessages(ctx context.Context, q *question) error {
	if q.named = false; q.saved {
		return nil
	}
	q.p.int("most", fewMessages+1)
	found, err := list[schemas.Message](ctx, s, "phrase_found", sqlText("phrase_found"), q.p)
	if err != nil || len(found) > fewMessages {
		return err
	}
	var accounts []string
	var at []time.Time
	var tickets, messages []int64
	first, last := int64(math.MaxUint32), int64(0)
	for i := range found {
		first, last = min(first, found[i].At.Unix()), max(last, found[i].At.Unix())
		accounts, at = append(accounts, found[i].Account), append(at, found[i].At)
		tickets, messages = append(tickets, found[i].TicketID), append(messages, found[i].MessageID)
	}
	q.named = true
	q.p.int("found_from", first)
	q.p.int("found_to", last)
	q.p.texts("found_accounts", accounts)
	q.p.times("found_at", at)
	q.p.ints("found_tickets", tickets)
	q.p.ints("found_messages", messages)
	return nil
}

// bindPhrases binds phrases by the ids under which they are counted, if all of them are; else as words, and the longest word of each, by
// which the text index is asked.
func (q *question) bindPhrases(counted map[string]string, phrases ...string) {
	var texts, anchors, ids []string
	for _, phrase := range phrases {
		words := wordsOf(phrase)
		text := strings.Join(words, " ")
		if slices.Contains(texts, text) {
			continue
		}
		texts = append(texts, text)
		anchors = append(anchors, slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) }))
		if id, ok := counted[text]; ok {
			ids = append(ids, id)
		}
	}
	q.saved = len(ids) == len(texts)
	q.p.texts("phrase_ids", ids)
	q.p.texts("phrases", texts)
	q.p.texts("anchors", anchors)
}
