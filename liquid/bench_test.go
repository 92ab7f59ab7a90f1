package liquid_test

import (
	"context"
	"testing"

	stock "github.com/osteele/liquid"

	"deskstream/liquid"
)

// campaignTemplate is a campaign e-mail as marketers write them: greeting with a default, a conditional block, a loop with dates, a table of
// numbers, and a good deal of plain HTML. It only uses what stock osteele/liquid renders too.
const campaignTemplate = `<!doctype html>
<html><head><meta charset="utf-8"><title>{{ campaign.name }}</title></head>
<body style="margin:0;font-family:Arial,sans-serif;background:#f6f7f9">
<table width="600" align="center" cellpadding="0" cellspacing="0">
<tr><td style="padding:24px"><h1>Hi {{ person.first_name | default: "there" | capitalize }},</h1>
<p>Thank you for being with {{ organization.name | default: "us" }} since {{ person.created_at | date: "%B %-d, %Y" }}.</p>
{% if organization.plan == "enterprise" %}<p>Your account manager {{ organization.owner.name }} is happy to help:
<a href="mailto:{{ organization.owner.email }}">{{ organization.owner.email }}</a></p>
{% elsif organization.plan == "team" %}<p>Upgrade to Enterprise and save {{ organization.seats | times: 12 }} dollars a year.</p>
{% else %}<p>Start a trial today.</p>{% endif %}
<h2>Your last tickets</h2>
<table width="100%">
<tr><th>#</th><th>Subject</th><th>Status</th><th>When</th></tr>
{% for a in activities %}<tr class="{% cycle 'odd', 'even' %}">
<td>{{ forloop.index }}</td>
<td><a href="https://support.example.com/tickets/{{ a.ticket.id }}?utm={{ campaign.name | downcase | url_encode }}">{{ a.ticket.subject | truncate: 40 }}</a></td>
<td>{% case a.ticket.status %}{% when "open" %}<b>Open</b>{% when "solved" %}Solved{% else %}{{ a.ticket.status | capitalize }}{% endcase %}</td>
<td>{{ a.occurred_at | date: "%d %b %H:%M" }}</td>
</tr>{% if forloop.last %}<tr><td colspan="4">{{ forloop.length }} tickets</td></tr>{% endif %}
{% else %}<tr><td colspan="4">No tickets. Well done!</td></tr>{% endfor %}
</table>
{% assign total = metrics.tickets.open | plus: metrics.tickets.closed %}
<p>Open: {{ metrics.tickets.open }}, closed: {{ metrics.tickets.closed }}, all: {{ total }},
satisfaction: {{ metrics.csat.percent | round }} %.</p>
{% if total > 10 and metrics.csat.percent < 80 %}<p>We would like to hear from you.</p>{% endif %}
{% unless person.unsubscribed %}<p>Tags: {% for t in person.tags %}{{ t | upcase }}{% unless forloop.last %}, {% endunless %}{% endfor %}</p>{% endunless %}
<p style="color:#888;font-size:11px">You get this mail because {{ person.email }} is subscribed.
<a href="https://example.com/u?e={{ person.email | url_encode }}&amp;c={{ campaign.id }}">Unsubscribe</a></p>
</td></tr></table></body></html>`

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
