package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestSnapshotTagsOnce: those who match get the tag beside those they have, who has it or has no room for it is told nothing.
func TestSnapshotTagsOnce(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	custom := func(text string) func(*schemas.PersonRow) { return func(r *schemas.PersonRow) { r.Custom = text } }
	a.person(1, "Ann", nil)
	a.person(2, "Ann", custom(`{"tags":["old"]}`))
	a.person(3, "Ann", custom(`{"tags":["q3","x"]}`))
	a.person(4, "Ann", custom(`{"tags":"word"}`))
	a.person(5, "Bob", nil)
	a.person(6, "Ann", func(r *schemas.PersonRow) { r.Archived = 1 })
	full := a.person(7, "Ann", custom(`{"tags":["`+strings.Repeat("x", maxCustomBytes-5)+`"]}`))
	var got snapshotAnswer
	a.want(200, a.call("POST", "/v1/people/snapshot", "people-key", `{"tag":"q3","filter":`+isAnn+`}`), &got)
	if got.Matched != 5 || got.Tagged != 3 || !slices.Equal(got.Full, []string{full}) {
		t.Errorf("%+v", got)
	}
	var told []string
	for _, e := range a.store.published {
		var c schemas.PersonChange
		if err := json.Unmarshal(e.Data, &c); err != nil || e.Kind != schemas.KindPerson {
			t.Fatalf("%+v %v", e, err)
		}
		told = append(told, fmt.Sprintf("%d %s", c.ID, c.Custom["tags"]))
	}
	slices.Sort(told)
	wantRows(t, told, `1 ["q3"]`, `2 ["old","q3"]`, `4 ["word","q3"]`)
	a.wantProblem(a.call("POST", "/v1/people/snapshot", "people-key", `{"tag":"'","filter":`+isAnn+`}`), 422, "invalid-input", "body.tag")
	a.wantProblem(a.call("POST", "/v1/people/snapshot", "people-key", `{"tag":"x","filter":{"field":"nope","op":"is","value":1}}`), 422, "invalid-input", "body.filter.field")
}
