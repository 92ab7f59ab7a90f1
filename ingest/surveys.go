package ingest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// surveyOpen is how long after its creation a survey response is read again: the list can be filtered by creation only, and customers may
// change their answers for four weeks.
const surveyOpen = 30 * 24 * time.Hour

// surveyResponse is what a customer answered to a CSAT survey (developer.zendesk.com, CSAT survey responses).
type surveyResponse struct {
	ID          string          `json:"id"` // ULID
	SubjectZRNs []string        `json:"subject_zrns"`
	ResponderID json.RawMessage `json:"responder_id"` // a string or a number
	CreatedAt   time.Time       `json:"created_at"`
	Answers     []struct {
		Type      string    `json:"type"`
		Category  string    `json:"rating_category"` // good, neutral, bad
		Value     string    `json:"value"`           // of an open question
		CreatedAt time.Time `json:"created_at"`
		UpdatedAt time.Time `json:"updated_at"`
	} `json:"answers"`
}

// surveyRating is a survey response in the form of a rating record: who held the ticket is not in it.
type surveyRating struct {
	ID          schemas.ZID     `json:"id"`
	TicketID    schemas.ZID     `json:"ticket_id"`
	RequesterID schemas.ZID     `json:"requester_id"`
	Score       string          `json:"score"` // good, neutral, bad; offered while there is no answer that rates
	Comment     string          `json:"comment"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	Survey      json.RawMessage `json:"survey_response"` // as Zendesk wrote it
}

// surveyRatings turns survey responses into ratings, so that an account that has the one kind or the other, or changes over, has ratings.
// Those about something else than a ticket are left out.
func surveyRatings(account string, rows []json.RawMessage) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(rows))
	for _, row := range rows {
		var s *surveyResponse // nil of null, which is no error
		if json.Unmarshal(row, &s) != nil || s == nil {
			out = append(out, row) // The processor refuses it, so that it is seen.
			continue
		}
		r := s.rating(account)
		if r.TicketID == 0 {
			continue
		}
		r.Survey = row
		if b, err := json.Marshal(r); err == nil {
			out = append(out, b)
		}
	}
	return out
}

func (s *surveyResponse) rating(account string) surveyRating {
	r := surveyRating{ID: schemas.SurveyRatingID(account, s.ID), Score: "offered", CreatedAt: s.CreatedAt}
	for _, zrn := range s.SubjectZRNs {
		if id, ok := strings.CutPrefix(zrn, "zen:ticket:"); ok && r.TicketID == 0 {
			r.TicketID = zid(id)
		}
	}
	r.RequesterID = zid(strings.Trim(string(s.ResponderID), `"`))
	if r.CreatedAt.IsZero() {
		r.CreatedAt = ulidTime(s.ID)
	}
	r.UpdatedAt = r.CreatedAt
	for _, a := range s.Answers {
		if a.Category != "" {
			r.Score = strings.ToLower(a.Category)
		}
		if a.Value != "" {
			r.Comment = a.Value
		}
		for _, at := range []time.Time{a.CreatedAt, a.UpdatedAt} {
			if at.After(r.UpdatedAt) {
				r.UpdatedAt = at
			}
		}
	}
	return r
}

// zid reads an id that is written as text; 0 when it is none.
func zid(text string) schemas.ZID {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return schemas.ZID(n)
}

// ulidTime gives the time in a ULID: its first ten characters are the milliseconds since 1970 in Crockford's base 32. Zero when it is none.
func ulidTime(id string) time.Time {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	if len(id) != 26 {
		return time.Time{}
	}
	ms := int64(0)
	for _, c := range strings.ToUpper(id[:10]) {
		d := strings.IndexRune(digits, c)
		if d < 0 {
			return time.Time{}
		}
		ms = ms<<5 | int64(d)
	}
	return time.UnixMilli(ms).UTC()
}
