package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

// People is a processor that tells from rows of state what there is about a person. missing lists rows that it needs and state lacks; it is
// asked again with them. nil facts without missing rows mean that nobody answers to the name. It must be safe to call beside Keys and Apply.
type People interface {
	// PersonKeys are the keys of the rows that Person may ask for, as patterns in which * stands for one token between dots.
	PersonKeys() []string
	Person(account, name string, state schemas.State) (facts *schemas.PersonFacts, missing []string, err error)
}

const (
	// personBudget is how long Person waits for its answer.
	personBudget = time.Second
	// personAtOnce bounds the questions that a loop answers at a time.
	personAtOnce = 64
)

// personQuestion asks a loop for a person of its partition.
type personQuestion struct {
	Account string `json:"account"`
	Name    string `json:"name"`
}

// personAnswer is what the loop says; Error is why it cannot.
type personAnswer struct {
	Facts *schemas.PersonFacts `json:"facts,omitempty"`
	Error string               `json:"error,omitempty"`
}

// Person gives what the processors know of a person by a name of schemas.PersonAlias, all that was committed before included, whether it is in
// the tables yet or not; nil when nobody answers to the name. schemas.ErrUnavailable when the loop of the account's partition does not
// run or is making its state anew: then the tables may know more.
func (s *Stream) Person(ctx context.Context, account, name string) (*schemas.PersonFacts, error) {
	question, err := json.Marshal(personQuestion{account, name})
	if err != nil {
		return nil, fmt.Errorf("person: %w: %w", schemas.ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, personBudget)
	defer cancel()
	m, err := s.o.Conn.RequestWithContext(ctx, s.person(schemas.Partition(account, s.partitions)), question)
	if err != nil {
		return nil, fmt.Errorf("person: %w: %w", schemas.ErrUnavailable, err)
	}
	var a personAnswer
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return nil, fmt.Errorf("person: %w: %w", schemas.ErrUnavailable, err)
	}
	if a.Error != "" {
		return nil, fmt.Errorf("person: %w: %s", schemas.ErrUnavailable, a.Error)
	}
	return a.Facts, nil
}

