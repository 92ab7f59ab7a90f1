package reports

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

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
	phrases := q.phrases()
	var total []*float64
	q.p.flag("by_ticket", q.option("dated_by") == "ticket")
	q.p.flag("any_scope", q.option("scope") == "any")
	for _, phrase := range phrases {
		if err := s.findTexts(ctx, q, q.bindPhrases(counted, phrase)); err != nil {
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
	err := s.findTexts(ctx, q, q.bindPhrases(counted, phrases...))
	if err == nil {
		a.Totals, err = s.totals(ctx, q)
	}
	return err
}

// phrases gives the asked phrases, each once.
func (q *question) phrases() (phrases []string) {
	for _, phrase := range q.given["phrase"] {
		if !slices.Contains(phrases, phrase) {
			phrases = append(phrases, phrase)
		}
	}
	return phrases
}

// fewTexts is up to how many messages, and how many subjects, a statement names, so that it reads their tickets only.
const fewTexts = 200

// foundText is a message or a subject that may hold a phrase.
type foundText struct {
	Account   string    `ch:"account"`
	TicketID  int64     `ch:"ticket_id"`
	CreatedAt time.Time `ch:"created_at"` // of the ticket
	At        time.Time `ch:"at"`         // of the message
	Tokens    string    `ch:"tokens"`
}

// findTexts looks for the texts that hold the phrases. When they are many, the statement looks for them itself.
func (s *server) findTexts(ctx context.Context, q *question, phrases []string) error {
	q.named, q.nothing = false, false
	if q.saved {
		return nil
	}
	q.p.int("most", fewTexts+1)
	var messages, subjects []foundText
	both, asking := errgroup.WithContext(ctx)
	find := func(statement string, found *[]foundText) {
		both.Go(func() (err error) {
			*found, err = list[foundText](asking, s, statement, sqlWith(statement, q.pieces(nil)), q.p)
			return err
		})
	}
	find("phrase_messages", &messages)
	find("phrase_subjects", &subjects)
	if err := both.Wait(); err != nil || len(messages) > fewTexts || len(subjects) > fewTexts {
		return err
	}
	q.nameTexts(messages, subjects, phrases)
	return nil
}

// bindPhrases binds phrases by the ids under which they are counted, if all of them are; else as words, which it gives, and the longest word
// of each, by which the text index is asked.
func (q *question) bindPhrases(counted map[string]string, phrases ...string) (texts []string) {
	var anchors, ids []string
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
	q.words = !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, " ") })
	q.p.texts("phrase_ids", ids)
	q.p.texts("phrases"+q.nth, texts)
	q.p.texts("anchors"+q.nth, anchors)
	return texts
}
