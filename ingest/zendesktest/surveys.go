package zendesktest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// SurveyResponse is what a customer answered to a CSAT survey.
type SurveyResponse struct {
	ID          string         `json:"id"`
	ExpiresAt   time.Time      `json:"expires_at"`
	ResponderID string         `json:"responder_id"`
	SubjectZRNs []string       `json:"subject_zrns"`
	Survey      map[string]any `json:"survey"`
	Answers     []SurveyAnswer `json:"answers"`

	number  int64
	created time.Time
}

// SurveyAnswer is the answer to one question; an open one has a Value, a rating scale the rest.
type SurveyAnswer struct {
	Type      string         `json:"type"`
	Rating    int            `json:"rating,omitempty"`
	Category  string         `json:"rating_category,omitempty"`
	Value     string         `json:"value,omitempty"`
	Question  map[string]any `json:"question"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// AnswerSurvey answers the survey of a ticket: good, neutral or bad, with an optional comment. A second time changes the first answer.
func (a *Account) AnswerSurvey(at time.Time, ticketID int64, category, comment string) error {
	rating := map[string]int{"bad": 1, "neutral": 3, "good": 5}[category]
	if rating == 0 {
		return fmt.Errorf("category %q: %w, want good, neutral or bad", category, ErrInvalid)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	at = clock(at, r.UpdatedAt)
	zrn := "zen:ticket:" + strconv.FormatInt(ticketID, 10)
	i := slices.IndexFunc(a.surveys, func(s SurveyResponse) bool { return s.SubjectZRNs[0] == zrn })
	a.surveys = slices.Clone(a.surveys)
	if i < 0 {
		i = len(a.surveys)
		a.surveys = append(a.surveys, SurveyResponse{
			ID: ulid(at, a.nextID()), ExpiresAt: at.AddDate(0, 0, 28), ResponderID: strconv.FormatInt(r.RequesterID, 10), SubjectZRNs: []string{zrn},
			Survey: map[string]any{"id": ulid(at, 1), "version": 1, "state": "enabled"}, number: a.nextID(), created: at,
		})
	}
	s := &a.surveys[i]
	s.Answers = []SurveyAnswer{{Type: "rating_scale", Rating: rating, Category: category, Question: map[string]any{"type": "rating_scale_emoji"}, CreatedAt: s.created, UpdatedAt: at}}
	if comment != "" {
		s.Answers = append(s.Answers, SurveyAnswer{Type: "open_ended", Value: comment, Question: map[string]any{"type": "open_ended"}, CreatedAt: s.created, UpdatedAt: at})
	}
	return nil
}

// surveyResponses lists responses by creation; filter[created_at_start] is in milliseconds.
func (s *Server) surveyResponses(w http.ResponseWriter, r *http.Request) {
	start, _ := strconv.ParseInt(r.URL.Query().Get("filter[created_at_start]"), 10, 64)
	a := s.Account
	a.mu.Lock()
	rows := slices.DeleteFunc(slices.Clone(a.surveys), func(x SurveyResponse) bool { return x.created.UnixMilli() < start })
	a.mu.Unlock()
	list(s, w, r, "survey_responses", rows, func(x SurveyResponse) int64 { return x.number })
}
