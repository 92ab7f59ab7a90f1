package liquid_test

import (
	"context"
	_ "embed" // the campaign
	"testing"

	stock "github.com/osteele/liquid"

	"deskstream/liquid"
)

// campaignTemplate is a campaign e-mail as marketers write them: greeting with a default, a conditional block, a loop with dates, a table of
// numbers, and a good deal of plain HTML. It only uses what stock osteele/liquid renders too.
//
//go:embed testdata/campaign.liquid
var campaignTemplate string

// campaignJSON is campaignData as the render endpoint gets it.
//
//go:embed testdata/campaign.json
var campaignJSON []byte

func campaignData() map[string]any {
	activities := make([]any, 20)
	statuses := []any{"open", "solved", "pending", "hold"}
	for i := range activities {
		activities[i] = map[string]any{
			"kind":        "zendesk.ticket-closed",
			"occurred_at": "2026-03-04T15:06:07Z",
			"ticket": map[string]any{
				"id": 1000 + i, "status": statuses[i%4], "subject": "Printer on the third floor does not answer & blinks <red>",
			},
		}
	}
	return map[string]any{
		"campaign":     map[string]any{"id": 7, "name": "Spring News"},
		"person":       map[string]any{"first_name": "jo", "email": "jo@example.com", "created_at": "2024-01-02T00:00:00Z", "tags": []any{"vip", "beta", "emea"}},
		"organization": map[string]any{"name": "Smith & Sons", "plan": "team", "seats": 12, "owner": map[string]any{"name": "Ann", "email": "ann@example.com"}},
		"activities":   activities,
		"metrics":      map[string]any{"tickets": map[string]any{"open": 4, "closed": 17}, "csat": map[string]any{"percent": 71.4}},
	}
}

// TestCampaignJSON checks that the two forms of the campaign's data are the same to a template.
func TestCampaignJSON(t *testing.T) {
	t.Parallel()
	data, err := liquid.DecodeData(campaignJSON)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"html": campaignTemplate}
	if a, b := render(t, liquid.Request{Parts: parts, Data: data}), render(t, liquid.Request{Parts: parts, Data: campaignData()}); a.Parts["html"] != b.Parts["html"] {
		t.Errorf("from JSON\n%s\nfrom Go\n%s", a.Parts["html"], b.Parts["html"])
	}
}

// BenchmarkCampaign renders the campaign e-mail with limits, escaping and the used and missing lists.
func BenchmarkCampaign(b *testing.B) {
	r := &liquid.Renderer{}
	data := campaignData()
	req := liquid.Request{Parts: map[string]string{"html": campaignTemplate}, Data: data}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(context.Background(), req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStock renders the same with the stock library, parsed once, without limits or escaping.
func BenchmarkStock(b *testing.B) {
	t, err := stock.NewEngine().ParseString(campaignTemplate)
	if err != nil {
		b.Fatal(err)
	}
	data := campaignData()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse parses the campaign e-mail without the cache.
func BenchmarkParse(b *testing.B) {
	r := &liquid.Renderer{CacheEntries: -1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Variables(map[string]string{"html": campaignTemplate}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
