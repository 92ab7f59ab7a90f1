package reports

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

type webhookAnswer struct {
	Status string `json:"status" enum:"stored,dropped" doc:"dropped: the source is not connected"`
}

// describeWebhooks puts the address of Zendesk's webhooks into the document. Another stage serves it.
func (s *server) describeWebhooks() {
	header := func(name, doc string, required bool) *huma.Param {
		return &huma.Param{Name: name, In: "header", Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	op := route{
		method: http.MethodPost, path: "/webhooks/zendesk/{source_id}", id: "zendesk-webhook", tag: tagSources, summary: "What Zendesk sends: events it is subscribed to, and triggers",
		detail: "The signature stands for a key. What was stored before is answered as stored again.",
		parameters: []*huma.Param{
			{Name: "source_id", In: "path", Required: true, Description: "Id of the source", Schema: &huma.Schema{Type: huma.TypeString}},
			header("X-Zendesk-Webhook-Signature", "Of the timestamp and the body as it came, by the source's signing secret", true),
			header("X-Zendesk-Webhook-Signature-Timestamp", "RFC 3339, at most 5 minutes from now", true),
			header("X-Zendesk-Webhook-Invocation-Id", "By which a trigger that is sent again is known", false),
		},
	}.operation(s.api)
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{}}}}
	op.Responses["200"] = &huma.Response{Description: "Stored, or dropped", Content: map[string]*huma.MediaType{
		"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[webhookAnswer](), true, "WebhookAnswer")},
	}}
	for status, doc := range map[int]string{
		http.StatusUnauthorized: "The signature is not right, or its timestamp too far from now", http.StatusNotFound: "There is no such source",
		http.StatusMethodNotAllowed: "It was not sent by POST", http.StatusRequestEntityTooLarge: "The body has more than 1 MiB, or than the store takes",
		http.StatusTooManyRequests: "Too many at once; to be sent again", http.StatusRequestHeaderFieldsTooLarge: "The headers have more than 16 KiB",
		http.StatusServiceUnavailable: "It could not be stored; to be sent again",
	} {
		answer := &huma.Response{Description: doc, Content: op.Responses["default"].Content}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			answer.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		op.Responses[strconv.Itoa(status)] = answer
	}
	s.api.OpenAPI().AddOperation(&op)
}
