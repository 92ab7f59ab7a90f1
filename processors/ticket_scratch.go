package processors

import (
	"strconv"
	"time"
)

// ticketScratch is where a run works out the rows of one ticket after the other. Its slices are used again for the next ticket, so that nothing that
// stays may share memory with them.
type ticketScratch struct {
	history  history
	steps    []*step
	joined   []step
	values   []dims
	moments  []moment
	changes  []change
	messages []message
	ratings  []rating
	sheet    factSheet
	acts     []activity
	times    []time.Time
	numbers  []int64

	assignees, agents []int64
	solves            []int

	matched        []bool
	nextActivities []sentActivity
	nextEvents     []sentEvent
	nextMessages   []sentMessage
}

// room gives an empty slice for n elements that keep their place in memory.
func room[T any](list []T, n int) []T {
	if cap(list) < n {
		return make([]T, 0, n+n/2)
	}
	return list[:0]
}

// marks gives n marks that are not set.
func (d *ticketScratch) marks(n int) []bool {
	d.matched = room(d.matched, n)[:n]
	clear(d.matched)
	return d.matched
}

// time gives a place for a time. There is none for more than a ticket's row has.
func (d *ticketScratch) time(at int64) *time.Time {
	if len(d.times) == cap(d.times) {
		return ptr(at)
	}
	d.times = append(d.times, unix(at))
	return &d.times[len(d.times)-1]
}

func (d *ticketScratch) number(n int64) *int64 {
	if len(d.numbers) == cap(d.numbers) {
		return number(n)
	}
	d.numbers = append(d.numbers, n)
	return &d.numbers[len(d.numbers)-1]
}

// replace puts the elements of next in place of those of old, with some room for more: a list that is written with every change of a ticket
// grows with most of them.
func replace[T any](old, next []T) []T {
	if len(next) == 0 {
		return nil
	}
	if cap(old) < len(next) {
		old = make([]T, 0, len(next)+len(next)/4+1)
	}
	if len(old) > len(next) {
		clear(old[len(next):])
	}
	return append(old[:0], next...)
}

// numeral gives a number in decimal form; known is what it may be already.
func numeral(n int64, known string) string {
	var digits [20]byte
	if text := strconv.AppendInt(digits[:0], n, 10); string(text) != known {
		return string(text)
	}
	return known
}

// knownEvent and knownActivity give what the event or activity at a place was told by before: most stay where they are.
func knownEvent(t *ticket, i int) string {
	if i < len(t.events) {
		return t.events[i].id
	}
	return ""
}

func knownActivity(t *ticket, i int) string {
	if i < len(t.activities) {
		return t.activities[i].what
	}
	return ""
}
