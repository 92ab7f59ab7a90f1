package processors
import ("testing";"fmt";"time";"deskstream/schemas")
func TestZZ(t *testing.T) {
	now := time.Now().UTC().Format(time.RFC3339)
	env := func(id, kind, subject, at, event string) []byte {
		return fmt.Appendf(nil, `{"type":"zen:event-type:%s","account_id":1,"id":%q,"time":%q,"zendesk_event_version":"2022-11-06","subject":%q,"detail":{"id":"990001","created_at":%q,"requester_id":"1","status":"NEW","subject":"good one","tags":null,"via":{"channel":"web"},"assignee_id":null,"group_id":"0","updated_at":%q},"event":%s}`,
			id, kind, at, subject, now, at, event)
	}
	p := New()
	st := schemas.State{}
	for _, b := range [][]byte{env("g1","ticket.created","zen:ticket:990001",now,`{}`), env("u3", "ticket.status_changed", "zen:ticket:999999999", now, `{"current":"SOLVED","previous":"OPEN"}`), env("y1", "ticket.comment_added", "zen:ticket:990001", "1970-01-01T00:00:00Z", `{"comment":{"id":"77002","body":"old","is_public":true,"author":{"id":"1","is_staff":false}}}`),env("g2","ticket.status_changed","zen:ticket:990001",now,`{"current":"SOLVED","previous":"NEW"}`)} {
		ev := []schemas.Event{{ID:"x"+string(b[40:60]), Kind: schemas.KindWebhook, Account:"acme", Source:"s", ReceivedAt: time.Now(), Data: b}}
		for {
			k := p.Keys(ev, st); n := 0
			for _, x := range k { if st[x]==nil { st[x]=&schemas.StateRow{}; n++ } }
			if n==0 {break}
		}
		r, err := p.Apply(ev, st)
		fmt.Println(err, len(r.Outputs), r.Ignored, r.Duplicates, r.Dead)
		for _, o := range r.Outputs { fmt.Println("  ", o.Table, o.ID) }
		for k, v := range r.State { st[k]=v; fmt.Println("   st", k) }
	}
}
