package reports

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"deskstream/schemas"
)

func (m *memory) Delivery(context.Context, string) (schemas.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.delivery, m.fail
}

func (m *memory) PutDelivery(_ context.Context, d *schemas.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.Revision != m.delivery.Revision {
		return schemas.ErrFenced
	}
	d.Revision++
	m.delivery = *d
	return m.fail
}

func (m *memory) Undelivered(context.Context, string) ([]schemas.Undelivered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]schemas.Undelivered{}, m.dead...), m.fail
}

// TestDeliverIsChecked: a target is a public http address with a secret that no answer shows.
func TestDeliverIsChecked(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	for _, c := range []struct{ deliver, where string }{
		{`{"url":"https://127.0.0.1/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://localhost/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://[::ffff:10.1.2.3]/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://169.254.169.254/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://224.0.0.1/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://0.0.0.0/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://[::ffff:0:7f00:1]/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://192.88.0.1:0/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://192.88.0.1:65536/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"ftp://192.88.0.1/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://me:pass@192.88.0.1/x","secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"secret":"0123456789abcdef"}`, "body.deliver.url"},
		{`{"url":"https://192.88.0.1/x"}`, "body.deliver.secret"},
		{`{"url":"https://192.88.0.1/x","secret":"0123456789abcde"}`, "body.deliver.secret"},
		{`{"url":"https://192.88.0.1/x","secret":"0123456789abcdef","rate":0}`, "body.deliver.rate"},
		{`{"url":"https://192.88.0.1/x","secret":"0123456789abcdef","method":"PUT"}`, "body.deliver"},
	} {
		a.wantProblem(a.call("POST", "/v1/audiences", "people-key", `{"name":"x","filter":`+isAnn+`,"deliver":`+c.deliver+`}`), 422, "invalid-input", c.where+": ")
	}
	var v audienceView
	a.want(201, a.call("POST", "/v1/audiences", "people-key", `{"name":"x","filter":`+isAnn+`,"deliver":{"url":"https://192.88.0.1/x","secret":"0123456789abcdef"}}`), &v)
	stored := string(a.store.settings[schemas.SettingAudience+v.ID].Value)
	if v.Deliver == nil || v.Deliver.Rate != 10 || !strings.Contains(stored, "sealed "+v.ID+"deliver_secret0123456789ABCDEF") || strings.Contains(stored, "0123456789abcdef") {
		t.Errorf("%+v %s", v.Deliver, stored)
	}
	if got := string(a.call("GET", "/v1/audiences/"+v.ID, "people-key", nil).body); strings.Contains(got, "secret") {
		t.Error(got)
	}
	a.want(200, a.call("PATCH", "/v1/audiences/"+v.ID, "people-key", `{"deliver":{"rate":2}}`), &v)
	if v.Deliver == nil || v.Deliver.Rate != 2 || v.Deliver.URL != "https://192.88.0.1/x" {
		t.Errorf("%+v", v.Deliver)
	}
	var after audienceView
	a.want(200, a.call("PATCH", "/v1/audiences/"+v.ID, "people-key", `{"deliver":null}`), &after)
	if after.Deliver != nil {
		t.Errorf("%+v", after.Deliver)
	}
}

// TestDeliveriesAreListed: those that were given up newest first, in pages, and asked for again once.
func TestDeliveriesAreListed(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	v := a.create("x", isAnn)
	path := "/v1/audiences/" + v.ID + "/deliveries"
	a.store.dead = []schemas.Undelivered{{ID: "e_1", Event: "entered", Reason: "answered 400", Seq: 4}, {ID: "e_2", Event: "entered", Reason: "answered 410", Seq: 9}}
	a.store.delivery = schemas.Delivery{Delivered: 5, Dead: 2, LastError: "answered 410", NextAttemptAt: testNow}
	a.wantProblem(a.call("POST", path+"/e_1/retry", "people-key", nil), 409, "no-target")
	a.want(200, a.call("PATCH", "/v1/audiences/"+v.ID, "people-key", `{"deliver":{"url":"https://192.88.0.1/x","secret":"0123456789abcdef"}}`), &v)
	a.wantProblem(a.call("POST", path+"/e_3/retry", "people-key", nil), 404, "no-such-delivery")
	for range 2 {
		a.want(202, a.call("POST", path+"/e_1/retry", "people-key", nil), nil)
	}
	if got, err := json.Marshal(a.store.delivery.Retry); err != nil || string(got) != `["e_1"]` {
		t.Errorf("%s %v", got, err)
	}
	var first, second deliveriesView
	a.get(path+"?limit=1", &first)
	if len(first.Items) != 1 || first.Items[0].ID != "e_2" || first.Items[0].Retrying || first.Delivered != 5 || first.NextAttemptAt == nil || first.NextCursor == nil {
		t.Fatalf("%+v", first)
	}
	a.get(path+"?limit=1&cursor="+*first.NextCursor, &second)
	if len(second.Items) != 1 || second.Items[0].ID != "e_1" || !second.Items[0].Retrying || second.NextCursor != nil {
		t.Errorf("%+v", second)
	}
}
