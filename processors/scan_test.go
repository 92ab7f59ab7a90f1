package processors

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// usualWebhooks are ones that are read without encoding/json, unusualWebhooks ones that it has to read.
var (
	usualWebhooks = []string{
		`{"type":"zen:event-type:ticket.status_changed","account_id":1,"id":"x","time":"2026-03-02T11:00:00.123456789Z",` +
			`"zendesk_event_version":"2022-11-06","subject":"zen:ticket:5","detail":{"id":"5","actor_id":"-1","assignee_id":null,"brand_id":9,` +
			`"created_at":"2026-03-02T09:00:00+02:00","custom_status":null,"description":"a\nb \u00e4 \ud83d\ude00 ä","external_id":null,` +
			`"form_id":"","group_id":"0","is_public":true,"organization_id":"7","priority":"NORMAL","requester_id":"8","status":"SOLVED",` +
			`"subject":"S","submitter_id":"8","tags":["a","b"],"type":null,"updated_at":"2026-03-02T11:00:00Z","via":{"channel":"email"}},` +
			`"event":{"current":"SOLVED","previous":"OPEN"}}`,
		` { "subject" : "zen:ticket:5", "detail" : { "tags" : null , "via" : "web" , "is_public" : false , ` +
			`"tags_unknown" : [ 1 , -2.5e+3 , { "x" : [ ] } , true , false , null , "\"\u0041" ] } , "event" : { "comment" : { "id" : 7 , "body" : "b" , ` +
			`"is_public" : null , "author" : { "id" : "9" , "name" : "" } } , "meta" : { "sequence" : { "id" : "s" , "position" : 1 } } } , ` +
			`"type" : "t" } `,
		`{"event":{"added":{"tags":[]},"tags_added":["x"],"target_ticket_id":"4","into_ticket_id":5,"ticket":{"id":6},"user":{"id":"7"},` +
			`"organization":null,"comment":null,"current":null,"previous":[1, 2]},"detail":{"via":{"channel":null,"source":{"rel":"merge",` +
			`"from":{}}}}}`,
		`{"event":{"comment":{"body":{"body":"x","plain_body":"y"},"plain_body":"\\\/\b\f\r\t"}},"detail":null,"time":null}`,
		`{}`,
	}
	unusualWebhooks = []string{
		`null`, `[]`, `{"type":"a","type":"b"}`, `{"Type":"a"}`, `{"typ\u0065":"a"}`, "{\"\u017fubject\":\"x\"}", `{"type":1}`, `{"detail":{"id":"5x"}}`, `{"detail":{"id":1.5}}`,
		`{"detail":{"id":true}}`, `{"detail":{"id":"+5"}}`, `{"detail":{"id":" 5"}}`, `{"detail":{"id":"null"}}`, `{"detail":{"id":12345678901234567890}}`, `{"detail":{"id":05}}`,
		`{"detail":{"tags":"x"}}`, `{"detail":{"tags":[null]}}`, `{"detail":{"tags":[1]}}`, `{"detail":{"via":1}}`, `{"detail":{"via":{"channel":5}}}`,
		`{"detail":{"via":{"channel":"nu\u006cl"}}}`, `{"detail":{"via":{"channel":"null"}}}`, `{"detail":{"via":{"source":5}}}`, `{"detail":[]}`,
		`{"time":"yesterday"}`, `{"time":"2026-03-02T11:00:00,5Z"}`, `{"time":"2026-03-02T1:00:00Z"}`, `{"time":"2026-03-02T11:00:0\u0030Z"}`, `{"time":5}`,
		"{\"type\":\"\xff\"}", "{\"event\":{\"current\":\"\xff\"}}", `{"type":"\ud800"}`, `{"type":"\x"}`, "{\"type\":\"\n\"}", `{"x":"\u00zz"}`, `{"x":"\ud800"}`, "{\"x\":\"\xff\"}",
		`{"x":01}`, `{"x":-}`, `{"x":1.}`, `{"x":1e}`, `{"x":truE}`, `{"x":[1,]}`, `{"x":[1 2]}`, `{"x":{"a":1,}}`, `{"x":{"a"}}`, `{"x":1}x`, `{"x":1} {}`, `{"x"`, `{`, ``, `{"x":"`, `{"x":"\`,
		`{"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}`,
		"\ufeff{}", `{"event":{"comment":[]}}`, `{"event":{"meta":{"sequence":{"id":5}}}}`, `{"event":{"ticket":{"id":{}}}}`, `{"is_public":1,"detail":{"is_public":1}}`,
	}
)

// TestScan: the usual form is read at once, and like encoding/json reads it; all else is left to that.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, data := range usualWebhooks {
		if !scansAlike(t, []byte(data)) {
			t.Errorf("%s: not read", data)
		}
	}
	for _, data := range unusualWebhooks {
		scansAlike(t, []byte(data))
	}
}

// FuzzScan: what is read of an envelope is what encoding/json reads.
func FuzzScan(f *testing.F) {
	for _, data := range append(usualWebhooks, unusualWebhooks...) {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { scansAlike(t, data) })
}

// scansAlike says whether the scanner read the envelope. It fails where encoding/json says something else.
func scansAlike(t *testing.T, data []byte) bool {
	t.Helper()
	var got, want ticketEnvelope
	if !got.scan(data) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: something is left of what was not read", data)
		}
		return false
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Errorf("%s: was read, but: %v", data, err)
		return true
	}
	got.Detail.Description, got.Detail.description = string(got.Detail.text()), nil
	for _, x := range []*ticketEnvelope{&got, &want} {
		for _, at := range []*time.Time{&x.Time, &x.Detail.CreatedAt, &x.Detail.UpdatedAt} {
			*at = at.UTC()
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\nread %+v\nwant %+v", data, got, want)
	}
	return true
}
