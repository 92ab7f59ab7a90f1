package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

// Teller is a processor that tells from rows of state what the tables have or will have. missing lists rows that it needs and state lacks; it
// is asked again with them. It must be safe to call beside Keys and Apply.
type Teller interface {
	// TellKeys are the keys of the rows that it may ask for, as patterns in which * stands for one token between dots.
	TellKeys() []string
	// Person gives what there is about a person, as it would be with others merged into it by hand if these are named; nil facts without missing rows
	// mean that nobody answers to a name.
	Person(account, name string, others []string, state schemas.State) (facts *schemas.PersonFacts, missing []string, err error)
	// Ticket gives the row of a ticket; a nil one without missing rows means that there is none. It is an error when only the table can tell.
	Ticket(account string, id int64, state schemas.State) (row *schemas.TicketRow, missing []string, err error)
	// Remains gives what stays of a user that is to be erased.
	Remains(account string, user int64, state schemas.State) (remains *schemas.Remains, missing []string, err error)
}

const (
	// lookBudget is how long a question waits for its answer.
	lookBudget = time.Second
	// looksAtOnce bounds the questions that a loop answers at a time.
	looksAtOnce = 64
)

// lookQuestion asks a loop for a person, a ticket or what stays of a user of its partition.
type lookQuestion struct {
	Account string   `json:"account"`
	Name    string   `json:"name,omitempty"`    // of a person
	Others  []string `json:"others,omitempty"`  // names of those that would be merged into it
	Ticket  int64    `json:"ticket,omitempty"`  // its id, when no name is given
	Remains int64    `json:"remains,omitempty"` // the user's id, when neither is given
}

// lookAnswer is what the loop says; Error is why it cannot.
type lookAnswer struct {
	Person  *schemas.PersonFacts `json:"person,omitempty"`
	Ticket  *schemas.TicketRow   `json:"ticket,omitempty"`
	Remains *schemas.Remains     `json:"remains,omitempty"`
	Error   string               `json:"error,omitempty"`
}

// Person gives what the processors know of a person by a name of schemas.PersonAlias, all that was committed before included, whether it is in
// the tables yet or not; nil when nobody answers to the name. schemas.ErrUnavailable when the loop of the account's partition does not
// run or is making its state anew: then the tables may know more. With names of others it is the person as it would be if these were merged into it
// by hand; nil when nobody answers to one of them.
func (s *Stream) Person(ctx context.Context, account, name string, others ...string) (*schemas.PersonFacts, error) {
	a, err := s.look(ctx, lookQuestion{Account: account, Name: name, Others: others})
	if err != nil {
		return nil, fmt.Errorf("person: %w", err)
	}
	return a.Person, nil
}

// Ticket gives the row of a ticket, without its longer texts, as Person gives people; nil when there is none. schemas.ErrUnavailable
// also when only the table can tell.
func (s *Stream) Ticket(ctx context.Context, account string, id int64) (*schemas.TicketRow, error) {
	a, err := s.look(ctx, lookQuestion{Account: account, Ticket: id})
	if err != nil {
		return nil, fmt.Errorf("ticket %d: %w", id, err)
	}
	return a.Ticket, nil
}

// Remains gives what stays of a user that is to be erased, as Person gives people. schemas.ErrUnavailable when it cannot be told now.
func (s *Stream) Remains(ctx context.Context, account string, user int64) (*schemas.Remains, error) {
	a, err := s.look(ctx, lookQuestion{Account: account, Remains: user})
	if err != nil {
		return nil, fmt.Errorf("remains of user %d: %w", user, err)
	}
	return a.Remains, nil
}

// look asks the loop of the account's partition.
func (s *Stream) look(ctx context.Context, q lookQuestion) (a lookAnswer, err error) {
	question, err := json.Marshal(q)
	if err != nil {
		return a, fmt.Errorf("%w: %w", schemas.ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lookBudget)
	defer cancel()
	m, err := s.o.Conn.RequestWithContext(ctx, s.looks(schemas.Partition(q.Account, s.partitions)), question)
	if err != nil {
		return a, fmt.Errorf("%w: %w", schemas.ErrUnavailable, err)
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("%w: %w", schemas.ErrUnavailable, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%w: %s", schemas.ErrUnavailable, a.Error)
	}
	return a, nil
}

// answerLooks answers questions until stop is called.
func (l *loop) answerLooks(ctx context.Context) (stop func(), err error) {
	p, ok := l.processor.(Teller)
	if !ok {
		return func() {}, nil
	}
	var busy atomic.Int64
	sub, err := l.s.o.Conn.Subscribe(l.s.looks(l.partition), func(m *nats.Msg) {
		if busy.Add(1) > looksAtOnce {
			busy.Add(-1)
			respond(m, lookAnswer{Error: "too many questions at once"})
			return
		}
		go func() {
			defer busy.Add(-1)
			respond(m, l.answer(ctx, p, m.Data))
		}()
	})
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w: %w", l.partition, schemas.ErrUnavailable, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// answer answers one question.
func (l *loop) answer(ctx context.Context, p Teller, question []byte) (a lookAnswer) {
	var q lookQuestion
	err := json.Unmarshal(question, &q)
	switch {
	case err != nil:
	case q.Name != "":
		a.Person, err = lookUp(ctx, l, func(state schemas.State) (*schemas.PersonFacts, []string, error) {
			return p.Person(q.Account, q.Name, q.Others, state)
		})
	case q.Remains != 0:
		a.Remains, err = lookUp(ctx, l, func(state schemas.State) (*schemas.Remains, []string, error) {
			return p.Remains(q.Account, q.Remains, state)
		})
	default:
		a.Ticket, err = lookUp(ctx, l, func(state schemas.State) (*schemas.TicketRow, []string, error) {
			return p.Ticket(q.Account, q.Ticket, state)
		})
	}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

// respond answers; who asked may be gone, or waits in vain for an answer that is too large.
func respond(m *nats.Msg, a lookAnswer) {
	data, err := json.Marshal(a)
	if err == nil {
		err = m.Respond(data)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		respond(m, lookAnswer{Error: "the answer is too large"})
	}
}

var (
	errBehind   = errors.New("another loop has written the partition's record")
	errReplayed = errors.New("the state is being made anew")
)

// lookUp asks the processor, with the rows that it needs.
func lookUp[T any](ctx context.Context, l *loop, tell func(schemas.State) (*T, []string, error)) (*T, error) {
	state := schemas.State{}
	var missing []string
	for range maxRounds {
		var more []string
		told, err := guard(func() (told *T, err error) {
			told, more, err = tell(state)
			return told, err
		})
		if err != nil || len(more) == 0 {
			return told, err
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
	case seq > l.fence && l.inFlight == nil:
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
