package schemas_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestParseAccount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"acme": "acme", "acme.zendesk.com": "acme", "https://acme.zendesk.com/": "acme", "a-1": "a-1", " acme ": "acme",
		"": "", "a b": "", "a/b": "", "a@b": "", "a.b": "", "-a": "", "a-": "", "Acme": "acme", "ACME.Zendesk.COM": "acme", "HTTPS://Acme.zendesk.com/": "acme", "A.B": "", "Key": "key", "\u212aey": "", "evil.com/": "", "xn--e1afmkfd.com": "",
		"http://acme.zendesk.com.evil.test": "", "acme.zendesk.com:8080": "", "аcme": "",
	} {
		got, err := schemas.ParseAccount(in)
		if got != want || (err == nil) != (want != "") || (err != nil && !errors.Is(err, schemas.ErrInvalid)) {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Travel-Insurance":       "travel insurance",
		"TRAVEL\ninsurance!":     "travel insurance",
		"Cat's category_5000":    "cat s category 5000",
		"nai\u0308ve cafe\u0301": "na\u00efve caf\u00e9",
		"ﬁne Ⅷ １２":               "fine viii 12",
		"  ":                     "",
		"日本語 テスト":                "日本語 テスト",
		"a&amp;b":                "a amp b",
		"ΣΊΣΥΦΟΣ":                "σίσυφοσ",
		"Σίσυφος":                "σίσυφοσ",
		"I\u0307stanbul İ":       "istanbul i",
		"i\u0307stanbul\u0307":   "istanbul",
	} {
		if got := schemas.Tokens(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLower(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"İBRAHIM": "ibrahim", "I\u0307brahim": "ibrahim", "i\u0307brahim": "ibrahim", "ısı": "ısı", "I\u0323\u0307": "i\u0323\u0307",
		"ΌΣΟΣ": "όσοσ", "όσος": "όσοσ", "Σ σ ς": "σ σ σ", "STRAẞE": "straße", "ss": "ss", "\u212a": "k", "Émile": "émile", "": "", "a-B": "a-b",
	} {
		got := schemas.Lower(in)
		if got != want {
			t.Errorf("%+q: got %+q, want %+q", in, got, want)
		}
		if again := schemas.Lower(got); again != got {
			t.Errorf("%+q: lowered again it is %+q", got, again)
		}
	}
}

// TestTokensOfASCII: text of ASCII alone has the tokens that it has beside other letters.
func TestTokensOfASCII(t *testing.T) {
	t.Parallel()
	for a := range byte(0x80) {
		for b := range byte(0x80) {
			for _, text := range []string{string([]byte{a, b}), string([]byte{'x', a, b, 'Y'})} {
				if got, want := schemas.Tokens(text), strings.TrimSuffix(strings.TrimSuffix(schemas.Tokens(text+" \u00e9"), "\u00e9"), " "); got != want {
					t.Fatalf("%q: got %q, want %q", text, got, want)
				}
			}
		}
	}
}

func TestZIDTakesEveryFormZendeskWrites(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]schemas.ZID{`5`: 5, `"5"`: 5, `"0"`: 0, `""`: 0, `null`: 0, `-1`: -1, `26155588903200`: 26155588903200} {
		var got schemas.ZID
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: got %d, %v", in, got, err)
		}
	}
	for _, in := range []string{`"x"`, `1.5`, `{}`, `true`, `99999999999999999999`} {
		var got schemas.ZID
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s was taken as %d", in, got)
		}
	}
}

func TestTokenIsSafeAndDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, in := range []string{"", "a", "a.b", "a b", "a>b", "a*b", "ü", "a=2eb", "=", "_", "-", "\x00"} {
		got := schemas.Token(in)
		for _, c := range got {
			if c == '.' || c == '*' || c == '>' || c <= ' ' || c > '~' {
				t.Errorf("%q becomes %q, which is no subject token", in, got)
			}
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %q both become %q", in, other, got)
		}
		seen[got] = in
		if back := schemas.FromToken(got); back != in {
			t.Errorf("%q comes back as %q", in, back)
		}
	}
	for _, odd := range []string{"a=", "a=z", "a=zz", "=4"} {
		if got := schemas.FromToken(odd); got != odd {
			t.Errorf("%q, which is no token, comes back as %q", odd, got)
		}
	}
}

func TestPartitionIsFixed(t *testing.T) {
	t.Parallel()
	// These numbers are stored with installations: a change here would send accounts to other writers.
	for account, want := range map[string]int{"acme": 3, "example": 1, "": 1} {
		if got := schemas.Partition(account, 4); got != want {
			t.Errorf("%q: partition %d, want %d", account, got, want)
		}
	}
}

