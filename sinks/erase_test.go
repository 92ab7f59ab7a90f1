package sinks

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// secret is in everything that an erased person said or is.
const secret = "zebra"

// allText joins every column of every row of a table, older versions included.
func allText(t *testing.T, db *DB, table string) string {
	t.Helper()
	rows, err := db.strings(t.Context(), "SELECT toString(tuple(*)) FROM "+table+" SETTINGS asterisk_include_materialized_columns = 1, asterisk_include_alias_columns = 1")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, "\n")
}

// erasedRows writes two versions of everything about user 9, who requested ticket 5 and wrote in ticket 6, and rows of others.
func erasedRows(t *testing.T, db *DB) {
	t.Helper()
	at := day(3)
	write := func(b schemas.Block) {
		t.Helper()
		if err := NewWriter(db, b.Table).Write(t.Context(), b); err != nil {
			t.Fatal(b.Table, err)
		}
	}
	person := func(id, name string, users ...int64) schemas.PersonRow {
		return schemas.PersonRow{
			Account: "acme", PersonID: id, FirstName: name, Email: name + "@x.test", UserIDs: users, OwnIDs: []string{id},
			Zendesk: `{"name":"` + name + `"}`, Custom: "{}", CreatedAt: at, UpdatedAt: at,
		}
	}
	gone := func(id string) schemas.PersonRow {
		return schemas.PersonRow{Account: "acme", PersonID: id, Zendesk: "{}", Custom: "{}", CreatedAt: at, UpdatedAt: at, IsDeleted: 1}
	}
	alias := func(name, id string, deleted uint8) schemas.PersonAlias {
		return schemas.PersonAlias{Account: "acme", Alias: name, PersonID: id, IsDeleted: deleted}
	}
	ticket := func(id, requester int64, text string) schemas.TicketRow {
		return schemas.TicketRow{
			Account: "acme", TicketID: id, RequesterID: requester, CreatedAt: at, UpdatedAt: at, StatusSince: at, Subject: text, SubjectTokens: text, Description: text,
			CustomFields: `{"1":"` + text + `"}`, Details: `{"raw_subject":"` + text + `"}`, CSATComment: text, ExternalID: text, Status: "open", NextReplyS: []int64{}, Replies: 2,
		}
	}
	message := func(id, ticket, author int64, text string) schemas.Message {
		return schemas.Message{Account: "acme", At: at.Add(time.Duration(id) * time.Second), TicketID: ticket, MessageID: id, AuthorID: author, AuthorRole: "end_user", Public: 1, Body: text, Tokens: text}
	}
	act := func(n int, ticket, user int64, slug, attributes, text string) schemas.Activity {
		a := activity(n, at)
		a.TicketID, a.UserID, a.Activity, a.Attributes, a.Subject, a.Message = ticket, user, slug, attributes, text, text
		a.Text = "Ticket #5 rated good: " + text
		return a
	}
	// A block keeps one version of a row: those of one row come in blocks of their own.
	write(pack(t, schemas.TablePeople, 10, person("p_9", secret, 9), person("p_8", "other", 8)))
	write(pack(t, schemas.TablePeople, 12, person("p_9", secret+"2", 9)))
	write(pack(t, schemas.TablePeople, 13, gone("p_9")))
	write(pack(t, schemas.TablePersonAliases, 20, alias("email:"+secret+"@x.test", "p_9", 0), alias("email:shared@x.test", "p_9", 0), alias("zendesk:9", "p_9", 1)))
	write(pack(t, schemas.TablePersonAliases, 23, alias("email:"+secret+"@x.test", "p_9", 1), alias("external:"+secret, "p_9", 1), alias("p_9", "p_9", 0),
		alias("email:shared@x.test", "p_8", 0), alias("email:other@x.test", "p_8", 0)))
	write(pack(t, schemas.TablePersonIdentities, 28, schemas.PersonIdentity{Account: "acme", Kind: "email", Value: secret, UserID: 9, CreatedAt: at},
		schemas.PersonIdentity{Account: "acme", Kind: "email", Value: "other", UserID: 8, CreatedAt: at}))
	write(pack(t, schemas.TableAgents, 30, schemas.Agent{Account: "acme", UserID: 9, Name: secret, Email: secret, Role: "agent", UpdatedAt: at}))
	write(pack(t, schemas.TablePersonStats, 40, schemas.PersonStats{Account: "acme", UserID: 9, TicketsTotal: 1, LastSubject: secret, LastTicketID: 5}))
	write(pack(t, schemas.TableTickets, 50, ticket(5, 9, secret), ticket(6, 8, "other"), ticket(7, 8, "other")))
	write(pack(t, schemas.TableTickets, 53, ticket(5, 9, secret+" again")))
	write(pack(t, schemas.TableMessages, 60, message(1, 5, 9, secret), message(2, 5, 1, "Dear "+secret), message(3, 6, 8, "other"), message(4, 6, 9, secret), message(5, 7, 9, secret)))
	write(pack(t, schemas.TableAudienceEntries, 75,
		schemas.AudienceEntry{Account: "acme", AudienceID: "a", EntryID: "1", PersonID: "p_9", Event: "entered", At: at, Attributes: `{"subject":"` + secret + `"}`},
		schemas.AudienceEntry{Account: "acme", AudienceID: "a", EntryID: "2", PersonID: "p_8", Event: "entered", At: at, Attributes: `{"actor_id":9,"message":"` + secret + `"}`},
		schemas.AudienceEntry{Account: "acme", AudienceID: "a", EntryID: "3", PersonID: "p_8", Event: "entered", At: at, Attributes: `{"actor_id":8,"subject":"other"}`}))
	write(pack(t, schemas.TableRatings, 70, schemas.RatingRow{Account: "acme", RatingID: 1, TicketID: 5, RequesterID: 9, Score: "good", Comment: secret, CreatedAt: at, UpdatedAt: at}))
	write(pack(t, schemas.TableActivities, 80,
		act(1, 5, 9, "satisfaction-rating-received", `{"rating-id":"1","score":"good","comment":"a \"`+secret+`\" \\","reason":"r"}`, secret),
		act(2, 5, 9, "ticket-subject-changed", `{"previous-subject":"`+secret+`"}`, secret), act(3, 0, 9, "contact-updated", `{"changed-fields":["name"]}`, secret),
		act(4, 6, 8, "ticket-message-received", `{"message-id":"3","author-id":"9"}`, secret), act(5, 7, 8, "ticket-created", `{}`, "other"),
		act(6, 0, 9, "field-changed", `{"field":"email","old-value":"`+secret+`","new-value":"\"`+secret+`"}`, secret)))
}

