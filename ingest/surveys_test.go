package ingest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// TestSurveyRatings holds what a response says against the rating that is made of it. The forms are those of Zendesk's documentation.
func TestSurveyRatings(t *testing.T) {
	t.Parallel()
	const id = "01M4FMXHBW5WHJ6D7BEMA0RZC5"
	made := ulidTime(id)
	if made.Year() < 2020 || !ulidTime("01M4FMXHBW").IsZero() || !ulidTime("01M4FMXHB!5WHJ6D7BEMA0RZC5").IsZero() {
		t.Fatalf("the id was made at %s", made)
	}
	const head = `{"id":"01M4FMXHBW5WHJ6D7BEMA0RZC5","expires_at":"2026-11-06T06:18:03.261Z","responder_id":"39771850790941","subject_zrns":["zen:ticket:3"],` +
		`"survey":{"id":"01HZ","version":1,"state":"enabled"},"answers":[`
	const scale = `{"type":"rating_scale","rating":1,"rating_category":"BAD","question":{"type":"rating_scale_emoji"},"created_at":"2026-10-09T06:18:21.129Z","updated_at":"2026-10-10T07:00:00Z"}`
	changed := time.Date(2026, 10, 10, 7, 0, 0, 0, time.UTC)
	want := surveyRating{ID: schemas.SurveyRatingID("acme", id), TicketID: 3, RequesterID: 39771850790941, CreatedAt: made}
	for name, c := range map[string]struct {
		row            string
		score, comment string
		at             time.Time
	}{
		"not answered": {head + `]}`, "offered", "", made},
		"answered":     {head + scale + `]}`, "bad", "", changed},
		"with words":   {head + scale + `,{"type":"open_ended","value":"Slow","question":{},"created_at":"2026-10-09T06:18:21Z","updated_at":"2026-10-09T06:18:21Z"}]}`, "bad", "Slow", changed},
		"skipped":      {head + `{"type":"skipped","question":{},"created_at":"2026-10-10T07:00:00Z","updated_at":"2026-10-10T07:00:00Z"}]}`, "offered", "", changed},
	} {
		out := surveyRatings("acme", []json.RawMessage{json.RawMessage(c.row)})
		var got surveyRating
		if len(out) != 1 || json.Unmarshal(out[0], &got) != nil || string(got.Survey) != c.row {
			t.Fatalf("%s: %s", name, out)
		}
		want := want
		want.Score, want.Comment, want.UpdatedAt, got.Survey = c.score, c.comment, c.at, nil
		if !got.UpdatedAt.Equal(want.UpdatedAt) || !got.CreatedAt.Equal(want.CreatedAt) || got.ID != want.ID || got.TicketID != 3 || got.RequesterID != want.RequesterID ||
			got.Score != want.Score || got.Comment != want.Comment {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if !schemas.IsSurveyRating(want.ID) || schemas.SurveyRatingID("acme", "other") == want.ID {
		t.Errorf("rating id %d", want.ID)
	}
	if out := surveyRatings("acme", []json.RawMessage{json.RawMessage(`{"id":"x","subject_zrns":["zen:conversation:3"]}`)}); len(out) != 0 {
		t.Errorf("about no ticket: %s", out)
	}
	for _, row := range []string{`{"id":5}`, `17`, `null`} {
		if out := surveyRatings("acme", []json.RawMessage{json.RawMessage(row)}); len(out) != 1 || string(out[0]) != row {
			t.Errorf("not a response: %s becomes %s", row, out)
		}
	}
}

// TestSurveysAreReadAgain: an answer that is changed within four weeks is found, though the list is in order of creation.
func TestSurveysAreReadAgain(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClockAt(time.Now())
	d := newDesk(t, zendesktest.Options{Now: clock.Now})
	now := clock.Now()
	customer := newCustomer(t, d, now.AddDate(0, 0, -70), "Jo")
	answer := func(days int, ticket int64, category string) {
		if err := d.Account.AnswerSurvey(now.AddDate(0, 0, -days), ticket, category, ""); err != nil {
			t.Fatal(err)
		}
	}
	tickets := make([]int64, 3)
	for i, days := range []int{60, 50, 20} {
		tickets[i] = newTicket(t, d, now.AddDate(0, 0, -days-1), customer)
		answer(days, tickets[i], "good")
	}
	rig := newRig(t, d, func(r *rig) { r.poller.Now, r.clients.Now, r.poller.PageSize = clock.Now, clock.Now, 1 })
	rig.poller.once.Do(rig.poller.defaults)
	source, err := rig.store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	run := newRunner(rig.poller, source)
	res, _ := findResource(schemas.ResourceSurveys)
	scores := func() (out []string) {
		run.poll(t.Context(), res, true)
		for _, e := range rig.store.of(schemas.KindRating) {
			var z schemas.ZRating
			if err := json.Unmarshal(e.Data, &z); err != nil {
				t.Fatal(err)
			}
			out = append(out, z.TicketID.String()+z.Score)
		}
		slices.Sort(out)
		return out
	}
	name := func(i int, score string) string { return schemas.ZID(tickets[i]).String() + score }
	all := []string{name(0, "good"), name(1, "good"), name(2, "good")}
	if got := scores(); !slices.Equal(got, all) {
		t.Fatalf("%v, want %v", got, all)
	}
	answer(0, tickets[2], "bad")
	clock.Advance(time.Hour)
	if got, want := scores(), append([]string{name(0, "good"), name(1, "good"), name(2, "bad")}, name(2, "good")); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	d.ForgetRequests()
	if scores(); len(d.Requests()) != 1 {
		t.Errorf("%d requests for what was created in the last 30 days, want 1", len(d.Requests()))
	}
}
