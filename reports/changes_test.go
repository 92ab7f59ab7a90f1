package reports

import (
	"testing"

	"deskstream/schemas"
)

// TestLaterRowsReplaceEarlierOnes holds that reports read the newest version only: redacted words are not found any more, and withdrawn
// events do not count, although both versions lie in parts of their own.
func TestLaterRowsReplaceEarlierOnes(t *testing.T) {
	t.Parallel()
	db := openDatabase(t)
	s := newTestServer(t, db, nil)
	f := &fixture{}
	f.build()
	insertInto(t, db, schemas.TableTickets, f.tickets...)
	insertInto(t, db, schemas.TableTicketEvents, f.events...)
	insertInto(t, db, schemas.TableMessages, fixtureMessages()...)
	const range_ = "from=2026-03-01&to=2026-03-31"
	wantRows(t, show(s.answerOf("keywords", range_+"&phrase=café"), "messages", "tickets"), "café: messages=1 tickets=1")

	redacted := fixtureMessages()[2]
	redacted.Body, redacted.Tokens, redacted.Redacted = "Your ▇▇▇▇", "your", 1
	insertInto(t, db, schemas.TableMessages, redacted)
	wantRows(t, show(s.answerOf("keywords", range_+"&phrase=café"), "messages", "tickets"), "café: messages=0 tickets=0")
	wantRows(t, show(s.answerOf("keywords", range_+"&phrase=your"), "messages"), "your: messages=1")

	for _, e := range f.events {
		if e.Kind == schemas.EventReopen {
			e.IsDeleted = 1
			insertInto(t, db, schemas.TableTicketEvents, e)
		}
	}
	wantRows(t, show(s.answerOf("reopens", range_), "reopens"), ": reopens=0")

	restored := *f.find(4)
	restored.Deleted, restored.Status = 0, "open"
	insertInto(t, db, schemas.TableTickets, restored)
	wantRows(t, show(s.answerOf("tickets_created", range_), "tickets"), ": tickets=6")
}
