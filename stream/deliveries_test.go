package stream

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// putEntry stores an entry of an audience as a processor would and gives its position.
func putEntry(t *testing.T, s *Stream, audience, id, attributes string) uint64 {
	t.Helper()
	m := &nats.Msg{Subject: schemas.SubjectAudience(audience, "entered"), Header: nats.Header{headerGen: {"3"}}}
	return storeJSON(t, s, m, schemas.AudienceEntry{AudienceID: audience, EntryID: id, Attributes: attributes})
}

// TestEntriesAreKeptForDeliveries: neither the janitor nor an erasure takes entries that are still to be posted, but those that it names.
func TestEntriesAreKeptForDeliveries(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	putEntry(t, s, "a", "e_1", "{}")
	second := putEntry(t, s, "a", "e_2", `{"secret":1}`)
	third := putEntry(t, s, "a", "e_3", "{}")
	d := schemas.Delivery{Audience: "a", Seq: second - 1}
	rival := d
	if err := s.PutDelivery(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if err := s.PutDelivery(t.Context(), &rival); !errors.Is(err, schemas.ErrFenced) {
		t.Errorf("a second first write: %v", err)
	}
	if below, err := s.undelivered(t.Context(), schemas.TableAudienceEntries, third+1); err != nil || below != second {
		t.Errorf("kept from %d on, want %d: %v", below, second, err)
	}
	if below, err := s.undelivered(t.Context(), schemas.TableActivities, third+1); err != nil || below != third+1 {
		t.Errorf("activities are kept from %d on: %v", below, err)
	}
	if err := s.dropEntries(t.Context(), second, third+1, func(activity []byte) bool { return bytes.Contains(activity, []byte("secret")) }); err != nil {
		t.Fatal(err)
	}
	if e, found, err := s.NextEntry(t.Context(), "a", second-1); err != nil || !found || e.EntryID != "e_3" || e.Seq != third || e.Gen != 3 {
		t.Errorf("%+v %v %v", e, found, err)
	}
	if e, found, err := s.NextEntry(t.Context(), "a", third+1000); err != nil || !found || e.EntryID != "e_1" {
		t.Errorf("a stream made anew: %+v %v %v", e, found, err)
	}
	d.Ended = true
	if err := s.PutDelivery(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if below, err := s.undelivered(t.Context(), schemas.TableAudienceEntries, third+1); err != nil || below != third+1 {
		t.Errorf("an ended delivery keeps entries from %d on: %v", below, err)
	}
}

// TestUndeliveredEntries: one record an entry, oldest first, removed one by one.
func TestUndeliveredEntries(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	for _, u := range []schemas.Undelivered{{ID: "e_1", Reason: "x"}, {ID: "e_2"}, {ID: "e_1", Reason: "y", FailedAt: time.Unix(1, 0).UTC()}} {
		u.Audience = "a"
		if err := s.PutUndelivered(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Undelivered(t.Context(), "a")
	if err != nil || len(all) != 2 || all[0].ID != "e_2" || all[1].Reason != "y" || all[0].Seq >= all[1].Seq {
		t.Fatalf("%+v %v", all, err)
	}
	if err := s.DropUndelivered(t.Context(), "a", "e_2"); err != nil {
		t.Fatal(err)
	}
	if all, err = s.Undelivered(t.Context(), "a"); err != nil || len(all) != 1 || all[0].ID != "e_1" {
		t.Errorf("%+v %v", all, err)
	}
}
