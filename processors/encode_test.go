package processors

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"deskstream/schemas"
)

// fillRow puts a telling value into every field of a row.
func fillRow(v reflect.Value, n int) {
	for i := range v.NumField() {
		f := v.Field(i)
		at := time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		num := int64(i*n - 3)
		switch f.Interface().(type) {
		case string:
			f.SetString("x\"\\\n\t\r\x01é▇\u2028\xff<&>" + string(rune('a'+i%26)))
		case int64:
			f.SetInt(num)
		case uint8:
			f.SetUint(uint64((i + n) % 2))
		case time.Time:
			f.Set(reflect.ValueOf(at))
		case *time.Time:
			if (i+n)%3 != 0 {
				f.Set(reflect.ValueOf(&at))
			}
		case *int64:
			if (i+n)%3 != 0 {
				f.Set(reflect.ValueOf(&num))
			}
		case []string:
			f.Set(reflect.ValueOf([]string{"a", "ü\""}[:n%3]))
		case []int64:
			f.Set(reflect.ValueOf([]int64{1, -2}[:n%3]))
		default:
			panic(f.Type().String())
		}
	}
}

// TestRowsAreWrittenLikeJSON compares the hand-written rows with encoding/json: same keys, same values.
func TestRowsAreWrittenLikeJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row    any
		encode func(any) []byte
	}{
		{&schemas.Activity{}, func(v any) []byte { return appendActivity(nil, v.(*schemas.Activity)) }},
		{&schemas.TicketRow{}, func(v any) []byte { return ticketText(v.(*schemas.TicketRow)) }},
		{&schemas.TicketEvent{}, func(v any) []byte { return appendTicketEvent(nil, v.(*schemas.TicketEvent)) }},
		{&schemas.Message{}, func(v any) []byte { return appendMessage(nil, v.(*schemas.Message)) }},
		{&schemas.PhraseHits{}, func(v any) []byte { return appendPhraseHits(nil, v.(*schemas.PhraseHits)) }},
		{&schemas.PersonRow{}, func(v any) []byte { return appendPerson(nil, v.(*schemas.PersonRow)) }},
		{&schemas.PersonAlias{}, func(v any) []byte { return appendAlias(nil, v.(*schemas.PersonAlias)) }},
		{&schemas.PersonIdentity{}, func(v any) []byte { return appendIdentity(nil, v.(*schemas.PersonIdentity)) }},
		{&schemas.PersonMerge{}, func(v any) []byte { return appendMerge(nil, v.(*schemas.PersonMerge)) }},
		{&schemas.AudienceMember{}, func(v any) []byte { return appendMember(nil, v.(*schemas.AudienceMember)) }},
		{&schemas.AudienceEntry{}, func(v any) []byte { return appendEntry(nil, v.(*schemas.AudienceEntry)) }},
		{&schemas.PersonStats{}, func(v any) []byte { return appendStats(nil, v.(*schemas.PersonStats)) }},
		{&schemas.PersonActivity{}, func(v any) []byte { return appendPersonActivity(nil, v.(*schemas.PersonActivity)) }},
		{&schemas.ActivityCount{}, func(v any) []byte { return appendActivityCount(nil, v.(*schemas.ActivityCount)) }},
		{&schemas.RatingRow{}, func(v any) []byte { return appendRating(nil, v.(*schemas.RatingRow)) }},
		{&schemas.MetricEventRow{}, func(v any) []byte { return appendMetricEvent(nil, v.(*schemas.MetricEventRow)) }},
		{&schemas.OrganizationRow{}, func(v any) []byte { return appendOrganization(nil, v.(*schemas.OrganizationRow)) }},
		{&schemas.Agent{}, func(v any) []byte { return appendAgent(nil, v.(*schemas.Agent)) }},
		{&schemas.OpeningHours{}, func(v any) []byte { return appendOpeningHours(nil, v.(*schemas.OpeningHours)) }},
		{&schemas.Name{}, func(v any) []byte { return appendName(nil, v.(*schemas.Name)) }},
	} {
		for n := range 6 {
			fillRow(reflect.ValueOf(c.row).Elem(), n)
			want, err := json.Marshal(c.row)
			if err != nil {
				t.Fatal(err)
			}
			got := c.encode(c.row)
			var a, b any
			if err := json.Unmarshal(got, &a); err != nil {
				t.Fatalf("%T: %v: %s", c.row, err, got)
			}
			if err := json.Unmarshal(want, &b); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%T:\n got %s\nwant %s", c.row, got, want)
			}
		}
	}
}

func ticketText(t *schemas.TicketRow) []byte {
	text, _ := appendTicket(nil, t)
	return text
}

// TestNilListsAreEmpty writes lists that are nil as empty ones: the tables have no null lists.
func TestNilListsAreEmpty(t *testing.T) {
	t.Parallel()
	var row map[string]any
	if err := json.Unmarshal(ticketText(&schemas.TicketRow{}), &row); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"tags", "next_reply_s"} {
		if _, ok := row[k].([]any); !ok {
			t.Errorf("%s = %v, want []", k, row[k])
		}
	}
}

func FuzzAppendText(f *testing.F) {
	f.Add("a\"b\\\x00\xff▇")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		want, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		var w string
		if err := json.Unmarshal(want, &w); err != nil || got != w {
			t.Fatalf("%q: got %q, want %q (%v)", s, got, w, err)
		}
	})
}
