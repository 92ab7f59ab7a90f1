package ingest

import (
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestImportedTicketHasItsHistory: the history of a ticket that was put in after the first sync, created before it, is read whole: the export of ticket
// events is past it. That of a ticket whose beginning is known is not, and neither is any while nobody can tell.
func TestImportedTicketHasItsHistory(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{HideTickets: -1})
	now := time.Now()
	carla := newCustomer(t, d, now.AddDate(0, 0, -40), "Carla")
	known := newTicket(t, d, now.AddDate(0, 0, -5), carla)
	r := newRig(t, d, func(r *rig) { r.poller.Intervals = quick() })
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	arrived := func(id int64) func() bool {
		return func() bool { return strings.Contains(string(newest(r.store, id)), `"pending"`) }
	}
	changes := 0
	touch := func(id int64) {
		changes++
		if err := d.Account.SetStatus(now.Add(time.Duration(changes)*time.Second), id, carla, "pending"); err != nil {
			t.Fatal(err)
		}
	}
	put := func(days int) int64 {
		id := newTicket(t, d, now.AddDate(0, 0, -days), carla)
		touch(id)
		localtest.Eventually(t, "imported ticket", arrived(id))
		return id
	}
	untold := put(20)
	r.store.mu.Lock()
	r.store.tells = true
	r.store.mu.Unlock()
	touch(known)
	localtest.Eventually(t, "known ticket", arrived(known))
	imported := put(20)
	localtest.Eventually(t, "its history", func() bool {
		row, err := r.store.Ticket(t.Context(), "acme", imported)
		return err == nil && row.HistoryFull == 1
	})
	for _, q := range d.Requests() {
		if strings.HasSuffix(q.Path, "/audits.json") && !strings.Contains(q.Path, "/"+schemas.ZID(imported).String()+"/") {
			t.Errorf("%s was read: %d is known, of %d nobody could tell", q.Path, known, untold)
		}
	}
}

// newest gives the newest record of a ticket.
func newest(m *memory, ticket int64) (data []byte) {
	for _, e := range m.all() {
		if e.Kind == schemas.KindTicket && int64(headOf(e.Data).ID) == ticket {
			data = e.Data
		}
	}
	return data
}
