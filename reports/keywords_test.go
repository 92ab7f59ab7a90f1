package reports

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// keywordViews lists the saved phrases.
func (s *testServer) keywords() (out []keywordView) {
	s.t.Helper()
	var p page[keywordView]
	s.get("/v1/keywords", &p)
	return p.Items
}

func (s *testServer) saveKeyword(phrase string) (v keywordView) {
	s.t.Helper()
	s.want(http.StatusCreated, s.call("POST", "/v1/keywords", "reports-key", map[string]string{"phrase": phrase}), &v)
	return v
}

func TestKeywordsAreKept(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	if got := s.keywords(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	travel := s.saveKeyword("  Travel-Insurance! ")
	refund := s.saveKeyword("refund")
	if travel.Phrase != "Travel-Insurance!" || !slices.Equal(travel.Tokens, []string{"travel", "insurance"}) || travel.Filled || !travel.CreatedAt.Equal(testNow) {
		t.Errorf("%+v", travel)
	}
	if got := s.keywords(); !reflect.DeepEqual(got, []keywordView{refund, travel}) {
		t.Errorf("%+v", got)
	}
	var first, second page[keywordView]
	s.get("/v1/keywords?limit=1", &first)
	s.get("/v1/keywords?limit=1&cursor="+*first.NextCursor, &second)
	if first.Items[0].ID != refund.ID || second.Items[0].ID != travel.ID || second.NextCursor != nil {
		t.Errorf("%+v %+v", first, second)
	}
	s.wantProblem(s.call("POST", "/v1/keywords", "reports-key", map[string]string{"phrase": "travel insurance"}), 409, "keyword-exists", travel.ID)
	s.wantProblem(s.call("POST", "/v1/keywords", "people-key", map[string]string{"phrase": "x"}), 403, "scope-missing", "reports")
	for _, body := range []string{`{"phrase":"--"}`, `{"phrase":""}`, `{"phrase":"` + strings.Repeat("x", 201) + `"}`, `{}`, `{"phrase":7}`, `{"words":"x"}`} {
		if r := s.call("POST", "/v1/keywords", "reports-key", body); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(r.body), "body") {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}
	s.want(http.StatusNoContent, s.call("DELETE", "/v1/keywords/"+travel.ID, "reports-key", nil), nil)
	s.wantProblem(s.call("DELETE", "/v1/keywords/"+travel.ID, "reports-key", nil), 404, "no-such-keyword")
	s.wantProblem(s.call("DELETE", "/v1/keywords/"+refund.ID, "render-key", nil), 403, "scope-missing")
	if got := s.keywords(); !reflect.DeepEqual(got, []keywordView{refund}) {
		t.Errorf("%+v", got)
	}
}

func TestKeywordsAreBounded(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for i := range maxSavedPhrases {
		s.saveKeyword(fmt.Sprintf("phrase %d", i))
	}
	s.wantProblem(s.call("POST", "/v1/keywords", "admin-key", map[string]string{"phrase": "one more"}), 409, "too-many-keywords", "200")
	s.store.fail = fmt.Errorf("no store")
	s.wantProblem(s.call("POST", "/v1/keywords", "admin-key", map[string]string{"phrase": "x"}), 503, "unavailable")
}

// TestPhrasesAreToldAndFilled: every account is told the list, tickets that hold an added phrase or are counted for a deleted one are
// searched again, each once, and only then a phrase counts as filled.
func TestPhrasesAreToldAndFilled(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	fill(t, s.db)
	s.store.deleted = []string{"other"}
	count := func() (told []schemas.SavedPhrases, recounted []string) {
		t.Helper()
		s.store.published = nil
		if err := s.countPhrases(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range s.store.published {
			if e.Kind == schemas.KindRecount {
				recounted = append(recounted, strings.SplitAfterN(e.ID, ":", 3)[1]+string(e.Data))
				continue
			}
			var list schemas.SavedPhrases
			if err := json.Unmarshal(e.Data, &list); err != nil || e.Kind != schemas.KindPhrases {
				t.Fatal(e.Kind, err)
			}
			told = append(told, list)
		}
		slices.Sort(recounted)
		return told, recounted
	}
	if told, recounted := count(); told != nil || recounted != nil {
		t.Errorf("told %v and %v before there was a phrase", told, recounted)
	}
	refund, travel := s.saveKeyword("refund"), s.saveKeyword("travel insurance")
	told, recounted := count()
	if len(told) != 2 || told[0].Version != 2 || len(told[1].Phrases) != 2 || told[0].Phrases[0].ID != refund.ID {
		t.Errorf("%+v", told)
	}
	// The other account has the tickets but no messages.
	wantRows(t, recounted, `acme:{"id":1}`, `acme:{"id":4}`, `acme:{"id":6}`, `other:{"id":1}`, `other:{"id":4}`)
	for _, k := range s.keywords() {
		if !k.Filled {
			t.Errorf("%+v", k)
		}
	}
	if told, recounted := count(); told != nil || recounted != nil {
		t.Errorf("told again: %v, %v", told, recounted)
	}
	insertInto(t, s.db, schemas.TablePhraseHits, schemas.PhraseHits{
		Account: testAccount, At: at("02 10:00"), TicketID: 6, MessageID: 6, Public: 1, PhraseIDs: []string{travel.ID, refund.ID}, Times: []int64{1, 1},
		TicketCreatedAt: at("02 10:00"),
	})
	s.want(http.StatusNoContent, s.call("DELETE", "/v1/keywords/"+travel.ID, "admin-key", nil), nil)
	told, recounted = count()
	if len(told) != 2 || told[0].Version != 3 || len(told[0].Phrases) != 1 {
		t.Errorf("%+v", told)
	}
	wantRows(t, recounted, `acme:{"id":6}`)
	if _, v, err := s.phrases.load(t.Context()); err != nil || len(v.Deleted) != 0 {
		t.Errorf("%+v %v", v, err)
	}
	s.store.deleted = append(s.store.deleted, "late")
	if s.keywords()[0].Filled {
		t.Error("filled in an account that is new")
	}
	if told, _ := count(); len(told) != 1 || !s.keywords()[0].Filled {
		t.Errorf("%+v", told)
	}
}

// randomTexts makes tickets and messages of a few words, and the rows that count phrases in them.
type randomTexts struct {
	*rand.Rand
	phrases []savedPhrase
	hits    []schemas.PhraseHits
}

func (r *randomTexts) text(n int) string {
	words := make([]string, r.IntN(n)+1)
	for i := range words {
		words[i] = []string{"refund", "travel", "insurance", "café", "the"}[r.IntN(5)]
	}
	return strings.Join(words, " ")
}

func (r *randomTexts) count(hit schemas.PhraseHits, tokens string) {
	words := strings.Fields(tokens)
	for _, p := range r.phrases {
		want, n := strings.Fields(p.Tokens), int64(0)
		for i := range words {
			if i+len(want) <= len(words) && slices.Equal(words[i:i+len(want)], want) {
				n++
			}
		}
		if n > 0 {
			hit.PhraseIDs, hit.Times = append(hit.PhraseIDs, p.ID), append(hit.Times, n)
		}
	}
	if len(hit.PhraseIDs) > 0 {
		hit.Account = testAccount
		r.hits = append(r.hits, hit)
	}
}

func (r *randomTexts) fill(t *testing.T, s *testServer) {
	var tickets []schemas.TicketRow
	var messages []schemas.Message
	for id := range int64(60) {
		created := at("01 00:00").Add(time.Duration(r.IntN(15*86400)) * time.Second)
		ticket := schemas.TicketRow{
			Account: testAccount, TicketID: id + 1, CreatedAt: created, Subject: r.text(3), Status: "open", Tags: []string{"vip"}[:r.IntN(2)], CustomFields: "{}",
			Deleted: uint8(r.IntN(8) / 7), Merged: uint8(r.IntN(8) / 7), Channel: []string{"web", "email"}[r.IntN(2)],
		}
		ticket.SubjectTokens = schemas.Tokens(ticket.Subject)
		tickets = append(tickets, ticket)
		r.count(schemas.PhraseHits{At: created, TicketID: ticket.TicketID, Public: 1, TicketCreatedAt: created}, ticket.SubjectTokens)
		for range r.IntN(4) {
			m := schemas.Message{
				Account: testAccount, At: created.Add(time.Duration(r.IntN(4*86400)-86400) * time.Second), TicketID: ticket.TicketID, MessageID: int64(len(messages) + 1),
				Public: uint8(r.IntN(2)), Body: r.text(12), TicketCreatedAt: created,
			}
			m.Tokens = schemas.Tokens(m.Body)
			messages = append(messages, m)
			r.count(schemas.PhraseHits{At: m.At, TicketID: m.TicketID, MessageID: m.MessageID, Public: m.Public, TicketCreatedAt: created}, m.Tokens)
		}
	}
	insertInto(t, s.db, schemas.TableTickets, tickets...)
	insertInto(t, s.db, schemas.TableMessages, messages...)
	insertInto(t, s.db, schemas.TablePhraseHits, r.hits...)
}

// TestSavedPhrasesSayWhatTheSearchSays asks each question with and without the counts.
func TestSavedPhrasesSayWhatTheSearchSays(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	r := &randomTexts{Rand: rand.New(rand.NewPCG(7, 11))}
	for i, tokens := range []string{"refund", "travel insurance", "café", "the the", "never said"} {
		r.phrases = append(r.phrases, savedPhrase{SavedPhrase: schemas.SavedPhrase{ID: fmt.Sprint("kw_", i), Tokens: tokens}, Counted: []string{testAccount}})
	}
	r.fill(t, s)
	value, err := json.Marshal(phraseSettings{Version: 1, Phrases: r.phrases})
	if err != nil {
		t.Fatal(err)
	}
	const span, inside = "from=2026-03-01&to=2026-03-18", "from=2026-03-05T07:00:00Z&to=2026-03-10T00:00:00Z"
	for _, more := range []string{
		"", "&scope=any", "&dated_by=message", "&scope=any&dated_by=message&interval=day", "&interval=week&group_by=channel", "&exclude_merged=true",
		"&include_deleted=true&tag=vip", "&as_of=2026-03-08T10:00:00Z&scope=any", "&as_of=2026-03-08T10:00:00Z&dated_by=message",
		"&" + inside, "&scope=any&dated_by=message&interval=day&" + inside,
	} {
		query := "phrase=refund&phrase=Travel+Insurance&phrase=CAFÉ&phrase=cafe%CC%81&phrase=the+the&phrase=never+said" + more
		if !strings.HasSuffix(more, inside) {
			query += "&" + span
		}
		s.store.settings[settingPhrases] = schemas.Setting{Name: settingPhrases, Value: value, Revision: 1}
		before := s.asked("keywords_saved")
		counted := s.answerOf("keywords", query)
		if s.asked("keywords_saved") == before {
			t.Fatal("the counts were not asked")
		}
		delete(s.store.settings, settingPhrases)
		before = s.asked("keywords_saved")
		searched := s.answerOf("keywords", query)
		if s.asked("keywords_saved") != before || !reflect.DeepEqual(counted, searched) || *searched.Totals["occurrences"] == 0 {
			t.Errorf("%s:\ncounted  %v\nsearched %v", more, show(counted, strings.Fields(keywordValues)...), show(searched, strings.Fields(keywordValues)...))
		}
	}
}

// asked says how many times a statement was run.
func (s *testServer) asked(name string) int {
	s.t.Helper()
	families, err := s.Gatherer.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == name && m.GetHistogram() != nil {
				return int(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}
