package reports

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestR14_RetentionPreview: a preview says what would be lost and what would have to be read again, and changes nothing.
func TestR14_RetentionPreview(t *testing.T) {
	t.Parallel()
	s := readOnly(t).as(t)
	path := "/v1/sources/" + testSource + "/retention/preview"
	var p retentionPreview
	for name, filter := range map[string]string{
		"created": `{"any":[{"field":"email","op":"has_value"},{"not":{"activity":"ticket-created","op":"has_occurred","where":[{"attribute":"subject","op":"has_value"}]}}]}`,
		"closed":  `{"activity":"ticket-closed","op":"occurred_times","within_days":30,"times":{"op":"gt","value":1}}`,
		"ever":    `{"activity":"ticket-created","op":"has_occurred","within_days":30}`,
		"fires":   `{"activity":"ticket-created","op":"occurs","where":[{"attribute":"subject","op":"has_value"}]}`,
		"broken":  `{"field":"shoe_size","op":"has_value"}`,
	} {
		value := fmt.Sprintf(`{"id":"aud_%s","name":"%s","filter":%s}`, name, name, filter)
		s.store.settings[schemas.SettingAudience+"aud_"+name] = schemas.Setting{Value: []byte(value), Revision: 1}
	}
	s.want(200, s.call("POST", path, "admin-key", `{"days":10,"activities":{"ticket-closed":20}}`), &p)
	if len(p.Audiences) != 1 || p.Audiences[0].ID != "aud_created" || p.Audiences[0].Name != "created" || !slices.Equal(p.Audiences[0].Activities, []string{"ticket-created"}) {
		t.Errorf("audiences %+v", p.Audiences)
	}
	if len(p.Unread) != 1 || p.Unread[0].ID != "aud_broken" || p.Unread[0].Name != "broken" || !strings.Contains(p.Unread[0].Problem, "shoe_size") {
		t.Errorf("audiences whose filter cannot be read: %+v", p.Unread)
	}
	kept := map[string][2]int64{}
	for _, e := range p.Activities {
		kept[e.Activity] = [2]int64{e.Stored, e.Lost}
		if (e.Stored == 0) != (e.Oldest == nil) || e.Current != 90 {
			t.Errorf("%+v", e)
		}
	}
	// Ten days before the 20th: of those created, on the 2nd twice, the 3rd and the 9th, none is left; closed on the 5th is.
	if kept["ticket-created"] != [2]int64{4, 4} || kept["ticket-closed"] != [2]int64{1, 0} || kept["ticket-note-added"] != [2]int64{1, 0} {
		t.Errorf("stored and lost: %v", kept)
	}
	if p.Lost != 4 || p.Reread || p.RereadFrom != nil || len(p.Activities) != len(activitySlugs) {
		t.Errorf("%+v", p)
	}
	s.want(200, s.call("POST", path, "admin-key", `{"activities":{"ticket-closed":365}}`), &p)
	if p.Lost != 0 || !p.Reread || p.RereadFrom == nil || !p.RereadFrom.Equal(testNow.AddDate(0, 0, -365)) || p.Proposed.Days != 90 {
		t.Errorf("%+v", p)
	}
	if len(p.Audiences) != 1 || p.Audiences[0].ID != "aud_closed" {
		t.Errorf("audiences %+v", p.Audiences)
	}
	for _, f := range p.Untouched {
		var tables, expiring uint64
		const query = "SELECT uniqExact(table), countIf(name = 'expires_at') FROM system.columns WHERE database = currentDatabase() AND table IN ($1)"
		if err := s.db.QueryRow(t.Context(), query, f.Tables).Scan(&tables, &expiring); err != nil || int(tables) != len(f.Tables) || expiring != 0 {
			t.Errorf("%s: %v: %d tables, %d of them expire: %v", f.Figure, f.Tables, tables, expiring, err)
		}
	}
	if len(p.Untouched) != 3 {
		t.Errorf("%+v", p.Untouched)
	}
	if len(s.steps.calls) != 0 {
		t.Errorf("a preview caused %v", s.steps.calls)
	}
}

