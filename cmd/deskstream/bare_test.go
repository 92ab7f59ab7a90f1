package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// The programs here do the input and output of the pipeline and nothing else: no state, no facts, one table, at least once. The pipeline
// is measured as a ratio to them in the same run, because speeds of shared machines say little by themselves.

const (
	bareStream  = "BARE"
	bareSubject = "bare.raw"
	bareTable   = `CREATE TABLE IF NOT EXISTS bare (account LowCardinality(String), kind LowCardinality(String), at DateTime('UTC'), id String,
		ticket_id Int64, requester_id Int64, assignee_id Int64, group_id Int64, brand_id Int64, organization_id Int64, actor_id Int64,
		channel LowCardinality(String), priority LowCardinality(String), type LowCardinality(String), status LowCardinality(String), subject String,
		message String, tags Array(LowCardinality(String)), received DateTime('UTC'), seq UInt64)
		ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (account, kind, at, ticket_id)
		SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`
)

// bareRow is what the bare consumer picks out of an event.
type bareRow struct {
	Type   string    `json:"type"`
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Detail struct {
		ID           schemas.ZID  `json:"id"`
		ActorID      schemas.ZID  `json:"actor_id"`
		AssigneeID   schemas.ZID  `json:"assignee_id"`
		BrandID      schemas.ZID  `json:"brand_id"`
		GroupID      schemas.ZID  `json:"group_id"`
		Organization schemas.ZID  `json:"organization_id"`
		RequesterID  schemas.ZID  `json:"requester_id"`
		Priority     string       `json:"priority"`
		Status       string       `json:"status"`
		Subject      string       `json:"subject"`
		Type         string       `json:"type"`
		Description  string       `json:"description"`
		Tags         []string     `json:"tags"`
		Via          schemas.ZVia `json:"via"`
	} `json:"detail"`
}

// bareConsume moves want messages of a stream into the table and returns when they are there. Batches of up to 10,000, linger 200 ms.
func bareConsume(ctx context.Context, nc *nats.Conn, stream, filter string, db driver.Conn, want int) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(5000))
	if err != nil {
		return err
	}
	defer messages.Stop()
	incoming := make(chan jetstream.Msg, 20000)
	go func() {
		for {
			m, err := messages.Next()
			if err != nil {
				return
			}
			incoming <- m
		}
	}()
	for done := 0; done < want; {
		n, err := bareBlock(ctx, db, incoming, want-done)
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

func bareBlock(ctx context.Context, db driver.Conn, incoming <-chan jetstream.Msg, most int) (int, error) {
	batch, err := db.PrepareBatch(ctx, "INSERT INTO bare")
	if err != nil {
		return 0, err
	}
	defer func() { _ = batch.Close() }()
	var linger <-chan time.Time
	n := 0
	for n < min(most, 10000) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case m := <-incoming:
			if n == 0 {
				linger = time.After(200 * time.Millisecond)
			}
			n++
			var r bareRow
			if err := json.Unmarshal(m.Data(), &r); err != nil {
				return 0, err
			}
			d := &r.Detail
			if err := batch.Append("acme", r.Type, r.Time, r.ID, int64(d.ID), int64(d.RequesterID), int64(d.AssigneeID), int64(d.GroupID), int64(d.BrandID),
				int64(d.Organization), int64(d.ActorID), d.Via.Channel, d.Priority, d.Type, d.Status, d.Subject, d.Description, d.Tags, r.Time, uint64(n)); err != nil {
				return 0, err
			}
		case <-linger:
			return n, batch.Send()
		}
	}
	return n, batch.Send()
}

// bareIntake is a webhook handler that checks the signature, stores the raw bytes and answers: singly while few wait, else grouped into
// atomic batches of up to 256 on two lanes.
type bareIntake struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	waiting chan bareRequest
	stored  atomic.Int64
}

type bareRequest struct {
	body []byte
	done chan error
}

func newBareIntake(ctx context.Context, nc *nats.Conn) (*bareIntake, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: bareStream, Subjects: []string{"bare.>"}, AllowAtomicPublish: true, Discard: jetstream.DiscardNew})
	if err != nil {
		return nil, err
	}
	b := &bareIntake{nc: nc, js: js, waiting: make(chan bareRequest, 1024)}
	for range 2 {
		go b.lane(ctx)
	}
	return b, nil
}

func (b *bareIntake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(r.Header.Get("X-Zendesk-Webhook-Signature-Timestamp")))
	mac.Write(body)
	sent, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Zendesk-Webhook-Signature"))
	if err != nil || !hmac.Equal(sent, mac.Sum(nil)) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	q := bareRequest{body, make(chan error, 1)}
	b.waiting <- q
	if <-q.done != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	b.stored.Add(1)
}

func (b *bareIntake) lane(ctx context.Context) {
	for {
		group := make([]bareRequest, 0, 256)
		select {
		case <-ctx.Done():
			return
		case q := <-b.waiting:
			group = append(group, q)
		}
		for len(group) < cap(group) {
			select {
			case q := <-b.waiting:
				group = append(group, q)
				continue
			default:
			}
			break
		}
		if len(group) < 64 {
			b.singly(group)
			continue
		}
		err := b.together(ctx, group)
		for _, q := range group {
			q.done <- err
		}
	}
}

func (b *bareIntake) singly(group []bareRequest) {
	for _, q := range group {
		f, err := b.js.PublishMsgAsync(&nats.Msg{Subject: bareSubject, Data: q.body}, jetstream.WithStallWait(4*time.Second))
		if err != nil {
			q.done <- err
			continue
		}
		go func() {
			select {
			case <-f.Ok():
				q.done <- nil
			case err := <-f.Err():
				q.done <- err
			}
		}()
	}
}

var bareBatch atomic.Int64

func (b *bareIntake) together(ctx context.Context, group []bareRequest) error {
	id := "bare" + strconv.FormatInt(bareBatch.Add(1), 10)
	for i, q := range group {
		m := &nats.Msg{Subject: bareSubject, Data: q.body, Header: nats.Header{"Nats-Batch-Id": {id}, "Nats-Batch-Sequence": {strconv.Itoa(i + 1)}}}
		last := i == len(group)-1
		if last {
			m.Header["Nats-Batch-Commit"] = []string{"1"}
		}
		if i != 0 && !last {
			if err := b.nc.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		answer, err := b.nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return err
		}
		var ack struct {
			Error *struct {
				Description string `json:"description"`
			} `json:"error"`
		}
		if len(answer.Data) > 0 && json.Unmarshal(answer.Data, &ack) == nil && ack.Error != nil {
			return errors.New(ack.Error.Description)
		}
	}
	return nil
}

func bareDatabase(tb testing.TB, dsn string) driver.Conn {
	tb.Helper()
	db, err := openQueries(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	if err := db.Exec(tb.Context(), "DROP TABLE IF EXISTS bare"); err != nil {
		tb.Fatal(err)
	}
	if err := db.Exec(tb.Context(), bareTable); err != nil {
		tb.Fatal(err)
	}
	return db
}
