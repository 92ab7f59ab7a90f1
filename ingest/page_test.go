package ingest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestNextPageOnAnotherHost(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "acme.zendesk.com"}
	res, _ := findResource(schemas.ResourceBrands)
	for next, ok := range map[string]bool{
		"https://acme.zendesk.com/api/v2/brands.json?page=2":              true,
		"https://acme.zendesk.com/api/v2/brands.json?page%5Bafter%5D=abc": true,
		"https://evil.com/api/v2/brands.json?page=2":                      false,
		"http://169.254.169.254/latest/meta-data?page=2":                  false,
		"https://acme.zendesk.com/api/v2/brands.json":                     false,
	} {
		p, err := parsePage(fmt.Appendf(nil, `{"brands":[{"id":1}],"next_page":%q}`, next))
		if err != nil {
			t.Fatal(err)
		}
		cur, end, err := res.advance(schemas.Cursor{}, p, base, testNow, 100)
		if (err == nil) != ok || end {
			t.Errorf("%s: %v, end %t", next, err, end)
		}
		if err != nil {
			continue
		}
		q, err := res.request(cur, testNow, 100)
		if err != nil || q.Get("page") != "2" && q.Get("page[after]") != "abc" {
			t.Errorf("%s: next query %v, %v", next, q, err)
		}
	}
}

func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	s := schemas.Source{Settings: schemas.Settings{ID: testSource, Account: "acme"}}
	p, err := parsePage([]byte(`{"tickets":[{"id":1,"updated_at":"never"},17,{"id":"x"},null,"a"],"end_of_stream":true,"after_cursor":null}`))
	if err != nil {
		t.Fatal(err)
	}
	events, err := newRunner(&Poller{Now: time.Now}, s).ticketEvents(t.Context(), nil, s, p.lists["tickets"], p)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		seen[e.ID] = true
	}
	if len(events) != 5 || len(seen) != 5 || !strings.HasPrefix(events[0].ID, "zd:acme:ticket:1::") || string(events[1].Data) != "17" {
		t.Errorf("%+v", events)
	}
}

// TestUnreadableUsers: what is no object among users and their identities travels on as it is, and the others get their identities.
func TestUnreadableUsers(t *testing.T) {
	t.Parallel()
	p, err := parsePage([]byte(`{"users":[null,17,[],"a",{"id":5},{}],"identities":[null,17,{"id":9,"user_id":5}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range withAllIdentities(p) {
		got = append(got, string(row))
	}
	want := []string{`null`, `17`, `[]`, `"a"`, `{"id":5,"identities":[{"id":9,"user_id":5}]}`, `{"identities":[]}`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParsePageRefuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "[]", "null!", `{"tickets":[1`, `{"end_of_stream":"yes"}`, `{"end_time":"soon"}`, `{"end_time":-1}`, `{"meta":5}`} {
		if _, err := parsePage([]byte(body)); !errors.Is(err, schemas.ErrUnavailable) {
			t.Errorf("%q: %v", body, err)
		}
	}
	res, _ := findResource(schemas.ResourceTickets)
	for _, body := range []string{`{}`, `{"tickets":[]}`, `{"tickets":[],"end_of_stream":false}`} {
		p, err := parsePage([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := res.advance(schemas.Cursor{}, p, nil, testNow, 100); !errors.Is(err, schemas.ErrUnavailable) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("start=1&next=2&after=abc", `{"tickets":[{"id":1}],"after_cursor":"MTY5NTA1MjY2My4wfHwyOHw=","end_of_stream":false}`)
	f.Add("1695052663", `{"tickets":[],"end_time":null,"next_page":"https://acme.zendesk.com/x?page=2","meta":{"has_more":true,"after_cursor":"x"}}`)
	f.Add("page=2", `{"tickets":[{"id":1,"updated_at":"2024-01-01T00:00:00Z"}],"end_time":1,"end_of_stream":true}`)
	base := &url.URL{Scheme: "https", Host: "acme.zendesk.com"}
	f.Fuzz(func(t *testing.T, cursor, body string) {
		if c, err := parseChanged(cursor); err == nil {
			if again, err := parseChanged(c.String()); err != nil || again != c {
				t.Fatalf("%+v comes back as %+v, %v", c, again, err)
			}
		}
		start := time.Unix(1_700_000_000, 0)
		for _, res := range resources {
			res.rows = "tickets"
			cur := schemas.Cursor{Resource: res.name, Cursor: cursor, Start: &start}
			if _, err := res.request(cur, testNow, 100); err != nil && !errors.Is(err, schemas.ErrInvalid) {
				t.Fatal(err)
			}
			p, err := parsePage([]byte(body))
			if err != nil {
				continue
			}
			next, _, err := res.advance(cur, p, base, testNow, 100)
			if err != nil {
				continue
			}
			// A cursor we make must be one we can use.
			if next.Cursor != cursor {
				if _, err := res.request(next, testNow, 100); err != nil {
					t.Fatalf("%s: cursor %q made from %q: %v", res.name, next.Cursor, body, err)
				}
			}
		}
	})
}
