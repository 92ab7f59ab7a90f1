package processors

import (
	"errors"
	"testing"

	"deskstream/schemas"
)

// ticket asks for the row of a ticket.
func (s *store) ticket(t tb, id int64) (*schemas.TicketRow, error) {
	t.Helper()
	return untilKnown(t, s, func(state schemas.State) (*schemas.TicketRow, []string, error) {
		return s.p.Ticket(testAccount, id, state)
	})
}

// checkTickets holds what is told of tickets against the table, and gives of how many only that could tell.
func (s *store) checkTickets(t tb) (outdated int) {
	t.Helper()
	for key, want := range s.tables[schemas.TableTickets] {
		id := int64(want["ticket_id"].(float64))
		row, err := s.ticket(t, id)
		if errors.Is(err, errOutdated) {
			outdated++
			continue
		}
		if err != nil || row == nil {
			t.Fatalf("%s: told %v, %v", key, row, err)
		}
		if row.CreatedAt.Format("2006-01-02T15:04:05Z") != want["created_at"] {
			continue // another row of the ticket
		}
		row.Description, row.CustomFields, row.SubjectTokens = want["description"].(string), want["custom_fields"].(string), want["subject_tokens"].(string)
		same(t, key, asMap(t, ticketText(row)), want)
	}
	if row, err := s.ticket(t, 1<<40); row != nil || err != nil {
		t.Fatalf("of no ticket: told %v, %v", row, err)
	}
	return outdated
}

// TestTicketIsTold: the row of a ticket is told as the table has it. When the role of an author became another one only the table can tell,
// until something happens to the ticket.
func TestTicketIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	if row, err := s.ticket(t, 5); row != nil || err != nil {
		t.Fatal(row, err)
	}
	s.audit("02T09:00", 9, created("status", `"new"`), said(71, 9, true, "My printer is on fire"))
	if row, err := s.ticket(t, 5); row != nil || err != nil { // an orphan
		t.Fatal(row, err)
	}
	s.record("02T09:00", "new", `,"custom_fields":[{"id":7,"value":"x"}]`)
	s.audit("02T10:00", 1, changed("status", `"new"`, `"open"`), said(72, 1, true, "Which one?"))
	s.want("outdated", s.checkTickets(t), 0)
	row, err := s.ticket(t, 5)
	if err != nil || row.Replies != 1 || row.Status != "open" || row.Subject != "Help" || row.Description != "" || row.CustomFields != "" {
		t.Fatalf("%+v, %v", row, err)
	}
	s.say(schemas.KindTicket, `{"id":6,"subject":"Deleted","status":"deleted","requester_id":9,"created_at":"2026-03-02T09:00:00Z",`+
		`"updated_at":"2026-03-03T09:00:00Z","generated_timestamp":1772600000,"tags":[]}`)
	s.want("outdated", s.checkTickets(t), 0)

	s.say(schemas.KindUser, `{"id":1,"name":"N 1","role":"end-user","email":"n1@x.test","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-02T09:30:00Z"}`)
	s.want("outdated", s.checkTickets(t), 1)
	s.audit("02T11:00", 2, changed("status", `"open"`, `"pending"`))
	s.want("outdated", s.checkTickets(t), 0)
}
