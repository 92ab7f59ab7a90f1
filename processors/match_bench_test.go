package processors

import (
	"fmt"
	"testing"
	"time"

	"deskstream/schemas"
)

// benchNames has one field, attribute and activity of each use.
type benchNames struct{}

func (benchNames) FieldType(path string) (schemas.ValueType, bool) {
	t, ok := map[string]schemas.ValueType{"email": schemas.TypeText, "zendesk.tags": schemas.TypeList, "zendesk.tickets_total": schemas.TypeNumber}[path]
	return t, ok
}

func (benchNames) AttributeType(name string) (schemas.ValueType, bool) {
	t, ok := map[string]schemas.ValueType{"message": schemas.TypeText, "tags": schemas.TypeList}[name]
	return t, ok
}

func (benchNames) Activities() []string { return []string{"ticket-closed"} }
func (benchNames) Fields() []string     { return nil }
func (benchNames) Attributes() []string { return nil }

// BenchmarkMatch: 200 filters on one person with ten activities.
func BenchmarkMatch(b *testing.B) {
	kinds := []string{
		`{"all":[{"field":"zendesk.tags","op":"contains","value":"vip %d"},{"field":"email","op":"is_not","value":"x"}]}`,
		`{"any":[{"field":"zendesk.tickets_total","op":"gt","value":%d},{"not":{"activity":"ticket-closed","op":"has_occurred","within_days":3}}]}`,
		`{"activity":"ticket-closed","op":"has_occurred","within_days":30,"where":[{"attribute":"message","op":"contains_phrase","value":"travel"},{"attribute":"tags","op":"contains","value":"t%d"}]}`,
		`{"activity":"ticket-closed","op":"occurred_times","within_days":30,"times":{"op":"gt","value":%d}}`,
	}
	filters := make([]*schemas.Filter, 200)
	for i := range filters {
		f, err := schemas.ParseFilter(fmt.Appendf(nil, kinds[i%len(kinds)], i), "filter", benchNames{})
		if err != nil {
			b.Fatal(err)
		}
		filters[i] = f
	}
	now := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	fields := map[string]any{"email": "jo@x.test", "zendesk.tags": []string{"vip 4", "beta"}, "zendesk.tickets_total": 7.0}
	attributes := map[string]any{"message": "a message of some words that is about travel insurance", "tags": []string{"t2"}}
	p := &schemas.FilterPerson{
		Field: func(path string) any { return fields[path] },
		Ever:  map[string]schemas.Occurrence{"ticket-closed": {First: now, Last: now, Count: 10}},
	}
	for i := range 10 {
		p.Activities = append(p.Activities, schemas.FilterActivity{
			Activity: "ticket-closed", At: now.AddDate(0, 0, -3*i), Attribute: func(name string) any { return attributes[name] },
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range filters {
			Match(f, p, now, time.UTC)
		}
	}
}