// TestAuditsAreTheSameInBothForms decodes one change as /tickets/{id}/audits and as incremental ticket_events write it.
func TestAuditsAreTheSameInBothForms(t *testing.T) {
	t.Parallel()
	audit := `{"id":9,"ticket_id":5,"created_at":"2024-04-01T19:14:20Z","author_id":1002,"via":{"channel":"web","source":{"rel":null}},"events":[
		{"id":1,"type":"Comment","author_id":1002,"body":"hello","plain_body":"hello","public":true,"audit_id":9},
		{"id":2,"type":"Change","field_name":"status","value":"open","previous_value":"pending"},
		{"id":3,"type":"Create","field_name":"assignee_id","value":"1002"},
		{"id":4,"type":"CommentRedactionEvent","comment_id":77},
		{"id":5,"type":"SatisfactionRating","score":"good","assignee_id":1002,"body":"thanks"},
		{"id":6,"type":"Notification","subject":"x"},
		{"id":7,"type":"FacebookComment","author_id":1003,"body":"hi","public":true,"data":{"post":1}},
		{"id":8,"type":"VoiceComment","body":"call","public":false}]}`
	event := `{"id":9,"ticket_id":5,"timestamp":1711998860,"created_at":"2024-04-01T19:14:20Z","updater_id":1002,"via":{"channel":"web"},"event_type":"Audit","child_events":[
		{"id":1,"type":"Comment","event_type":"Comment","author_id":1002,"body":"hello","plain_body":"hello","public":true,"audit_id":9},
		{"id":2,"status":"open","previous_value":"pending","event_type":"Change"},
		{"id":3,"assignee_id":"1002","event_type":"Create"},
		{"id":4,"event_type":"CommentRedactionEvent","comment_id":77},
		{"id":5,"event_type":"SatisfactionRating","score":"good","assignee_id":1002,"body":"thanks"},
		{"id":6,"event_type":"Notification","subject":"x"},
		{"id":7,"type":"FacebookComment","event_type":"Comment","author_id":1003,"body":"hi","public":true,"data":{"post":1}},
		{"id":8,"event_type":"VoiceComment","body":"call","public":false}]}`
	a, err := schemas.DecodeAudit([]byte(audit))
	if err != nil {
		t.Fatal(err)
	}
	b, err := schemas.DecodeAudit([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("audit\n%+v\nevent\n%+v", a, b)
	}
	if len(a.Comments) != 3 || a.Comments[1].AuthorID != 1003 || a.Comments[2].AuthorID != 1002 || len(a.Changes) != 2 || len(a.Redactions) != 1 || len(a.Scores) != 1 || !a.Changes[1].Created {
		t.Errorf("decoded: %+v", a)
	}
	// A change of the ticket's type carries the new type under the very key that elsewhere tells the kind of event.
	c, err := schemas.DecodeAudit([]byte(`{"id":9,"ticket_id":5,"created_at":"2024-04-01T19:14:20Z","child_events":[{"id":2,"type":"question","previous_value":null,"event_type":"Change"}]}`))
	if err != nil || len(c.Changes) != 1 || c.Changes[0].Field != "type" || schemas.Text(c.Changes[0].New) != "question" {
		t.Errorf("change of type: %+v, %v", c, err)
	}
}

// TestEventsOfOtherTypesHoldAnything: events of types that are not read are left out whatever they hold, in both forms of an audit, and those beside
// them are read; an event that is read must have its shape.
func TestEventsOfOtherTypesHoldAnything(t *testing.T) {
	t.Parallel()
	const rest = `{"id":1,"type":"Comment","event_type":"Comment","author_id":7,"body":"hello","public":true},{"id":2,"status":"open","previous_value":"new","event_type":"Change"}`
	for event, fits := range map[string]bool{
		`{"id":50,"type":"KnowledgeLinked","body":{"article":{"id":1,"title":"x"}}}`:         true,
		`{"id":"01HAN96XNH1J7DY8D7RZ22QMT9","event_type":"CollabThreadCreated"}`:             true,
		`{"type":"SurveyResponseSubmitted","score":5}`:                                       true,
		`{"type":"X","public":"yes","comment_id":"abc","field_name":["a"],"plain_body":[1]}`: true,
		`{"type":"Comment","id":3,"body":{"text":"x"}}`:                                      false,
		`{"type":"Comment","id":"01HAN96","body":"x"}`:                                       false,
		`{"type":"Change","field_name":["a"],"value":"x"}`:                                   false,
		`{"type":"x","event_type":"Change","id":"abc"}`:                                      false,
		`{"type":"SatisfactionRating","score":5}`:                                            false,
		`{"type":"CommentPrivacyChange","comment_id":4,"public":"no"}`:                       false,
		`{"type":{"name":"X"},"body":{}}`:                                                    false,
		`{"body":{}}`:                                                                        false,
		`"x"`:                                                                                false,
	} {
		for _, list := range []string{"events", "child_events"} {
			a, err := schemas.DecodeAudit([]byte(`{"id":9,"ticket_id":5,"created_at":"2024-04-01T19:14:20Z","` + list + `":[` + event + `,` + rest + `]}`))
			switch {
			case !fits && !errors.Is(err, schemas.ErrInvalid):
				t.Errorf("%s %s: %v, %+v", list, event, err, a)
			case fits && (err != nil || len(a.Comments) != 1 || a.Comments[0].Body != "hello" || len(a.Changes) != 1 || a.Changes[0].Field != "status" || len(a.Others) != 1):
				t.Errorf("%s %s: %v, %+v", list, event, err, a)
			}
		}
	}
}

func FuzzDecodeAudit(f *testing.F) {
	f.Add([]byte(`{"id":9,"ticket_id":5,"created_at":"2024-04-01T19:14:20Z","events":[{"type":"Change","field_name":"status","value":"open"}]}`))
	f.Add([]byte(`{"id":"9","ticket_id":5,"timestamp":1,"via":"Mail","child_events":[{"event_type":"Change","tags":["a"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := schemas.DecodeAudit(data)
		if err != nil && !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("error of no class: %v", err)
		}
		if err == nil && (a.ID == 0 || a.TicketID == 0 || a.CreatedAt.IsZero()) {
			t.Errorf("an audit without identity was taken: %+v", a)
		}
	})
}

func TestShortestRetention(t *testing.T) {
	t.Parallel()
	a := schemas.Retention{Days: 90, Activities: map[string]int{"ticket-created": 365, "ticket-closed": 100}}
	b := schemas.Retention{Days: 30, Activities: map[string]int{"ticket-created": 200, "ticket-solved": 400}}
	for _, s := range []schemas.Retention{a.Shortest(b), b.Shortest(a)} {
		for slug, want := range map[string]int{"ticket-created": 200, "ticket-closed": 30, "ticket-solved": 90, "contact-created": 30} {
			if got := s.For(slug); got != want {
				t.Errorf("%s is kept for %d days, want %d", slug, got, want)
			}
		}
	}
}

func TestPhoneNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+49 30 123456": "+4930123456", "+1 (415) 555-2671": "+14155552671", "+44 (0)20 7946 0958": "+442079460958", "030 123456": "", "": "",
		"+": "", "+99999999999999999999": "", "call me": "", "+49": "",
	} {
		if got := schemas.PhoneNumber(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestOwnPersonIDLeadsBack(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, user := range []schemas.ZID{1, 2, 123456789, schemas.FirstOwnUser - 1, schemas.OwnUserID("acme", "email", "jo@x.test"), 1<<63 - 1} {
		id := schemas.OwnPersonID("acme", user)
		if got, ok := schemas.OwnUser("acme", id); !ok || got != user || len(id) != 28 || seen[id] || id != strings.ToLower(id) {
			t.Errorf("%s of %d leads to %d, %t", id, user, got, ok)
		}
		seen[id] = true
		last := "0"
		if strings.HasSuffix(id, last) {
			last = "4"
		}
		for _, other := range []string{id[:27] + last, id[:27], id + "0", strings.ToUpper(id), "x" + id[1:], schemas.OwnPersonID("other", user), "", "p_"} {
			if got, ok := schemas.OwnUser("acme", other); ok {
				t.Errorf("%q leads to %d", other, got)
			}
		}
	}
}

// TestConfirmations: of a channel that is switched all the time the newest confirmations are kept, and those of the other channel.
func TestConfirmations(t *testing.T) {
	t.Parallel()
	var s schemas.Source
	s.Confirm(schemas.ChannelSMS, true, "bob", time.Unix(0, 0))
	for i := range 301 {
		s.Confirm(schemas.ChannelEmail, i%2 == 0, "ann", time.Unix(int64(i), 0))
	}
	if n := len(s.Confirmations); n != 101 || s.Confirmations[0].Channel != schemas.ChannelSMS || !s.Confirmations[n-1].At.Equal(time.Unix(300, 0)) {
		t.Errorf("%d: %+v", n, s.Confirmations)
	}
	if s.Confirm(schemas.ChannelEmail, false, "", time.Unix(400, 0)); s.OptIn.ConfirmedBy != "bob" || !s.OptIn.SMS {
		t.Errorf("%+v", s.OptIn)
	}
}

func TestTriggerTicket(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"ticket_id":"42","title":"a "broken" title"}`: 42, `{"ticketId": 42}`: 42, `{"Ticket-ID":"42"}`: 42, `{"ticket":{"id":42}}`: 42,
		`{"ticket":{"subject":"Order 7","id":"42"}}`: 42, `{"subject":"Order 7","id":42}`: 42, `<ticket><id>42</id></ticket>`: 42,
		`ticket=42&title=a`: 42, `ticket%5Bid%5D=42`: 42, `Ticket #42 was solved`: 42, `see https://acme.zendesk.com/agent/tickets/42.`: 42,
		`{"hello":"world"}`: 0, `a ticket with 7 comments`: 0, `{"ticket_form_id":7}`: 0, `{"requester":{"id":7}}`: 0, `{"id":-7}`: 0, `{"id":"x"}`: 0,
		`ticket 1234567890123456789`: 0, ``: 0, `null`: 0, `7`: 0,
	} {
		if got := schemas.TriggerTicket([]byte(body)); got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
}
