package processors

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// phrasesOf is what processors are told of phrases, whose ids are their own words; "" leaves one out.
func phrasesOf(version uint64, list ...string) map[string]any {
	saved := []any{}
	for _, p := range list {
		saved = append(saved, map[string]any{"id": "k " + p, "tokens": p})
	}
	return map[string]any{"version": version, "phrases": saved}
}

func savedOf(told map[string]any) (out []schemas.SavedPhrase) {
	for _, p := range told["phrases"].([]any) {
		p := p.(map[string]any)
		out = append(out, schemas.SavedPhrase{ID: p["id"].(string), Tokens: p["tokens"].(string)})
	}
	return out
}

// starts counts where a phrase begins in a text, both as tokens, in the most obvious way.
func starts(tokens, phrase string) (n int64) {
	words, want := strings.Fields(tokens), strings.Fields(phrase)
	for i := 0; i+len(want) <= len(words); i++ {
		if slices.Equal(words[i:i+len(want)], want) {
			n++
		}
	}
	return n
}

func TestPhrasesAreFoundInOnePass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", "é"})
		text := strings.Join(rapid.SliceOfN(word, 0, 40).Draw(t, "text"), " ")
		var p phrases
		seen := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "phrases") {
			tokens := strings.Join(rapid.SliceOfN(word, 1, 5).Draw(t, "phrase"), " ")
			if !seen[tokens] {
				seen[tokens] = true
				p.Phrases = append(p.Phrases, schemas.SavedPhrase{ID: tokens, Tokens: tokens})
			}
		}
		ids, times := p.count(text)
		got := map[string]int64{}
		for i, id := range ids {
			got[id] = times[i]
		}
		for tokens := range seen {
			if want := starts(text, tokens); got[tokens] != want {
				t.Fatalf("%q in %q: %d times, want %d", tokens, text, got[tokens], want)
			}
		}
	})
}

// found gives the hits of a text, one line for each phrase.
func found(list []schemas.SavedPhrase, place, tokens string, public any) (out []string) {
	for _, p := range list {
		if n := starts(tokens, p.Tokens); n > 0 {
			out = append(out, fmt.Sprintf("%s %v %s %d", place, public, p.ID, n))
		}
	}
	return out
}

// checkHits compares the rows of hits with a search over the rows of messages and tickets.
func (s *store) checkHits(t tb, told map[string]any) {
	t.Helper()
	list := savedOf(told)
	var want, got []string
	for _, m := range s.tables[schemas.TableMessages] {
		want = append(want, found(list, fmt.Sprint(m["at"], m["ticket_id"], "/", m["message_id"], m["ticket_created_at"]), m["tokens"].(string), m["public"])...)
	}
	for _, m := range s.tables[schemas.TableTickets] {
		want = append(want, found(list, fmt.Sprint(m["created_at"], m["ticket_id"], "/", 0, m["created_at"]), m["subject_tokens"].(string), 1)...)
	}
	for _, h := range s.tables[schemas.TablePhraseHits] {
		times := h["times"].([]any)
		for i, id := range h["phrase_ids"].([]any) {
			got = append(got, fmt.Sprint(h["at"], h["ticket_id"], "/", h["message_id"], h["ticket_created_at"], " ", h["public"], " ", id, " ", times[i]))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// recounts asks to search the tickets again in whose rows a phrase is found, now or by its id.
func (w *world) recounts(s *store, told map[string]any) []schemas.Event {
	w.out = nil
	tickets := map[any]bool{}
	for _, p := range savedOf(told) {
		for table, column := range map[string]string{schemas.TableMessages: "tokens", schemas.TableTickets: "subject_tokens"} {
			for _, row := range s.tables[table] {
				tickets[row["ticket_id"]] = tickets[row["ticket_id"]] || starts(row[column].(string), p.Tokens) > 0
			}
		}
	}
	for _, h := range s.tables[schemas.TablePhraseHits] {
		tickets[h["ticket_id"]] = true
	}
	for id, hit := range tickets {
		if hit {
			w.emit(schemas.KindRecount, map[string]any{"id": id})
		}
	}
	return w.out
}

// TestSavedPhrasesAreFilled: phrases are saved, taken back and searched for in what was there before, while texts come and go; in the end
// the rows are those of a search.
func TestSavedPhrasesAreFilled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		events := slices.Delete(slices.Clone(w.out), w.told-1, w.told) // without the phrases
		s := newStore()
		play := func(n int, more ...schemas.Event) {
			n = min(n, len(events))
			batch := slices.Concat(more, events[:n])
			if w.chance(50, "order") {
				batch = slices.Concat(events[:n], more)
			}
			s.batches(fataler{t}, batch, rapid.IntRange(1, 20).Draw(t, "batch"))
			events = events[n:]
		}
		tell := func(told map[string]any) {
			w.out = nil
			w.emit(schemas.KindPhrases, told)
			play(w.draw(8, "with"), w.out...)
			play(w.draw(8, "between"))
			play(w.draw(8, "during"), w.recounts(s, told)...)
		}
		play(w.told + w.draw(30, "before"))
		tell(phrasesOf(1, "words", "help"))
		tell(phrasesOf(2, "help", "of comment", "subject"))
		last := phrasesOf(3, "comment", "subject")
		tell(last)
		play(len(events))
		s.checkHits(fataler{t}, last)
		tell(phrasesOf(4))
		s.checkHits(fataler{t}, phrasesOf(4))
	})
}

func TestBadPhrasesAreDeadLetters(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, body := range []string{`{`, `{"version":"x"}`, `{"version":1,"phrases":[{"id":"","tokens":"a"}]}`, `{"version":1,"phrases":[{"id":"k","tokens":"Not Tokens"}]}`} {
		s.say(schemas.KindPhrases, "%s", body)
	}
	s.say(schemas.KindRecount, `{"id":"none"}`)
	s.say(schemas.KindRecount, `{"id":77}`) // a ticket that nobody knows
	s.want("dead letters", len(s.dead), 5)
	s.want("outputs", len(s.tables[schemas.TablePhraseHits]), 0)
}

// TestPhrasesWhileDisconnected: what is asked here is done though Zendesk's events are not merged.
func TestPhrasesWhileDisconnected(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("02T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, false, "Refund, refund!"), created("status", `"open"`))
	s.connect(s.now, func(set *schemas.Settings) { set.Status = schemas.SourceDisconnected })
	s.play()
	told := phrasesOf(1, "refund", "help")
	s.add(schemas.KindPhrases, "api", s.now, jsonObject(told))
	s.say(schemas.KindRecount, `{"id":"5"}`)
	s.checkHits(s.t, told)
	row := s.tables[schemas.TablePhraseHits]["phrase_hits|example|2026-03-02T09:00:00Z|5|1"]
	s.want("note", []any{row["public"], row["times"]}, []any{0, []any{2.0}})
}

func BenchmarkPhrases(b *testing.B) {
	var p phrases
	for i := range 200 {
		tokens := fmt.Sprintf("travel insurance %d", i)
		p.Phrases = append(p.Phrases, schemas.SavedPhrase{ID: tokens, Tokens: tokens})
	}
	text := schemas.Tokens(strings.Repeat("I asked for travel insurance 7 and a refund of what I paid. ", 20))
	b.ReportAllocs()
	for b.Loop() {
		p.count(text)
	}
}
