package reports

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// TestLowerCaseIsOne: Go and ClickHouse bring every sign of the first two planes, and all words of them, into the same lower case, wherever in
// a word it stands. Signs that are newer than Go's tables are left out: Go knows no case of them.
func TestLowerCaseIsOne(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	var signs []rune
	var texts []string
	for r := range rune(0x20000) {
		if unicode.IsGraphic(r) {
			c := string(r)
			signs = append(signs, r)
			texts = append(texts, strings.Join([]string{c, c + c, "A" + c, c + "A", "a" + c + "b", "I" + c, c + "\u0307"}, " "))
		}
	}
	p := params{}
	p.texts("texts", texts)
	var lower, tokens []string
	statement := "SELECT arrayMap(x -> " + lowerOf("x") + ", texts), arrayMap(x -> " + tokensOf("x") + ", texts) FROM (SELECT {texts:Array(String)} AS texts)"
	err := s.queryWithin(t.Context(), time.Minute, 0, "lower", statement, p, func(rows driver.Rows) error { return rows.Scan(&lower, &tokens) })
	if err != nil || len(lower) != len(texts) || len(tokens) != len(texts) {
		t.Fatal(len(lower), len(tokens), err)
	}
	var otherCase, otherWords []rune
	for i, text := range texts {
		if lower[i] != schemas.Lower(text) {
			otherCase = append(otherCase, signs[i])
		}
		if tokens[i] != " "+schemas.Tokens(text)+" " {
			otherWords = append(otherWords, signs[i])
		}
	}
	if len(otherCase)+len(otherWords) > 0 {
		t.Errorf("Go and ClickHouse differ in the lower case of %U and in words with %U", otherCase, otherWords)
	}
}

// TestStatementsLowerInOneWay: no statement has a lower case of its own.
func TestStatementsLowerInOneWay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("sql/*.sql")
	migrations, fault := filepath.Glob("../schemas/migrations/*.sql")
	if err = cmp.Or(err, fault); err != nil {
		t.Fatal(err)
	}
	begin, end, _ := strings.Cut(lowerOf("|"), "|")
	places := 0
	for _, file := range append(files, migrations...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := strings.Count(string(text), "lowerUTF8")
		if strings.Count(string(text), begin) != n || strings.Count(string(text), end) != n {
			t.Errorf("%s has another lower case than %s", file, lowerOf("text"))
		}
		places += n
	}
	if places == 0 {
		t.Error("nothing was looked at")
	}
}

// idsOf gives the ids of a list, sorted.
func (s *testServer) idsOf(path string) string {
	s.t.Helper()
	var list page[map[string]any]
	s.get(path, &list)
	var ids []string
	for _, item := range list.Items {
		ids = append(ids, item["id"].(string))
	}
	slices.Sort(ids)
	return strings.Join(ids, ",")
}

