package processors

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"deskstream/schemas"
)

// tells tells custom fields of a minute of March 10th, as many as given from first on, 50 at a time.
func (s *scene) tells(id int64, minute, first, n int, value string) {
	s.t.Helper()
	for ; n > 0; first, n = first+50, n-50 {
		var list []string
		for i := range min(n, 50) {
			list = append(list, fmt.Sprintf(`"f%03d":%s`, first+i, value))
		}
		s.chose(int(id), minute, `,"custom":{`+strings.Join(list, ",")+`}`)
	}
}

// fields gives the custom fields of a person.
func (s *scene) fields(id int64) map[string]any {
	s.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(s.custom(id)), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestRowsOfPeopleFit: whatever was told of those who turn out to be one person, their row fits into one output, so that nothing of what an event
// says is lost: of their custom fields those go that were told first, and of Zendesk's what has no bound.
func TestRowsOfPeopleFit(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email = true })
	odd := strings.Repeat(`\u0001`, maxText/2)
	var fields []string
	for i := range 30 {
		fields = append(fields, fmt.Sprintf(`"z%d":%q`, i, strings.Repeat(`"`, 2000)))
	}
	long := `"` + strings.Repeat(`\"`, 2046) + `"`
	for id := range 2 {
		s.user(id+1, 1, `,"name":"A","details":"`+odd+`","notes":"`+odd+`","user_fields":{`+strings.Join(fields, ",")+`}`)
		s.tells(int64(id+1), id+1, id*200, 100, long)
	}
	s.chose(1, 3, `,"email":false,"custom":{"last":1}`)
	s.linked(1, 4, false, 2)
	s.want("dead letters", s.dead, "[]")
	row, err := json.Marshal(s.person(1))
	if err != nil || len(row) > 2093056 {
		t.Fatalf("the row has %d bytes (%v)", len(row), err)
	}
	s.want("unsubscribed", s.allows(1), []any{flag(false), flag(false), flag(false)})
	got := s.fields(1)
	s.want("told last", []any{got["last"], got["f299"] != nil, got["f000"]}, []any{1.0, true, nil})
	if n := len(got); n < 110 || n > 130 {
		t.Errorf("%d fields are left", n)
	}
	s.linked(1, 5, true, 2)
	s.want("apart again", []int{len(s.fields(1)), len(s.fields(2))}, []int{1 + 100, 100})
}

// TestRemovedFieldsMakeRoom: that a field was taken away is remembered, so that an older word does not bring it back, until its place is needed; the
// one that was taken away first goes.
func TestRemovedFieldsMakeRoom(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A"`)
	s.tells(1, 1, 0, 200, `"x"`)
	s.want("all", len(s.fields(1)), 200)
	s.tells(1, 5, 0, 200, `null`)
	s.tells(1, 6, 200, 200, `"y"`)
	s.want("others", len(s.fields(1)), 200)
	s.tells(1, 4, 0, 200, `"late"`)
	s.want("older words", len(s.fields(1)), 200)
	s.tells(1, 7, 200, 200, `null`)
	s.tells(1, 8, 400, 150, `"z"`)
	s.want("more than all names ever used", len(s.fields(1)), 150)
	s.tells(1, 4, 150, 50, `"late"`)
	s.tells(1, 4, 200, 200, `"late"`)
	s.want("older words of those that are remembered", len(s.fields(1)), 150)
	s.tells(1, 4, 600, 1, `null`)
	s.want("the first of them goes", len(s.fields(1)), 150)
	s.tells(1, 9, 0, 50, `"again"`)
	s.want("one used again", len(s.fields(1)), 200)
}

// TestFieldsOfManyAreShown: people with as many fields as one may be given show all of them when they are one.
func TestFieldsOfManyAreShown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A"`)
	s.user(2, 2, `,"name":"B"`)
	s.tells(1, 1, 0, 200, `"x"`)
	s.tells(2, 1, 150, 200, `"y"`)
	s.linked(1, 4, false, 2)
	got := s.fields(1)
	s.want("together", []any{len(got), got["f150"], got["f349"]}, []any{350, "x", "y"})
}
