package zendesktest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Withhold makes the exports leave a ticket and its audits out, or show them again where they always were: what a gap in Zendesk's
// exports looks like. Everything else shows the ticket as before.
func (a *Account) Withhold(ticketID int64, withheld bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	r.withheld = withheld
	return nil
}

// exportedAudits returns the audits of the tickets that are not withheld, by time and id. The account must be locked.
func (a *Account) exportedAudits() []auditRef {
	all := a.sortedAudits()
	if !slices.ContainsFunc(all, a.withheld) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), a.withheld)
}

func (a *Account) withheld(ref auditRef) bool { return a.tickets[ref.ticket].withheld }

// search is a query for tickets by the time of their creation. A zero time does not restrict.
type search struct{ from, before time.Time }

// parseSearch reads the part of Zendesk's search syntax that is served: type:ticket, which must be there, created>= and created<.
func parseSearch(query string) (s search, err error) {
	terms := strings.Fields(query)
	if !slices.Contains(terms, "type:ticket") {
		return s, fmt.Errorf("query %q: %w", query, ErrInvalid)
	}
	for _, term := range terms {
		from, isFrom := strings.CutPrefix(term, "created>=")
		before, isBefore := strings.CutPrefix(term, "created<")
		switch {
		case isFrom:
			s.from, err = time.Parse(time.RFC3339, from)
		case isBefore:
			s.before, err = time.Parse(time.RFC3339, before)
		case term != "type:ticket":
			err = ErrInvalid
		}
		if err != nil {
			return s, fmt.Errorf("term %q: %w", term, err)
		}
	}
	return s, nil
}

func (s search) finds(t *record) bool {
	return t.Status != "deleted" && !t.CreatedAt.Before(s.from) && (s.before.IsZero() || t.CreatedAt.Before(s.before))
}

// searchCount counts tickets; deleted ones are not searchable.
func (s *Server) searchCount(w http.ResponseWriter, r *http.Request) {
	query, err := parseSearch(r.URL.Query().Get("query"))
	if err != nil {
		s.fail(w, http.StatusUnprocessableEntity, "invalid", "Invalid search: "+err.Error())
		return
	}
	a := s.Account
	a.mu.Lock()
	n := 0
	for _, t := range a.tickets {
		if query.finds(t) {
			n++
		}
	}
	a.mu.Unlock()
	s.json(w, http.StatusOK, map[string]any{"count": n})
}
