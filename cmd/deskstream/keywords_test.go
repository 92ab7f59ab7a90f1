package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/ingest/zendesktest"
)

// keyword is a saved phrase of the API.
type keyword struct {
	ID     string `json:"id"`
	Phrase string `json:"phrase"`
	Filled bool   `json:"filled"`
}

// talk is an account in which people say random words.
type talk struct {
	*testing.T
	*rand.Rand
	account *zendesktest.Account
	user    int64
	agent   int64
	tickets []int64
}

func newTalk(t *testing.T) *talk {
	t.Helper()
	k := &talk{T: t, Rand: rand.New(rand.NewPCG(3, 4)), account: zendesktest.NewAccount("acme")}
	for _, role := range []string{"admin", "agent", "end-user"} {
		u, err := k.account.CreateUser(time.Now().Add(-240*time.Hour), zendesktest.NewUser{Name: role, Email: role + "@x.test", Role: role})
		k.must(err)
		if k.user = u.ID; role == "agent" {
			k.agent = u.ID
		}
	}
	return k
}

func (k *talk) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *talk) words() string {
	words := make([]string, 1+k.IntN(8))
	for i := range words {
		words[i] = []string{"Refund", "travel", "insurance!", "the", "Travel-Insurance"}[k.IntN(5)]
	}
	return strings.Join(words, " ")
}

// some makes tickets with comments, and then deletes, merges, renames and redacts some of what there is.
func (k *talk) some(n int, from time.Duration) {
	k.Helper()
	at := time.Now().Add(-from)
	for range n {
		at = at.Add(time.Second)
		ticket, err := k.account.CreateTicket(at, zendesktest.NewTicket{Requester: k.user, Subject: k.words(), Body: k.words()})
		k.must(err)
		k.tickets = append(k.tickets, ticket.ID)
		for range k.IntN(3) {
			k.must(k.account.Comment(at, ticket.ID, k.agent, k.words(), k.IntN(2) == 0))
		}
	}
	one := func() int64 { return k.tickets[k.IntN(len(k.tickets))] }
	for range n / 5 {
		// Some of it is refused, as what is deleted or closed cannot be changed.
		_ = k.account.SetSubject(at, one(), k.agent, k.words())
		_ = k.account.SoftDelete(at, one(), k.agent)
		_ = k.account.MergeTickets(at, k.agent, one(), one())
		k.redact(at, one())
	}
}

func (k *talk) redact(at time.Time, ticket int64) {
	audits, err := k.account.Audits(ticket)
	k.must(err)
	for _, a := range audits {
		for _, e := range a.Events {
			if e.Comment != nil {
				_ = k.account.Redact(at, ticket, k.agent, e.Comment.ID)
				return
			}
		}
	}
}

// say writes a last word and waits until the reports know it.
func (k *talk) say(app *App, api *client, word string) {
	k.Helper()
	ticket, err := k.account.CreateTicket(time.Now(), zendesktest.NewTicket{Requester: k.user, Subject: "Last", Body: word})
	k.must(err)
	k.tickets = append(k.tickets, ticket.ID)
	eventually(k, 60*time.Second, func() error {
		if got := report(k, api, "keywords", url.Values{"phrase": {word}}); *got.Totals["messages"] != 1 {
			return fmt.Errorf("%s is not there yet", word)
		}
		return nil
	})
	drained(k, app)
}

// TestSavedPhrasesFollowTheTexts saves phrases before, while and after texts come, change and go. Counted and searched the answers are the
// same, and a phrase that is deleted leaves no counts.
func TestSavedPhrasesFollowTheTexts(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.some(40, 200*time.Hour)
	app, api := startApp(t, serveAccount(t, k.account, "admin@x.test").URL())
	save := func(phrase string) {
		k.Helper()
		k.must(api.call(t.Context(), "POST", "/v1/keywords", map[string]string{"phrase": phrase}, nil))
	}
	save("refund")
	source := connect(t, api, "acme", "admin@x.test", 30)
	save("travel insurance")
	waitSynced(t, api, source)
	save("the")
	k.some(20, time.Hour)
	save("insurance travel")
	k.say(app, api, "finished")
	saved := waitFilled(t, api)
	asked := []url.Values{{}, {"scope": {"any"}}, {"dated_by": {"message"}, "interval": {"day"}}, {"include_deleted": {"true"}, "exclude_merged": {"true"}, "scope": {"any"}}}
	var counted []answer
	for _, q := range asked {
		q["phrase"] = []string{"refund", "Travel insurance", "the", "insurance travel"}
		counted = append(counted, report(t, api, "keywords", q))
	}
	if n := hitRows(t, app); n == 0 {
		t.Fatal("nothing was counted")
	}
	for _, p := range saved {
		k.must(api.call(t.Context(), "DELETE", "/v1/keywords/"+p.ID, nil, nil))
	}
	for i, q := range asked {
		got := report(t, api, "keywords", q)
		got.AsOf = counted[i].AsOf // a second may have passed
		if !reflect.DeepEqual(got, counted[i]) || *got.Totals["occurrences"] == 0 {
			t.Errorf("%v: counted %v, searched %v", q, counted[i].table(), got.table())
		}
	}
	eventually(t, time.Minute, func() error {
		if n := hitRows(t, app); n != 0 {
			return fmt.Errorf("%d rows count deleted phrases", n)
		}
		return nil
	})
}

func waitFilled(t *testing.T, api *client) []keyword {
	t.Helper()
	var list struct {
		Items []keyword `json:"items"`
	}
	eventually(t, 60*time.Second, func() error {
		if err := api.call(t.Context(), "GET", "/v1/keywords", nil, &list); err != nil {
			return err
		}
		for _, p := range list.Items {
			if !p.Filled {
				return fmt.Errorf("%s is not filled", p.Phrase)
			}
		}
		return nil
	})
	return list.Items
}

// hitRows counts the rows that count phrases.
func hitRows(t *testing.T, app *App) (n uint64) {
	t.Helper()
	if err := openDatabase(t, app).QueryRow(t.Context(), "SELECT count() FROM current_phrase_hits").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// openDatabase connects to the program's database until the test ends.
func openDatabase(t *testing.T, app *App) driver.Conn {
	t.Helper()
	o, err := clickhouse.ParseDSN(app.Config.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	db, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
