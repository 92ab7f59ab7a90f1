package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// unreplaced stores a record as a crash leaves it that comes when the server has stored it, and not yet removed the one before.
func unreplaced(t *testing.T, s *Stream, subject string, record any) uint64 {
	t.Helper()
	return storeJSON(t, s, &nats.Msg{Subject: subject}, record)
}

// storeJSON stores a message with a value as its data and gives its position.
func storeJSON(t *testing.T, s *Stream, m *nats.Msg, value any) uint64 {
	t.Helper()
	var err error
	if m.Data, err = json.Marshal(value); err != nil {
		t.Fatal(err)
	}
	a, err := s.store(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return a.Seq
}

// TestRecordsBesideTheirOlderForms: where a crash left an older form of a record, everybody goes by the newest. A poller that read the older
// cursor would be fenced off for ever.
func TestRecordsBesideTheirOlderForms(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	ctx := t.Context()
	var cursor uint64
	for i := range 2 {
		at := time.Unix(int64(1000+i), 0).UTC()
		unreplaced(t, s, cursorSubject("src", "users"), schemas.Cursor{Resource: "users", Cursor: strconv.Itoa(i)})
		cursor = unreplaced(t, s, cursorSubject("src", "tickets"), schemas.Cursor{Resource: "tickets", Cursor: strconv.Itoa(i)})
		unreplaced(t, s, schemas.SubjectSource("src"), schemas.Source{Settings: schemas.Settings{ID: "src", Account: "acme", Name: strconv.Itoa(i)}})
		unreplaced(t, s, schemas.SubjectKey("k"), schemas.Key{ID: "k", Name: strconv.Itoa(i)})
		unreplaced(t, s, schemas.SubjectSetting(schemas.Token("fields")), i)
		unreplaced(t, s, schemas.SubjectErasure("e"), schemas.Erasure{ID: "e", Account: strconv.Itoa(i), RequestedAt: at})
		unreplaced(t, s, schemas.SubjectUndelivered("a", "x"), schemas.Undelivered{Reason: strconv.Itoa(i)})
	}
	got := map[string]string{}
	note := func(what string, n int, newest any, err error) {
		got[what] = fmt.Sprint(n, " ", newest, " ", err)
	}
	cursors, err := s.Cursors(ctx, "src")
	note("cursors", len(cursors), cursors[0].Cursor+cursors[1].Cursor, err)
	sources, err := s.Sources(ctx)
	note("sources", len(sources), sources[0].Name, err)
	keys, err := s.APIKeys(ctx)
	note("keys", len(keys), keys[0].Name, err)
	settings, err := s.Settings(ctx, "")
	note("settings", len(settings), string(settings[0].Value), err)
	erasures, err := s.Erasures(ctx)
	note("erasures", len(erasures), erasures[0].Account, err)
	undelivered, err := s.Undelivered(ctx, "a")
	note("undelivered", len(undelivered), undelivered[0].Reason, err)
	for what, want := range map[string]string{
		"cursors": "2 11 <nil>", "sources": "1 1 <nil>", "keys": "1 1 <nil>", "settings": "1 1 <nil>", "erasures": "1 1 <nil>", "undelivered": "1 1 <nil>",
	} {
		if got[what] != want {
			t.Errorf("%s: %s, want %s", what, got[what], want)
		}
	}
	if cursors[1].Revision != cursor {
		t.Errorf("the cursor of tickets has revision %d, want %d", cursors[1].Revision, cursor)
	}
	next, err := s.PutCursor(ctx, "src", cursors[1])
	if err != nil {
		t.Errorf("a poller cannot go on: %v", err)
	}
	if n, err := s.count(ctx, s.events, cursorSubject("src", "tickets"), 1); n != 1 || err != nil {
		t.Errorf("%d forms of the cursor are left behind revision %d, %v", n, next.Revision, err)
	}
}

// TestRowsBesideTheirOlderForms: who looks a row up gets the newest, and a scrub removes the older one even while its newest form is stored
// again and again.
func TestRowsBesideTheirOlderForms(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	subject := s.state(0, "c.hot")
	old := unreplaced(t, s, subject, "old")
	unreplaced(t, s, subject, "new")
	file, err := newRowFile(t.TempDir(), []string{"c.*"}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	l := &loop{s: s}
	if all, err := l.copyRows(t.Context(), file, old); err != nil || !all {
		t.Fatal(all, err)
	}
	if rows := l.replaced.take(); len(rows) != 1 || rows[0].seq != old {
		t.Errorf("%v are to be removed, want %d", rows, old)
	}
	if row, ok := file.get("c.hot"); !ok || !bytes.Equal(row, []byte(`"new"`)) {
		t.Errorf("the row is looked up as %s", row)
	}
	if err := s.restate(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if m, found, err := s.next(t.Context(), s.txn, subject, 1); err != nil || !found || string(m.data) != `"new"` || m.pending != 0 {
		t.Errorf("behind a scrub the first form is %s, %d are behind it (%v)", m.data, m.pending, err)
	}
}
