package stream

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// TestSilentWatchBeginsAnew ends the consumer of a watch by an answer that the client takes as final without telling anybody: what changes later is told
// all the same.
func TestSilentWatchBeginsAnew(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	requests, err := s.o.Conn.SubscribeSync("$JS.API.CONSUMER.MSG.NEXT." + s.events + ".>")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan string, 10)
	go func() { _ = s.WatchAPIKeys(ctx, func(k schemas.Key) { got <- k.ID }) }()
	request, err := requests.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put := func(id string) {
		t.Helper()
		if err := s.PutAPIKey(ctx, schemas.Key{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	put("first")
	if id := <-got; id != "first" {
		t.Fatal(id)
	}
	refusal := nats.NewMsg(request.Reply)
	refusal.Header.Set("Status", "400")
	if err := s.o.Conn.PublishMsg(refusal); err != nil {
		t.Fatal(err)
	}
	put("second")
	for {
		select {
		case id := <-got: // the first comes again, as the newest of its subject
			if id == "second" {
				return
			}
		case <-ctx.Done():
			t.Fatal("what was stored later was not told")
		}
	}
}
