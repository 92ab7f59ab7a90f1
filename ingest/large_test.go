package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestAnswersOverTheLimit: a page that is larger than an answer may be is asked for in smaller ones; one row that is too large is told.
func TestAnswersOverTheLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{HideTickets: -1})
	base := time.Now().Add(-3 * time.Hour)
	carla := newCustomer(t, d, base, "Carla")
	write := func(at time.Time, length int) {
		if _, err := d.Account.CreateTicket(at, zendesktest.NewTicket{Requester: carla, Subject: "Help", Body: strings.Repeat("x", length)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		write(base.Add(time.Duration(i)*time.Second), 8_000)
	}
	r := newRig(t, d, func(r *rig) { r.clients.mostBody = 200 << 10 })
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	if got := len(r.store.ids(schemas.KindTicket)); got != 60 {
		t.Errorf("%d tickets read, want 60", got)
	}
	write(base.Add(2*time.Minute), 300_000)
	r.poller.Kick(testSource)
	localtest.Eventually(t, "failure told", func() bool {
		cur := r.store.cursor(testSource, schemas.ResourceTicketEvents)
		return cur.State == "failing" && strings.Contains(cur.LastError, fmt.Sprintf("asked for one row: zendesk %s: answer of over %d bytes", "/api/v2/incremental/ticket_events.json", 200<<10))
	})
}
