package processors

import (
	"encoding/json"
	"testing"
	"time"

	"deskstream/schemas"
)

// FuzzPeek: whatever the bytes, a whole object gives the ids that a full decoding gives.
func FuzzPeek(f *testing.F) {
	for _, s := range []string{
		`{"id":5,"ticket_id":"6"}`, ` { "a" : [ {"id":1} , "}" ] , "id" : -12 , "ticket_id": null }`, `{"id":1.5}`, `{}`, `{"x":"\"","id":7}`, `{"id":{"id":3}}`, `[`, `{"id":5`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		id, ticket, ok := peekIDs(data, "id", "ticket_id")
		var want struct {
			ID     schemas.ZID `json:"id"`
			Ticket schemas.ZID `json:"ticket_id"`
		}
		var keys map[string]json.RawMessage
		if json.Unmarshal(data, &keys) != nil || keys == nil {
			return
		}
		if !ok {
			t.Fatalf("%s: not seen as an object", data)
		}
		// Keys that differ only in case, are escaped or stand twice are read differently by a full decoding.
		plain := 0
		for k := range keys {
			if k == "id" || k == "ticket_id" {
				plain++
			}
		}
		if json.Unmarshal(data, &want) != nil || plain != 2 || len(keys) != 2 || !json.Valid(data) || countKeys(data) != 2 {
			return
		}
		if want.ID != schemas.ZID(id) || want.Ticket != schemas.ZID(ticket) {
			t.Fatalf("%s: got %d and %d, want %d and %d", data, id, ticket, want.ID, want.Ticket)
		}
	})
}

// countKeys counts members at the top level, repeated ones too.
func countKeys(data []byte) int {
	p := peeker{b: data}
	n := 0
	if !p.skip('{') {
		return -1
	}
	for {
		p.space()
		if _, ok := p.string(); !ok || !p.skip(':') || !p.value() {
			return n
		}
		n++
		if !p.skip(',') {
			return n
		}
	}
}

// FuzzEvent: no event of any kind, however broken, makes the processor fail; it is used, ignored or a dead letter.
func FuzzEvent(f *testing.F) {
	kinds := []schemas.Kind{
		schemas.KindWebhook, schemas.KindTrigger, schemas.KindTicket, schemas.KindAudit, schemas.KindUser, schemas.KindOrganization, schemas.KindRating,
		schemas.KindMetricEvent, schemas.KindGroup, schemas.KindSchedule, schemas.KindTicketField, schemas.KindSource,
	}
	for i, s := range []string{
		`{"type":"zen:event-type:ticket.status_changed","id":"x","time":"2026-03-02T11:00:00Z","subject":"zen:ticket:5","detail":{"id":"5",` +
			`"created_at":"2026-03-02T09:00:00Z","tags":null},"event":{"current":"SOLVED","previous":"OPEN"}}`,
		`{"ticket_id":"5"}`,
		`{"id":5,"subject":"x","status":"open","created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z","custom_fields":[{"id":1,"value":[1]}]}`,
		`{"id":7,"ticket_id":5,"created_at":"2026-03-02T09:00:00Z","author_id":-1,"events":[{"id":1,"type":"Comment","author_id":9,"body":"b",` +
			`"public":true},{"type":"Create","field_name":"status","value":"new"}]}`,
		`{"id":9,"name":"A B","role":"end-user","email":"a@x.test","created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z","phone":"+4930123456"}`,
		`{"id":8,"name":"Org","created_at":"2026-03-02T09:00:00Z"}`,
		`{"id":3,"ticket_id":5,"score":"good","updated_at":"2026-03-02T09:00:00Z"}`,
		`{"id":3,"ticket_id":5,"metric":"reply_time","time":"2026-03-02T09:00:00Z","sla":{"target_in_seconds":1,"policy":{"id":1}}}`,
		`{"id":1,"name":"G"}`,
		`{"id":1,"time_zone":"Berlin","intervals":[{"start_time":0,"end_time":10080}],"holidays":[{"start_date":"2026-01-01","end_date":"2026-01-02"}],"created_at":"2026-03-02T09:00:00Z"}`,
		`{"id":1,"title":"T"}`,
		`{"id":"s","status":"connected","retention":{"days":9}}`,
	} {
		f.Add(byte(i), []byte(s))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		s := newStore()
		at := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)
		base := []schemas.Event{
			{ID: "t", Kind: schemas.KindTicket, Account: testAccount, Source: "s", ReceivedAt: at, Data: []byte(`{"id":5,"status":"open","created_at":"2026-03-02T09:00:00Z"}`)},
			{ID: "f", Kind: kinds[int(kind)%len(kinds)], Account: testAccount, Source: "s", ReceivedAt: at, Data: data},
		}
		s.batches(t, base, 1)
		n := s.outputs
		s.batches(t, base[1:], 1)
		if s.outputs != n {
			t.Fatalf("the same event again emitted %d rows", s.outputs-n)
		}
		for key, b := range s.state { // every row can be read again
			if len(b) == 0 {
				t.Fatalf("empty row %s", key)
			}
		}
		s.lose(t, base)
	})
}
