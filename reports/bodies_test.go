package reports

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// bodyCase is a body and how it is answered; testdata/bodies.json holds the answers.
type bodyCase struct {
	Body   string          `json:"body"`           // long ones are cut
	Kind   string          `json:"kind,omitempty"` // content type; empty = application/json
	Status int             `json:"status"`
	Answer json.RawMessage `json:"answer"`
}

// oddBodies are bodies that clients get wrong, and right ones that are written in odd ways.
func oddBodies() []bodyCase {
	bodies := []string{
		``, ` `, `null`, `true`, `5`, `"x"`, `[]`, `{}`, `{`, `{"parts":`, `{"parts":{"text":"x"}`, `{"parts":{"text":"x"}} x`, `{"parts":{"text":"x"}}{}`, `{'parts':{}}`,
		`{"parts":{"text":"x"},}`, `{"parts":{"text":"\x"}}`, `{"parts":{"text":"\ud800"}}`, "{\"parts\":{\"text\":\"\xff\"}}", "{\"parts\":{\"text\":\"x\"},\"data\":{\"a\":\"\xff\"}}",
		"{\"parts\":{\"text\":\"x\"},\"\xff\":1}", "{\"parts\":{\"text\":\"a\nb\"}}", "\ufeff" + `{"parts":{"text":"x"}}`,
		`{"data":{}}`, `{"parts":null}`, `{"parts":[]}`, `{"parts":"x"}`, `{"parts":{}}`, `{"parts":{"text":5}}`, `{"parts":{"text":null}}`, `{"parts":{"text":{"a":["b"]}}}`,
		`{"parts":{` + strings.Repeat(`"a":"x",`, 30) + `"b":"x"}}`, `{"parts":{"a1":"","a2":"","a3":"","a4":"","a5":"","a6":"","a7":"","a8":"","a9":"","b1":"","b2":"","b3":"","b4":"","b5":"","b6":"","b7":"","b8":"","b9":"","c1":"","c2":"","c3":""}}`,
		`{"parts":{"text":"{{ a }}"},"data":{"a":1},"data":{"a":2}}`, `{"parts":{"text":"x"},"parts":{"html":"y"},"data":{}}`, `{"parts":{"text":"x","text":"y"},"data":{}}`,
		`{"parts":{"text":"{{ a.b }}{{ a.c }}"},"data":{"a":{"b":1,"b":2},"a":{"c":3}}}`,
		`{"parts":{"text":"x"},"unknown":1}`, `{"parts":{"text":"x"},"unknown":{"deep":[1,2]},"other":null}`, `{"PARTS":{"text":"x"},"data":{}}`, `{"parts":{"text":"x"},"Data":{"a":1}}`,
		`{"parts":{"text":"{{ a }}"},"DATA":{"a":1},"data":{"a":2}}`, `{"parts":{"text":"x"},"data":null}`, `{"parts":{"text":"x"},"data":[1]}`, `{"parts":{"text":"x"},"data":"x"}`,
		`{"parts":{"text":"x"},"data":{"a":}}`, `{"parts":{"text":"x"},"data":{"a":1e999}}`, `{"parts":{"text":"{{ a }}"},"data":{"a":123456789012345678901234567890}}`,
		`{"parts":{"text":"{{ a }} {{ b }} {{ c }}"},"data":{"a":3,"b":3.0,"c":1e2}}`,
		`{"parts":{"text":"x"},"data":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `}`,
		`{"parts":{"text":"x"},"data":` + strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000) + `}`,
		`{"parts":{"text":"x"},"data":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`,
		`{"parts":{"text":"x"},"data":{},"person":"p_2001"}`, `{"parts":{"text":"x"},"person":5}`, `{"parts":{"text":"x"},"person":""}`,
		`{"parts":{"text":"x"},"person":"` + strings.Repeat("x", 401) + `"}`, `{"parts":{"text":"x"},"activity_id":"a"}`, `{"parts":{"text":"x"},"activity_id":["a"]}`,
		`{"parts":{"text":"x"},"data":{},"format":"pdf"}`, `{"parts":{"text":"x"},"data":{},"format":null}`, `{"parts":{"text":"x"},"data":{},"missing":"x","autoescape":"yes"}`,
		`{"parts":{"text":"x"},"data":{},"activities":1.5}`, `{"parts":{"text":"x"},"data":{},"activities":"3"}`, `{"parts":{"text":"x"},"data":{},"window_days":0}`,
		`{"parts":{"text":"x"},"data":{},"activities":1e3}`, `{"parts":{"text":"x"},"data":{},"time_zone":"Mars/Olympus"}`, `{"parts":{"text":"x"},"data":{},"time_zone":7}`,
		`{"parts":{"text":"x"},"data":{},"defaults":[]}`, `{"parts":{"text":"x"},"data":{},"campaign":"x","request":7}`, `{"parts":{"text":"x"},"data":{},"snippets":{"a":1}}`,
		`{"parts":{"text":"x"},"data":{},"snippets":[]}`, `{"parts":{"text":"{{ person.a }}"},"data":{},"defaults":{"person.a":{"b":1}}}`,
		`{"parts":{"text":"{{ request.a }}{{ campaign.b }}"},"data":{},"campaign":{"b":"é"},"request":{"a":"\u00e9\u2028"}}`,
		` { "parts" : { "html" : "<p>{{ a }}</p>" } , "data" : { "a" : "<&>" } } `, `{"parts":{"text":"` + strings.Repeat("x", maxTemplate) + `"}}`,
	}
	cases := make([]bodyCase, len(bodies))
	for i, body := range bodies {
		cases[i].Body = body
	}
	return append(cases, bodyCase{Kind: "text/plain", Body: `{"parts":{"text":"x"},"data":{}}`}, bodyCase{Kind: "application/json; charset=utf-8", Body: `{"parts":{"text":"x"},"data":{}}`},
		bodyCase{Kind: "application/cbor", Body: `{}`}, bodyCase{Kind: "json", Body: `{"parts":{"text":"x"},"data":{}}`}, bodyCase{Kind: ";", Body: `{"parts":{"text":"x"},"data":{}}`})
}

var renderTime = regexp.MustCompile(`"micros":\d+`)

// TestOddBodies holds the answers to bodies that are wrong or written in odd ways: how a body is read must not be told by them. Run it with
// -update after a change that is meant.
func TestOddBodies(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	cases := oddBodies()
	for i := range cases {
		c := &cases[i]
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/liquid/render", strings.NewReader(c.Body))
		r.Header.Set("Authorization", "Bearer render-key")
		r.Header.Set("Content-Type", "application/json")
		if c.Kind != "" {
			r.Header.Set("Content-Type", c.Kind)
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		c.Status, c.Answer = w.Code, renderTime.ReplaceAll(w.Body.Bytes(), []byte(`"micros":0`))
		if len(c.Body) > 500 {
			c.Body = c.Body[:500]
		}
	}
	got, err := json.MarshalIndent(cases, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "bodies.json")
	if *updateGolden {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []bodyCase
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(cases) {
		t.Fatalf("%d bodies, %d answers: run with -update", len(cases), len(want))
	}
	_ = json.Unmarshal(got, &cases) // indented as what is compared
	for i, c := range cases {
		if c.Status != want[i].Status || string(c.Answer) != string(want[i].Answer) {
			t.Errorf("%q %s: %d %s\nwant %d %s", c.Body, c.Kind, c.Status, c.Answer, want[i].Status, want[i].Answer)
		}
	}
}
