package processors

import (
	"fmt"
	"testing"

	"deskstream/schemas"
)

// TestLongTicket: the longest tickets Zendesk allows (5,000 comments) stay workable, and their state fits a message.
func TestLongTicket(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("03T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
	begin := mustTime(t, s.at("02T10:00"))
	status := [2]string{"open", "pending"}
	for i := range 5000 {
		at := begin.Unix() + 120 + int64(i)*60
		s.add(schemas.KindAudit, "poll", s.now, []byte(fmt.Sprintf(`{"id":%d,"ticket_id":5,"created_at":%q,"author_id":%d,"events":[%s,%s]}`, 10000+i, unix(at).Format("2006-01-02T15:04:05Z"),
			[]int{1, 9}[i%2], said(20000+i, []int{1, 9}[i%2], true, "words and words"), changed("status", `"`+status[i%2]+`"`, `"`+status[1-i%2]+`"`))))
	}
	s.cache = map[string]*schemas.StateRow{}
	s.batches(t, s.out, 500)
	s.out = nil
	s.wantRow(map[string]any{"replies": 2500, "first_reply_s": begin.Unix() + 120 - mustTime(t, s.at("02T09:00")).Unix()})
	n := s.outputs
	s.record("09T09:00", "open", `,"external_id":"x"`)
	s.want("rows of a small change", s.outputs-n, 1)
	for k, v := range s.state {
		if len(v) > 1500<<10 {
			t.Errorf("state row %s has %d bytes", k, len(v))
		}
	}
}
