package reports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"deskstream/schemas"
)

// keepCounted tells the processors of every account which phrases are saved, and has those tickets searched again that were there before,
// until ctx ends. Only the processors count: ClickHouse says which tickets may hold a phrase, once everything is in it that was processed
// before the processors knew the phrase. What changes later they count by themselves. So it does not matter what comes or goes meanwhile.
func (s *server) keepCounted(ctx context.Context) {
	s.carryOut(ctx, s.phrases.woken, "saved phrases are not counted yet, will try again", s.countPhrases)
}

func (s *server) countPhrases(ctx context.Context) error {
	_, settings, err := s.phrases.load(ctx)
	if err != nil || settings.Version == 0 {
		return err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, account := range accounts {
		if err := s.countAccount(ctx, account, settings); err != nil {
			failed = errors.Join(failed, fmt.Errorf("account %s: %w", account, err))
		}
	}
	if failed != nil || len(settings.Deleted) == 0 {
		return failed
	}
	return s.phrases.change(ctx, func(v *phraseSettings) error {
		v.Deleted = slices.DeleteFunc(v.Deleted, func(d deletedPhrase) bool {
			return everywhere(accounts, d.Withdrawn)
		})
		return nil
	})
}

// countAccount brings one account up to date.
func (s *server) countAccount(ctx context.Context, account string, v phraseSettings) error {
	if v.Told[account] < v.Version {
		if err := s.tellPhrases(ctx, account, v); err != nil {
			return err
		}
	}
	w := phraseWork{server: s, account: account, version: v.Version}
	for i := range v.Phrases {
		if p := &v.Phrases[i]; !slices.Contains(p.Counted, account) {
			w.added = append(w.added, p.SavedPhrase)
		}
	}
	for _, d := range v.Deleted {
		if !slices.Contains(d.Withdrawn, account) {
			w.deleted = append(w.deleted, d.ID)
		}
	}
	if len(w.added) == 0 && len(w.deleted) == 0 {
		return nil
	}
	return w.do(ctx)
}

// tellPhrases tells the processors the list. Told twice it changes nothing.
func (s *server) tellPhrases(ctx context.Context, account string, v phraseSettings) error {
	list := schemas.SavedPhrases{Version: v.Version, Phrases: []schemas.SavedPhrase{}}
	for i := range v.Phrases {
		list.Phrases = append(list.Phrases, v.Phrases[i].SavedPhrase)
	}
	told, err := s.tellAccounts(ctx, []string{account}, v.Told, v.Version, schemas.KindPhrases, list)
	if err != nil {
		return err
	}
	return s.phrases.change(ctx, func(now *phraseSettings) error {
		now.Told = laterVersions(now.Told, told, v.Version)
		return nil
	})
}

// phraseWork is what is to be done in an account for phrases that were added and deleted.
type phraseWork struct {
	*server
	account string
	version uint64
	added   []schemas.SavedPhrase
	deleted []string // ids
}

func (w *phraseWork) do(ctx context.Context) error {
	// From here on the tables hold whatever the processors made before they knew of the change.
	if err := w.reflected(ctx, w.account, schemas.TableMessages, schemas.TableTickets, schemas.TablePhraseHits); err != nil {
		return err
	}
	tickets, err := w.tickets(ctx)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(tickets, decisionChunk) {
		if err := w.recount(ctx, chunk); err != nil {
			return err
		}
	}
	if err := w.reflected(ctx, w.account, schemas.TablePhraseHits); err != nil {
		return err
	}
	return w.phrases.change(ctx, w.done)
}

// tickets gives those whose texts may hold an added phrase or are counted for a deleted one.
func (w *phraseWork) tickets(ctx context.Context) ([]int64, error) {
	var phrases []string
	for _, p := range w.added {
		phrases = append(phrases, p.Tokens)
	}
	found, err := w.search(ctx, nil, w.deleted)
	for some := range slices.Chunk(phrases, maxPhrases) {
		if err == nil {
			var more []int64
			more, err = w.search(ctx, some, nil)
			found = append(found, more...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), err
}

func (w *phraseWork) search(ctx context.Context, phrases, ids []string) ([]int64, error) {
	q := question{p: params{}}
	q.bindPhrases(nil, phrases...)
	q.p.text("account", w.account)
	q.p.texts("phrase_ids", ids)
	ctx, cancel := context.WithTimeout(ctx, decisionWait)
	defer cancel()
	// Not a report: it may take longer, and give as many rows as there are tickets.
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters(q.p)), clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": int(decisionWait.Seconds()), "do_not_merge_across_partitions_select_final": 1,
	}))
	var rows []struct {
		ID int64 `ch:"ticket_id"`
	}
	if err := w.DB.Select(bound, &rows, sqlText("phrase_tickets")); err != nil {
		return nil, w.queryFailed("phrase_tickets", err)
	}
	out := make([]int64, len(rows))
	for i, v := range rows {
		out[i] = v.ID
	}
	return out, nil
}

// recount has the processors search some tickets again, and returns once they did.
func (w *phraseWork) recount(ctx context.Context, tickets []int64) error {
	events := make([]schemas.Event, len(tickets))
	for i, id := range tickets {
		e, err := apiEvent(w.account, "", schemas.KindRecount, w.Now().UTC(), schemas.Recount{ID: schemas.ZID(id)})
		if err != nil {
			return err
		}
		// One that was asked for the same list before is in the stream behind it, and does what this one would.
		e.ID = strings.Join([]string{"recount", w.account, strconv.FormatUint(w.version, 10), strconv.FormatInt(id, 10)}, ":")
		events[i] = e
	}
	if err := w.Events.Publish(ctx, events...); err != nil {
		return storeError(err)
	}
	return w.reflected(ctx, w.account)
}

// done notes that the account is up to date.
func (w *phraseWork) done(v *phraseSettings) error {
	for i := range v.Phrases {
		p := &v.Phrases[i]
		added := slices.ContainsFunc(w.added, func(a schemas.SavedPhrase) bool { return a.ID == p.ID })
		if added && !slices.Contains(p.Counted, w.account) {
			p.Counted = append(p.Counted, w.account)
		}
	}
	for i := range v.Deleted {
		d := &v.Deleted[i]
		if slices.Contains(w.deleted, d.ID) && !slices.Contains(d.Withdrawn, w.account) {
			d.Withdrawn = append(d.Withdrawn, w.account)
		}
	}
	return nil
}
