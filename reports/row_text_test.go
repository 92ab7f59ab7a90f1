package reports

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestRowsAsJSON: the columns that hold a row as JSON say what the others say, all that the reader needs of them.
func TestRowsAsJSON(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	sameAsColumns[schemas.TicketRow](t, s, "tickets", "_facts", "account", "subject_tokens", "description", "external_id", "url", "custom_fields", "is_deleted")
	sameAsColumns[schemas.PersonRow](t, s, "people", "_row", "is_deleted")
}

// sameAsColumns compares a column with the others, but for those that it leaves out.
func sameAsColumns[T any](t *testing.T, s *testServer, table, column string, without ...string) {
	t.Helper()
	var names []string
	for field := range reflect.TypeFor[T]().Fields() {
		names = append(names, field.Tag.Get("ch"))
	}
	rows, err := list[T](t.Context(), s.server, "test", "SELECT "+strings.Join(names, ", ")+" FROM "+table+" FINAL ORDER BY ALL", params{})
	if err != nil || len(rows) < 3 {
		t.Fatal(len(rows), err)
	}
	texts, err := list[struct {
		Text string `ch:"text"`
	}](t.Context(), s.server, "test", "SELECT "+column+" AS text FROM "+table+" FINAL ORDER BY "+strings.Join(names, ", "), params{})
	if err != nil || len(texts) != len(rows) {
		t.Fatal(len(texts), err)
	}
	for i := range rows {
		var whole T
		if err := json.Unmarshal([]byte(texts[i].Text), &whole); err != nil {
			t.Fatalf("%v: %s", err, texts[i].Text)
		}
		var given map[string]any
		if err := json.Unmarshal([]byte(texts[i].Text), &given); err != nil {
			t.Fatal(err)
		}
		got, want := asObject(t, whole), asObject(t, rows[i])
		for _, name := range without {
			delete(got, name)
			delete(want, name)
		}
		for name := range want {
			if _, there := given[name]; !there {
				t.Errorf("%s.%s has no %s", table, column, name)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s.%s is\n%v, the columns are\n%v", table, column, got, want)
		}
	}
}

func asObject(t *testing.T, v any) (o map[string]any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}