func TestR14_R27_R47_RetentionIsSet(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	path := "/v1/sources/" + testSource + "/retention"
	var a retentionAnswer
	r := s.call("PUT", path, "admin-key", `{"days":30}`)
	s.wantDeclared("PUT", "/v1/sources/{id}/retention", r)
	s.wantProblem(s.call("PUT", path, "admin-key", `null`), 422, "invalid-input")
	s.want(200, r, &a)
	if a.Job != nil || a.Retention.Days != 30 {
		t.Errorf("%+v", a)
	}
	s.want(200, s.call("PUT", path, "admin-key", `{"days":20,"activities":{"ticket-created":365}}`), &a)
	if a.Job == nil || a.Job.Source != testSource || a.Retention.For("ticket-created") != 365 || a.Retention.For("ticket-closed") != 20 {
		t.Errorf("%+v", a)
	}
	want := []string{
		"retain acme 30 map[] of " + testSource, "retain acme 30 map[] of " + testSource, // the second time for rows that were under way
		"widen " + testSource, "retain acme 20 map[ticket-created:365] of " + testSource, "retain acme 20 map[ticket-created:365] of " + testSource,
	}
	if !slices.Equal(s.steps.calls, want) {
		t.Errorf("caused %q, want %q", s.steps.calls, want)
	}
	var v sourceView
	s.get("/v1/sources/"+testSource, &v)
	if v.Retention.Days != 20 || v.Retention.Activities["ticket-created"] != 365 {
		t.Errorf("%+v", v.Retention)
	}
	for body, parts := range map[string][]string{
		`{"days":-1}`:                                  {"body.days"},
		`{"days":36501}`:                               {"body.days"},
		`{"activities":{"ticket-exploded":1}}`:         {"body.activities.ticket-exploded", "ticket-created"},
		`{"activities":{"ticket-created":0}}`:          {"body.activities.ticket-created", "36500"},
		`{"activities":{"ticket-created":30}}`:         {"body.activities.ticket-created", "must be 90 to 36500 days"},
		`{"days":9,"activities":{"ticket-created":8}}`: {"body.activities.ticket-created", "must be 9 to 36500 days"},
		`{"activities":{"ticket-created":"long"}}`:     {"body.activities"},
		`{"merge_strategy":"overwrite"}`:               {"body.merge_strategy"},
	} {
		for _, method := range []string{"PUT", "POST"} {
			at := path
			if method == "POST" {
				at += "/preview"
			}
			s.wantProblem(s.call(method, at, "admin-key", body), 422, "invalid-input", parts...)
		}
	}
	s.wantProblem(s.call("PUT", "/v1/sources/none/retention", "admin-key", `{"days":5}`), 404, "no-such-source")
	s.steps.err = schemas.ErrUnavailable
	s.wantProblem(s.call("PUT", path, "admin-key", `{"days":40}`), 503, "unavailable", "stored", "backfill")
}

// TestR14_RetentionWithoutReading: the retention of a source that is not read is stored, a shorter one holds at once, and instead of a job there is
// the step after which it reads again.
func TestR14_RetentionWithoutReading(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status               schemas.SourceStatus
		method, cause, after string
	}{
		{schemas.SourceDraft, "", "", "authorize"},
		{schemas.SourceAwaiting, "", "", "authorize"},
		{schemas.SourceConnected, "oauth", schemas.Reauthorize, "authorize"},
		{schemas.SourceDisconnected, "oauth", "", "reconnect"},
		{schemas.SourceDisconnected, "oauth", schemas.Reauthorize, "authorize"},
		{schemas.SourceDisconnected, "", "", "authorize"},
		{schemas.SourceArchived, "oauth", "", "restore"},
	} {
		s := offline(t, nil)
		src := s.store.sources[testSource]
		src.Status, src.Auth.Method, src.Error = c.status, c.method, c.cause
		s.store.set(src)
		path := "/v1/sources/" + testSource + "/retention"
		var a retentionAnswer
		s.want(200, s.call("PUT", path, "admin-key", `{"days":365}`), &a)
		if a.Job != nil || a.Missing != c.after || s.store.sources[testSource].Retention.Days != 365 {
			t.Errorf("%+v: %+v", c, a)
		}
		a = retentionAnswer{}
		s.want(200, s.call("PUT", path, "admin-key", `{"days":5}`), &a)
		want := []string{"widen " + testSource, "retain acme 365 map[] of " + testSource, "retain acme 5 map[] of " + testSource}
		if did := slices.Compact(s.steps.calls); a.Job != nil || a.Missing != "" || !slices.Equal(did, want) {
			t.Errorf("%+v: %+v, caused %q, want %q", c, a, did, want)
		}
	}
}