// answerPeople answers questions about people until stop is called.
func (l *loop) answerPeople(ctx context.Context) (stop func(), err error) {
	p, ok := l.processor.(People)
	if !ok {
		return func() {}, nil
	}
	var busy atomic.Int64
	sub, err := l.s.o.Conn.Subscribe(l.s.person(l.partition), func(m *nats.Msg) {
		if busy.Add(1) > personAtOnce {
			busy.Add(-1)
			respond(m, personAnswer{Error: "too many questions at once"})
			return
		}
		go func() {
			defer busy.Add(-1)
			var q personQuestion
			a := personAnswer{}
			err := json.Unmarshal(m.Data, &q)
			if err == nil {
				a.Facts, err = l.lookUp(ctx, p, q)
			}
			if err != nil {
				a.Error = err.Error()
			}
			respond(m, a)
		}()
	})
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w: %w", l.partition, schemas.ErrUnavailable, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// respond answers; who asked may be gone, or waits in vain for an answer that is too large.
func respond(m *nats.Msg, a personAnswer) {
	data, err := json.Marshal(a)
	if err == nil {
		err = m.Respond(data)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		respond(m, personAnswer{Error: "the answer is too large"})
	}
}

var (
	errBehind   = errors.New("another loop has written the partition's record")
	errReplayed = errors.New("the state is being made anew")
)

// lookUp asks the processor, with the rows that it needs.
func (l *loop) lookUp(ctx context.Context, p People, q personQuestion) (*schemas.PersonFacts, error) {
	state := schemas.State{}
	var missing []string
	for range maxRounds {
		var more []string
		facts, err := guard(func() (facts *schemas.PersonFacts, err error) {
			facts, more, err = p.Person(q.Account, q.Name, state)
			return facts, err
		})
		if err != nil || len(more) == 0 {
			return facts, err
		}
		g, ctx := errgroup.WithContext(ctx)
		if missing == nil {
			g.Go(func() error { return l.newest(ctx) })
		}
		missing = more
		rows := make([]*schemas.StateRow, len(missing))
		for i, key := range missing {
			g.Go(func() (err error) {
				rows[i], err = l.rowNow(ctx, key)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		for i, key := range missing {
			state[key] = rows[i]
		}
	}
	return nil, fmt.Errorf("the processor still asks for rows after %d rounds", maxRounds)
}

// newest makes sure that this loop wrote the record, so that what it has in memory is the newest, and that no replay is under way.
func (l *loop) newest(ctx context.Context) error {
	o, seq, err := l.s.readOffset(ctx, l.partition)
	if err != nil {
		return err
	}
	l.shared.RLock()
	defer l.shared.RUnlock()
	switch {
	case seq > l.fence && l.flight == nil:
		return errBehind
	case o.Reset != nil || o.In < o.Replay:
		return errReplayed
	}
	return nil
}

// rowNow gives a row as it is stored or being stored. A row that is in neither the commit under way nor the journal is under its own subject;
// it may leave them meanwhile, but only to go there. What is being stored follows from stored events: it will be what the row is even if
// the commit fails.
func (l *loop) rowNow(ctx context.Context, key string) (*schemas.StateRow, error) {
	data, file, ok := l.inMemory(key)
	if !ok {
		data, ok = file.get(key)
	}
	if ok {
		return &schemas.StateRow{Data: data}, nil
	}
	m, found, err := l.s.last(ctx, l.s.txn, l.s.state(l.partition, key))
	if err != nil || !found || len(m.data) == 0 {
		return &schemas.StateRow{}, err
	}
	return &schemas.StateRow{Data: m.data}, nil
}

// fillFile begins to keep the rows that are looked up in a file: those that are stored, from now on in the background, and those that leave
// the journal. The function it gives ends that.
func (l *loop) fillFile(ctx context.Context) (stop func()) {
	people, ok := l.processor.(People)
	if !ok || l.s.o.Rows == "" {
		return func() {}
	}
	file, err := newRowFile(l.s.o.Rows, people.PersonKeys(), l.s.keeps)
	if err != nil {
		l.s.o.Log.Info().Err(err).Int("partition", l.partition).Msg("people are looked up without a file of rows, which takes longer")
		return func() {}
	}
	l.shared.Lock()
	l.file = file
	l.shared.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var filling sync.WaitGroup
	filling.Go(func() {
		if err := l.s.copyRows(ctx, l.partition, file); err != nil && ctx.Err() == nil {
			l.s.o.Log.Warn().Err(err).Int("partition", l.partition).Msg("the file of rows is not complete")
		}
	})
	return func() {
		cancel()
		filling.Wait()
		l.shared.Lock()
		l.file = nil
		l.shared.Unlock()
		file.close()
	}
}

// keeps tells of memory that a row file takes more than before.
func (s *Stream) keeps(more int) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if s.kept += more; s.o.Keeps != nil {
		s.o.Keeps(s.kept)
	}
}

// copyRows puts the rows that are stored into a file, but for those that have changed meanwhile.
func (s *Stream) copyRows(ctx context.Context, partition int, file *rowFile) error {
	prefix := s.state(partition, "")
	var rows []keyedRow
	// All rows are asked for and not those of the file's patterns: with more than one filter the server goes through all subjects of a block
	// of messages for each message of it.
	_, err := s.sweep(ctx, s.txn, []string{prefix + ">"}, 1, func(m stored) error { // those that went meanwhile came by keep
		if key := strings.TrimPrefix(m.subject, prefix); len(m.data) > 0 && file.takes(key) {
			rows = append(rows, keyedRow{key, m.data})
		}
		if len(rows) < readPage {
			return nil
		}
		err := file.put(rows, true)
		rows = rows[:0]
		return err
	})
	if err != nil {
		return err
	}
	return file.put(rows, true)
}

// keep puts rows that leave the journal into the file, before they have left it.
func (l *loop) keep(moved map[string]*journalled) {
	if l.file == nil || len(moved) == 0 {
		return
	}
	rows := make([]keyedRow, 0, len(moved))
	for key, r := range moved {
		if l.file.takes(key) {
			rows = append(rows, keyedRow{key, r.data})
		}
	}
	if err := l.file.put(rows, false); err != nil {
		l.s.o.Log.Warn().Err(err).Int("partition", l.partition).Msg("the file of rows is given up")
	}
}

// inMemory gives a row that is being stored or in the journal, and where to look for others.
func (l *loop) inMemory(key string) (data []byte, file *rowFile, ok bool) {
	l.shared.RLock()
	defer l.shared.RUnlock()
	if l.flight != nil {
		if r, ok := l.flight.rows[key]; ok {
			return r.data, nil, true
		}
	}
	r, ok := l.journal.get(key)
	if !ok {
		return nil, l.file, false
	}
	return r.data, nil, true
}
