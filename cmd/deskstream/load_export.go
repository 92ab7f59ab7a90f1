package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"deskstream/ingest/zendesktest"
)

// exportDays is how long the past of a synthetic account is, where it has so many tickets.
const exportDays = 90

// exportLoad serves a synthetic account and has the instance read it.
type exportLoad struct {
	loadCmd
	api     *client
	account *zendesktest.Account
	source  string
	rows    rowPacer
}

// runExport makes the account, connects it to the instance as a user would, and waits until all of its tickets are in the reports.
func (c *loadCmd) runExport(ctx context.Context, out *streams) error {
	days := min(exportDays, c.Tickets)
	account, err := zendesktest.History(uint64(c.Tickets), days, (c.Tickets+days-1)/days, time.Now())
	if err != nil {
		return err
	}
	l := &exportLoad{loadCmd: *c, api: newClient(strings.TrimSuffix(c.Instance, "/"), c.APIKey), account: account}
	l.rows.limiter = rate.NewLimiter(limitOf(c.Rate), exportBurst)
	l.rows.server = zendesktest.NewServer(account, zendesktest.Options{
		APITokens: map[string]string{demoToken: zendesktest.AdminEmail}, IncrementalPerMinute: -1, PerMinute: -1, HideTickets: -1, HideOthers: -1,
	})
	stop, err := l.listen()
	if err != nil {
		return err
	}
	defer stop()
	err = l.run(ctx, out)
	todo := "the source of " + demoAccount + " may be connected already"
	if l.source != "" {
		todo = "the source " + l.source + " stays"
	}
	return unfinished(ctx, err, todo)
}

// run connects the account and waits for its tickets.
func (l *exportLoad) run(ctx context.Context, out *streams) (err error) {
	tickets := len(l.account.Tickets())
	fmt.Fprintf(out.out, "a synthetic account with %d tickets is at http://%s\n", tickets, l.Serve)
	start := time.Now()
	if l.source, err = connectSource(ctx, l.api, map[string]any{"type": "zendesk", "account": demoAccount, "name": "Synthetic export"}, l.Secret); err != nil {
		return err
	}
	if err := l.wait(ctx, l.synced); err != nil {
		return err
	}
	read, rows := time.Since(start), l.rows.total.Load()
	if err := l.wait(ctx, func(ctx context.Context) (bool, error) { return l.reported(ctx, tickets) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out.out, "%d rows read in %s (%.0f/s), all tickets in the reports after %s; the source %s stays\n", rows, read.Round(time.Millisecond),
		float64(rows)/read.Seconds(), time.Since(start).Round(time.Millisecond), l.source)
	return err
}

// listen serves the account until stop is called.
func (l *exportLoad) listen() (stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.Serve)
	if err != nil {
		return nil, &settingError{"serve", l.Serve, "an address host:port that is free (" + err.Error() + ")"}
	}
	server := &http.Server{Handler: &l.rows, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }, nil
}

// exportLook is how often the instance is asked how far it is.
const exportLook = 200 * time.Millisecond

// wait asks until something is so.
func (l *exportLoad) wait(ctx context.Context, done func(context.Context) (bool, error)) error {
	tick := time.NewTicker(exportLook)
	defer tick.Stop()
	for {
		ok, err := done(ctx)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (l *exportLoad) synced(ctx context.Context) (bool, error) {
	return initiallySynced(ctx, l.api, l.source)
}

// initiallySynced says whether the first sync of a source is over.
func initiallySynced(ctx context.Context, api *client, source string) (bool, error) {
	var state struct {
		Done bool `json:"initial_sync_done"`
	}
	err := api.call(ctx, "GET", "/v1/sources/"+source+"/sync", nil, &state)
	return state.Done, err
}

func (l *exportLoad) reported(ctx context.Context, tickets int) (bool, error) {
	var report struct {
		Totals struct{ Tickets, Deleted int }
	}
	err := l.api.call(ctx, "GET", "/v1/reports/tickets", nil, &report)
	return report.Totals.Tickets+report.Totals.Deleted >= tickets, err
}

// exportBurst is how many rows may go out at once.
const exportBurst = 100

// connectSource does what a user does: create the source of the account that is simulated, give it the webhook's secret, if
// there is one, and authorize it.
func connectSource(ctx context.Context, api *client, body map[string]any, secret string) (id string, err error) {
	var src struct {
		ID string `json:"id"`
	}
	if err := api.call(ctx, "POST", "/v1/sources", body, &src); err != nil {
		return "", err
	}
	if secret != "" {
		if err := api.call(ctx, "PUT", "/v1/sources/"+src.ID+"/webhook", map[string]string{"signing_secret": secret}, nil); err != nil {
			return src.ID, err
		}
	}
	auth := map[string]string{"method": "api_token", "email": zendesktest.AdminEmail, "token": demoToken}
	return src.ID, api.call(ctx, "POST", "/v1/sources/"+src.ID+"/authorize", auth, nil)
}

// rowPacer gives the pages of exports out at a rate of rows.
type rowPacer struct {
	server  http.Handler
	limiter *rate.Limiter
	total   atomic.Int64
}

// ServeHTTP holds a page back until its rows are due.
func (p *rowPacer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/api/v2/incremental/") {
		p.server.ServeHTTP(w, r)
		return
	}
	page := &heldPage{ResponseWriter: w, status: http.StatusOK}
	p.server.ServeHTTP(page, r)
	rows := page.rows()
	for left := rows; left > 0; left -= exportBurst {
		if p.limiter.WaitN(r.Context(), min(left, exportBurst)) != nil {
			return // nobody waits for it
		}
	}
	p.total.Add(int64(rows))
	w.WriteHeader(page.status)
	_, _ = w.Write(page.body.Bytes())
}

// heldPage is an answer that is not sent yet.
type heldPage struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader is for http.ResponseWriter.
func (h *heldPage) WriteHeader(status int) { h.status = status }

// Write is for http.ResponseWriter.
func (h *heldPage) Write(b []byte) (int, error) { return h.body.Write(b) }

// rows counts what the lists of the page hold.
func (h *heldPage) rows() (n int) {
	var members map[string]json.RawMessage
	if json.Unmarshal(h.body.Bytes(), &members) != nil {
		return 0
	}
	for _, m := range members {
		var list []json.RawMessage
		if json.Unmarshal(m, &list) == nil {
			n += len(list)
		}
	}
	return n
}
