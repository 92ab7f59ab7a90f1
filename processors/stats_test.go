package processors

import "testing"

// TestFirstTicketIsRightOrUnknown: more tickets than are kept by name come and go, in an order in which a younger one comes when only older ones
// are kept. The first one is the oldest of those that are there; once all that were kept are gone it is not known, until none is left.
func TestFirstTicketIsRightOrUnknown(t *testing.T) {
	t.Parallel()
	var s stats
	add := func(id, n int64) {
		s.begin(ticketMark{created: id, id: id}, n > 0)
		s.add(id, share{created: id}, n)
	}
	first := func() int64 {
		if len(s.first) > 0 {
			return s.first[0].created
		}
		return 0
	}
	const tickets = 2 * edgeSize
	for id := range int64(tickets) {
		add(id+1, 1)
	}
	for id := range int64(edgeSize - 1) {
		add(id+1, -1)
		if got := first(); got != id+2 {
			t.Errorf("ticket %d gone: the first is %d", id+1, got)
		}
	}
	add(tickets+1, 1) // younger than those that are not kept
	add(edgeSize, -1)
	if got := first(); got != 0 {
		t.Errorf("all that were kept are gone: the first is %d, want unknown", got)
	}
	for id := int64(edgeSize + 1); id <= tickets+1; id++ {
		add(id, -1)
	}
	add(100, 1)
	if got := first(); got != 100 {
		t.Errorf("the only one is %d, want 100", got)
	}
}
