package processors

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"deskstream/schemas"
)

// Processor turns raw events into rows. It keeps nothing between batches but what saves work: a memo of decoded events, so that what
// Keys decoded is not decoded again by Apply, and hashes of user records; all knowledge is in the state it is given. It is safe for concurrent use by
// several partitions, each with its own state.
type Processor struct {
	mu   sync.Mutex
	memo [memoSize]*batch
	next int

	repeats repeats
}

// memoSize is how many batches may be between Keys and Apply at one time: at least one for each partition that runs.
const memoSize = 8

// New gives a processor of Zendesk events.
func New() *Processor { return &Processor{} }

// batch is a run of events on its way, grouped by what they concern.
type batch struct {
	events  []schemas.Event
	items   []*item
	tickets map[string][]*item
	users   []userEvents // by account and id
	changed []string     // keys of tickets, in order
	asked   asked
}

// userEvents are the events of a batch about one user, in their order.
type userEvents struct {
	account string
	id      int64
	items   []*item
}

func (e *userEvents) compare(account string, id int64) int {
	return cmp.Or(strings.Compare(e.account, account), cmp.Compare(e.id, id))
}

// byUser groups events by the users they concern.
func byUser(items []*item) []userEvents {
	slices.SortStableFunc(items, func(x, y *item) int {
		return cmp.Or(strings.Compare(x.ev.Account, y.ev.Account), cmp.Compare(x.id, y.id))
	})
	users := make([]userEvents, 0, len(items))
	for first := 0; first < len(items); {
		it, end := items[first], first+1
		it.key = userKey(it.ev.Account+".", it.id)
		for end < len(items) && items[end].id == it.id && items[end].ev.Account == it.ev.Account {
			items[end].key = it.key
			end++
		}
		users = append(users, userEvents{it.ev.Account, it.id, items[first:end]})
		first = end
	}
	return users
}

// of gives the events about a user.
func (b *batch) of(account string, id int64) []*item {
	i, found := slices.BinarySearchFunc(b.users, id, func(e userEvents, id int64) int { return e.compare(account, id) })
	if !found {
		return nil
	}
	return b.users[i].items
}

// asked is how far Keys has come with a batch and one state, which only grows from one call to the next.
type asked struct {
	state   uintptr
	users   []bool           // of the batch for whom everything was there
	tickets map[string]bool  // the same by key
	fresh   map[string]int64 // as keyCollector has it, of these
}

// of gives what was asked for a state: nothing yet if it is another one than last.
func (a *asked) of(state schemas.State, users int) *asked {
	if at := reflect.ValueOf(state).Pointer(); a.state != at || len(state) == 0 {
		*a = asked{state: at, users: make([]bool, users), tickets: map[string]bool{}, fresh: map[string]int64{}}
	}
	return a
}

// Keys gives the keys of state rows that applying the events needs and state lacks. It is called again with the rows loaded until it
// asks for nothing new: a ticket names its authors, a user its identities, an identity other users. A damaged row asks for nothing
// more; Apply reports it.
func (p *Processor) Keys(events []schemas.Event, state schemas.State) []string {
	b := p.batch(events)
	before := b.asked.of(state, len(b.users))
	k := &keyCollector{state: state, asked: make(map[string]bool, len(b.users)), fresh: maps.Clone(before.fresh)}
	for _, it := range b.items {
		k.renewed = k.renewed || it.domain == domainSource
		k.byPhone = k.byPhone || it.source != nil && slices.Contains(it.source.Identifiers, schemas.IdentifierPhone)
		k.keeping = k.keeping || it.fields != nil && len(it.fields.Kept) > 0
	}
	for _, it := range b.items {
		k.item(it)
	}
	k.tickets(b, before)
	k.people(b, before)
	k.bucketSplits()
	k.membershipSnapshots(b)
	return k.missing
}

// outputsPerEvent is how many rows an event makes, more or less.
const outputsPerEvent = 6

// Apply merges the events into the state and gives the changed rows and the outputs. It is pure: the same events and state give the
// same result. Values in the rows of state are changed in place. The error says that a state row is damaged or was not loaded; then
// nothing of the result may be used, nor the rows' values any more.
func (p *Processor) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	b := p.batch(events)
	r := newRun(state)
	r.result.Outputs = make([]schemas.Output, 0, outputsPerEvent*len(events))
	for _, it := range b.items {
		r.take(it)
	}
	r.finish()
	if r.err != nil {
		return schemas.Result{}, r.err
	}
	return r.result, nil
}

// Decode looks at an event ahead of its batch. The record of a user is read whole, unless it came before: then it is most likely a repeat,
// which is told by its hash alone.
func (p *Processor) Decode(e *schemas.Event) {
	it := newItem(e)
	if e.Kind == schemas.KindUser && it.domain == domainUser && !p.repeats.saw(it.hash) {
		if it.load(); it.domain == domainDead {
			it = newItem(e) // That it cannot be used matters only where it would be.
		}
	}
	e.Decoded = it
}

// repeats remembers hashes of records, as many as there is room for. It only saves work, so that a wrong answer does no harm. It is safe
// for concurrent use.
type repeats [512]atomic.Pointer[repeatPage]

type repeatPage [4096]atomic.Uint32

// saw notes a hash and says whether it was noted before.
func (x *repeats) saw(hash uint64) bool {
	at := &x[hash%uint64(len(x))]
	page := at.Load()
	if page == nil {
		at.CompareAndSwap(nil, new(repeatPage))
		page = at.Load()
	}
	mark := uint32(hash>>32) | 1
	return page[hash>>9%uint64(len(page))].Swap(mark) == mark
}

// batch gives the decoded form of the events, from the memo if these very events were seen just before.
func (p *Processor) batch(events []schemas.Event) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.memo {
		if b != nil && b.is(events) {
			return b
		}
	}
	b := newBatch(events)
	p.memo[p.next] = b
	p.next = (p.next + 1) % memoSize
	return b
}

func newBatch(events []schemas.Event) *batch {
	b := &batch{
		events: append([]schemas.Event(nil), events...), items: make([]*item, len(events)), tickets: map[string][]*item{},
	}
	users := make([]*item, 0, len(events))
	for i := range b.events {
		it := itemOf(&b.events[i])
		b.items[i] = it
		switch it.domain {
		case domainTicket:
			it.key = ticketKey(it.ev.Account+".", it.id)
			b.tickets[it.key] = append(b.tickets[it.key], it)
		case domainUser:
			users = append(users, it)
		default:
		}
	}
	b.users, b.changed = byUser(users), sortedKeys(b.tickets)
	return b
}

// is says whether the batch was made of these events: the same in number, order and data.
func (b *batch) is(events []schemas.Event) bool {
	if len(events) != len(b.events) {
		return false
	}
	for i := range events {
		x, y := &events[i], &b.events[i]
		if x.Seq != y.Seq || x.ID != y.ID || len(x.Data) != len(y.Data) || len(x.Data) > 0 && &x.Data[0] != &y.Data[0] {
			return false
		}
		if x.Kind != y.Kind || x.Source != y.Source || x.Account != y.Account || !x.ReceivedAt.Equal(y.ReceivedAt) {
			return false
		}
	}
	return true
}