// TestEraseLeavesNoVersion: no version of any row holds what the person said or is, every row that is counted stays, and others keep theirs. A row of several
// versions is one that was removed.
func TestEraseLeavesNoVersion(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	erasedRows(t, db)
	e := &schemas.Erasure{Account: "acme", UserIDs: []int64{9}, OwnIDs: []string{"p_9"}}
	var err error
	if e.Tickets, e.Others, err = db.FindErased(t.Context(), e); err != nil || !slices.Equal(e.Tickets, []int64{5}) || !slices.Equal(e.Others, []int64{6, 7}) {
		t.Fatalf("tickets %v and %v: %v", e.Tickets, e.Others, err)
	}
	before := map[string]uint64{}
	for _, table := range schemas.Tables {
		before[table] = count(t, db, table)
	}
	counted, err := db.CountErased(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	removed, err := db.Erase(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]uint64{
		schemas.TablePeople: 1, schemas.TablePersonAliases: 4, schemas.TablePersonIdentities: 1, schemas.TableAgents: 1, schemas.TablePersonStats: 1, schemas.TableTickets: 2, schemas.TableMessages: 4,
		schemas.TableRatings: 1, schemas.TableActivities: 5, schemas.TableAudienceEntries: 2,
	} {
		if removed[table] != want || counted[table] != want {
			t.Errorf("%s: %d rows are said to be removed, counted were %d, want %d", table, removed[table], counted[table], want)
		}
	}
	versions := map[string]uint64{schemas.TablePeople: 3, schemas.TablePersonAliases: 5, schemas.TablePersonIdentities: 1} // these go
	for _, table := range schemas.Tables {
		text := allText(t, db, table)
		// The subject of another's ticket is not the person's.
		if table == schemas.TableActivities {
			text = strings.ReplaceAll(text, "'"+secret+"','',['printer','fire'],'Ticket #5 rated good: "+secret+"'", "")
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s still holds it: %s", table, text)
		}
		if n, left := count(t, db, table), before[table]-versions[table]; n != left {
			t.Errorf("%s: %d rows are left, want %d", table, n, left)
		}
	}
	for query, want := range map[string]uint64{
		"audience_entries WHERE attributes = '{}'":                                                                    2,
		"tickets WHERE ticket_id = 7 AND subject = 'other' AND description = ''":                                      1,
		"tickets WHERE subject = 'other' AND description = 'other'":                                                   1,
		"messages WHERE body = 'other'":                                                                               1,
		"person_aliases FINAL WHERE alias = 'email:shared@x.test' AND person_id = 'p_8'":                              1,
		"person_aliases FINAL WHERE alias = 'p_9'":                                                                    1,
		`activities WHERE attributes = '{"rating-id":"1","score":"good","comment":"","reason":"r"}' AND subject = ''`: 1,
		`activities WHERE attributes = '{"changed-fields":["name"]}' AND text = 'Ticket #5 rated good'`:               1,
		"activities WHERE ticket_id = 6 AND message = '' AND subject != ''":                                           1,
	} {
		if n := count(t, db, query); n != want {
			t.Errorf("%s: %d rows, want %d", query, n, want)
		}
	}
	if again, err := db.Erase(t.Context(), e); err != nil || len(again) != 0 {
		t.Errorf("the second time: %v, %v", again, err)
	}
}

// TestReceiptCountsOnceOverManyTickets: a person whose tickets are more than a statement names is one row, and so is what it wrote elsewhere.
func TestReceiptCountsOnceOverManyTickets(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	erasedRows(t, db)
	e := &schemas.Erasure{Account: "acme", UserIDs: []int64{9}, OwnIDs: []string{"p_9"}, Tickets: []int64{5}, Others: []int64{6, 7}}
	want, err := db.CountErased(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for id := range int64(3 * eraseTickets) {
		e.Tickets = append(e.Tickets, 100+id)
	}
	for _, count := range []func(context.Context, *schemas.Erasure) (map[string]uint64, error){db.CountErased, db.Erase} {
		got, err := count(t.Context(), e)
		if maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 }); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}
