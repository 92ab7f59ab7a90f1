package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

type loadCmd struct {
	URL         string        `help:"Webhook address, e.g. http://127.0.0.1:8080/webhooks/zendesk/<source id>."`
	Secret      string        `help:"Signing secret of the source."`
	Rate        float64       `default:"100" help:"Webhooks, or rows of the export, a second; 0 = as fast as it goes."`
	Connections int           `default:"16" help:"Webhooks under way at once."`
	Duration    time.Duration `default:"10s" help:"How long to send."`
	Tickets     int           `default:"1000" help:"Tickets the webhooks are about, or about so many in the export."`
	Copies      int           `default:"1" help:"How often each webhook is sent."`
	Export      bool          `help:"Instead of webhooks serve a synthetic Zendesk account, connect it to the instance and wait until it is in the reports."`
	Serve       string        `default:"127.0.0.1:8090" help:"With --export: address of the account; start the instance with --zendesk-url http://<this address>."`
	Instance    string        `default:"http://127.0.0.1:8080" help:"With --export: address of the instance."`
	APIKey      string        `name:"api-key" help:"With --export: API key of the instance, with scope admin. ${seen}"`
}

// Run sends webhooks and prints what came back.
func (c *loadCmd) Run(ctx context.Context, out *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Export {
		return c.runExport(ctx, out)
	}
	l := newLoad(*c)
	l.run(ctx)
	if err := l.report(out.out); err != nil {
		return err
	}
	if l.status[http.StatusOK] == 0 {
		fmt.Fprintf(out.err, "deskstream: no webhook was stored at %s\n", c.URL)
		return errFailed
	}
	return nil
}

func (c *loadCmd) check() error {
	if err := c.checkTarget(); err != nil {
		return err
	}
	switch {
	case c.Rate < 0 || !finite(c.Rate):
		return &settingError{"rate", fmt.Sprint(c.Rate), "a number of at least 0; 0 is as fast as it goes"}
	case c.Duration <= 0:
		return &settingError{"duration", c.Duration.String(), "a duration above 0, e.g. 10s"}
	}
	return cmp.Or(atLeastOne("connections", c.Connections), atLeastOne("tickets", c.Tickets), atLeastOne("copies", c.Copies))
}

// checkTarget checks where the load goes to.
func (c *loadCmd) checkTarget() error {
	switch {
	case c.Export && c.APIKey == "":
		return &settingError{"api-key", "", "an API key of the instance with scope admin"}
	case c.Export && c.Instance == "":
		return &settingError{"instance", "", "the address of the instance, e.g. http://127.0.0.1:8080"}
	case c.Export:
		return cmp.Or(checkKey(c.APIKey), checkURL("instance", c.Instance, "http", "https"))
	case c.URL == "":
		return &settingError{"url", c.URL, "the webhook address of a source"}
	case c.Secret == "":
		return &settingError{"secret", "", "the signing secret of the source"}
	}
	return checkURL("url", c.URL, "http", "https")
}

// atLeastOne checks a setting that counts something.
func atLeastOne(name string, n int) error {
	if n < 1 {
		return &settingError{name, strconv.Itoa(n), "a whole number of at least 1"}
	}
	return nil
}

// finite says whether a number is one that can be counted to.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// limitOf gives the limit of a rate; 0 is none.
func limitOf(perSecond float64) rate.Limit {
	if perSecond > 0 {
		return rate.Limit(perSecond)
	}
	return rate.Inf
}

// load is one run of the load generator.
type load struct {
	loadCmd
	client   *http.Client
	next     atomic.Int64
	mu       sync.Mutex
	status   map[int]int
	took     []time.Duration
	failures int
	wall     time.Duration
	run0     int64 // makes event ids of runs distinct
}

func newLoad(c loadCmd) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: c.Connections, MaxConnsPerHost: c.Connections}
	return &load{
		loadCmd: c, client: &http.Client{Transport: transport, Timeout: 15 * time.Second}, status: map[int]int{},
		run0: time.Now().UnixNano(),
	}
}