// TestFoundWhateverTheCase: people and organizations are found by their own spelling and by any other one that differs in case only, by q
// and by filters, and an audience of the filter says the same.
func TestFoundWhateverTheCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for i, name := range []string{"İbrahim", "ΓΙΏΡΓΟΣ", "Γιώργος", "Strauß", "\u212aelvin"} {
		id := int64(i + 1)
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: fmt.Sprint("p", id), FirstName: name, Email: fmt.Sprint(id, "@x.test"), UserIDs: []int64{id}, OwnIDs: []string{fmt.Sprint("p", id)},
			Zendesk: "{}", Custom: fmt.Sprintf(`{"names":[%q]}`, name),
		})
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: fmt.Sprint("p", id), PersonID: fmt.Sprint("p", id)})
		insertInto(t, s.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: id, Name: name + " Ltd", Zendesk: "{}"})
		insertInto(t, s.db, schemas.TableActivities, schemas.Activity{
			Account: testAccount, Activity: "ticket-created", OccurredAt: testNow.Add(-time.Hour), ActivityID: fmt.Sprint("a", id), UserID: id, Subject: "From " + name + "!",
			Tags: []string{name}, Attributes: "{}", ExpiresAt: testNow.AddDate(50, 0, 0), // far off, or ClickHouse drops it
		})
	}
	const field, activity = `{"field":"%s","op":"%s","value":%q}`, `{"activity":"ticket-created","op":"has_occurred","where":[{"attribute":"%s","op":"%s","value":%q}]}`
	for spelling, want := range map[string]string{
		"İbrahim": "p1", "ibrahim": "p1", "I\u0307BRAHIM": "p1", "i\u0307brahim": "p1", "ıbrahim": "",
		"ΓΙΏΡΓΟΣ": "p2,p3", "Γιώργος": "p2,p3", "STRAUẞ": "p4", "strauss": "", "kelvin": "p5",
	} {
		if got := s.idsOf("/v1/people?columns=id&q=" + url.QueryEscape(spelling)); got != want {
			t.Errorf("people, q=%s: %s, want %s", spelling, got, want)
		}
		if got := s.idsOf("/v1/organizations?q=" + url.QueryEscape(spelling)); got != strings.ReplaceAll(want, "p", "") {
			t.Errorf("organizations, q=%s: %s, want %s", spelling, got, want)
		}
		for _, filter := range []string{
			fmt.Sprintf(field, "first_name", "is", spelling), fmt.Sprintf(field, "first_name", "starts_with", spelling), fmt.Sprintf(field, "custom.names", "contains", spelling),
			fmt.Sprintf(activity, "subject", "contains_phrase", spelling), fmt.Sprintf(activity, "tags", "contains", spelling),
		} {
			if got := s.idsOf("/v1/people?columns=id&filter=" + url.QueryEscape(filter)); got != want {
				t.Errorf("%s: %s, want %s", filter, got, want)
			}
			person := fmt.Sprint("p", 1+strings.Count(want, ",")) // p1 or p2
			var e explanation
			s.want(200, s.call("POST", "/v1/audiences/explain", "people-key", fmt.Sprintf(`{"person":%q,"filter":%s}`, person, filter)), &e)
			if e.Matches != strings.Contains(want, person) {
				t.Errorf("%s: %s matches: %v, want %s", filter, person, e.Matches, want)
			}
		}
	}
}

// TestPhrasesWhateverTheCase: a phrase (M29) finds what is spelled in another case, in the report and in its view.
func TestPhrasesWhateverTheCase(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	created := testNow.AddDate(0, 0, -2)
	for i, text := range []string{
		"Σίσυφος", "ΣΊΣΥΦΟΣ!", "ο Σίσυφος, ο ΣΊΣΥΦΟΣ", "ΌΣΟΣ", "όσος", "İstanbul", "I\u0307STANBUL", "istanbul", "i\u0307stanbul", "ıstanbul", "Straße", "STRASSE", "\u212aelvin", "KELVIN",
	} {
		id := int64(i + 1)
		insertInto(t, s.db, schemas.TableTickets, schemas.TicketRow{
			Account: testAccount, TicketID: id, CreatedAt: created, UpdatedAt: created, StatusSince: created, Status: "open", Subject: text, SubjectTokens: schemas.Tokens(text),
		})
		insertInto(t, s.db, schemas.TableMessages, schemas.Message{
			Account: testAccount, At: created, TicketID: id, MessageID: id, Public: 1, Body: text, Tokens: schemas.Tokens(text), TicketCreatedAt: created,
		})
	}
	day := created.Format(time.DateOnly)
	for phrase, want := range map[string][2]uint64{
		"Σίσυφος": {3, 4}, "ΣΊΣΥΦΟΣ": {3, 4}, "ο Σίσυφος": {1, 2}, "ΌΣΟΣ": {2, 2}, "όσος": {2, 2}, "İstanbul": {4, 4}, "ISTANBUL": {4, 4},
		"i\u0307stanbul": {4, 4}, "ıstanbul": {1, 1}, "STRAẞE": {1, 1}, "\u212aELVIN": {2, 2},
	} {
		var a reportAnswer
		s.get("/v1/reports/keywords?from="+day+"&to="+day+"&phrase="+url.QueryEscape(phrase), &a)
		var v [3]uint64
		if err := s.db.QueryRow(t.Context(), fmt.Sprintf("SELECT sum(tickets_subject), sum(messages), sum(occurrences) FROM report_keywords(phrase = '%s', from = '%s 00:00:00', "+
			"to = '%s 00:00:00', tz = 'UTC', interval = '', group_by = '')", phrase, day, created.AddDate(0, 0, 1).Format(time.DateOnly))).Scan(&v[0], &v[1], &v[2]); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"tickets_subject", "messages", "occurrences"} {
			n := want[i/2]
			if *a.Totals[name] != float64(n) || v[i] != n {
				t.Errorf("%+q: %s is %v, in the view %d, want %d", phrase, name, *a.Totals[name], v[i], n)
			}
		}
	}
}
