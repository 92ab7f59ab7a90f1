package reports

import (
	"testing"
	"time"
)

// TestTicketColumns: the view current_tickets has the details of a ticket as columns, with what is left out of them because most tickets have it.
func TestTicketColumns(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for ticket, want := range map[int64]string{
		1: "('Refund for travel-insurance','',[],[],[],0,0,0,[],[],0,1,0,'',0,1)",
		3: "('{{dc.x}}','help@acme.test',[7,8],[8],[7],3,4,1,[11],[6],1,0,1,'follow_up',77,0)",
	} {
		var got string
		if err := s.db.QueryRow(t.Context(), `SELECT toString((raw_subject, recipient, collaborator_ids, follower_ids, email_cc_ids, forum_topic_id, problem_id, has_incidents,
			sharing_agreement_ids, followup_ids, allow_channelback, allow_attachments, from_messaging_channel, via_rel, custom_status_id, is_public))
			FROM current_tickets WHERE ticket_id = ?`, ticket).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("ticket %d: %s, want %s", ticket, got, want)
		}
	}
	var due *time.Time
	if err := s.db.QueryRow(t.Context(), "SELECT due_at FROM current_tickets WHERE ticket_id = 3").Scan(&due); err != nil || due == nil || !due.Equal(at("20 10:00")) {
		t.Errorf("due at %v, %v", due, err)
	}
}