func (l *load) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.Duration)
	defer cancel()
	limiter := rate.NewLimiter(limitOf(l.Rate), max(1, l.Connections))
	start := time.Now()
	var wg sync.WaitGroup
	for range l.Connections {
		wg.Go(func() {
			for limiter.Wait(ctx) == nil && ctx.Err() == nil {
				l.send(l.next.Add(1) - 1)
			}
		})
	}
	wg.Wait()
	l.wall = time.Since(start)
	l.client.CloseIdleConnections()
}

func (l *load) send(n int64) {
	body := loadBody(l.run0, n/int64(l.Copies), int64(l.Tickets), time.Now())
	start := time.Now()
	status, err := postSigned(l.client, l.URL, l.Secret, body)
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failures++
		return
	}
	l.status[status]++
	l.took = append(l.took, took)
}

// postSigned sends one webhook as Zendesk does. A request under way when the run ends is still waited for.
func postSigned(client *http.Client, url, secret string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	stamp := time.Now().UTC().Format(time.RFC3339)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp))
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("X-Zendesk-Webhook-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	req.Header.Set("X-Zendesk-Webhook-Signature-Timestamp", stamp)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, err
}

// loadBody is webhook n of a run. Zendesk sends one webhook for each thing that an update changed, so they come in pairs here: a ticket is
// created with its first message, and each later update is a message and a status, in turn over all tickets. About 2 KB each, as Zendesk's.
func loadBody(run, n, tickets int64, now time.Time) []byte {
	update, message := n/2, n%2 == 1
	ticket, step := 1+update%tickets, update/tickets
	kind, event := "ticket.created", `{"meta":{"sequence":{"id":"1","position":1}}}`
	status, previous := "SOLVED", "OPEN"
	switch {
	case step == 0:
		status = "NEW"
	case step%2 == 0:
		status, previous = "OPEN", "SOLVED"
	}
	if step > 0 {
		kind, event = "ticket.status_changed", fmt.Sprintf(`{"current":%q,"previous":%q}`, status, previous)
	}
	if message {
		kind = "ticket.comment_added"
		event = fmt.Sprintf(`{"comment":{"id":"%d","body":%q,"is_public":true,"author":{"id":"%d","is_staff":false,"name":""}}}`,
			run/1000+n, loadText[:200], 900000+ticket%5000)
	}
	at, created := now.UTC().Format(time.RFC3339Nano), time.Unix(0, run).UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"type":"zen:event-type:%s","account_id":1,"id":"%016x-%012x","time":%q,"zendesk_event_version":"2022-11-06","subject":"zen:ticket:%d",`+
		`"detail":{"id":"%d","actor_id":"1001","assignee_id":"1001","brand_id":"600","created_at":%q,"custom_status":null,"description":%q,`+
		`"external_id":null,"form_id":null,"group_id":"500","is_public":true,"organization_id":"701","priority":"NORMAL","requester_id":"%d","status":%q,`+
		`"subject":"Load ticket %d","submitter_id":"%d","tags":["load","test"],"type":"QUESTION","updated_at":%q,"via":{"channel":"email"}},"event":%s}`,
		kind, run, n, at, ticket, ticket, created, loadText, 900000+ticket%5000, status, ticket, 900000+ticket%5000, at, event)
}

var loadText = string(bytes.Repeat([]byte("My parcel has not arrived and the tracking page shows an error. "), 18))

func (l *load) report(w io.Writer) error {
	slices.Sort(l.took)
	at := func(q float64) time.Duration {
		if len(l.took) == 0 {
			return 0
		}
		return l.took[int(q*float64(len(l.took)-1))]
	}
	_, err := fmt.Fprintf(w, "sent %d in %s (%.0f/s), status %v, no answer %d, p50 %s, p99 %s\n", len(l.took)+l.failures, l.wall.Round(time.Millisecond),
		float64(len(l.took))/l.wall.Seconds(), l.status, l.failures, at(0.5), at(0.99))
	return err
}
