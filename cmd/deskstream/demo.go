package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local"
)

type demoCmd struct {
	StoreFlags
	EngineFlags
	ListenFlags
	APIFlags
	KeyFlags
	DeliveryFlags
	PollFlags
	Days    int     `default:"90" help:"Days of history the simulated account has."`
	PerDay  int     `default:"40" help:"Tickets a day in that history."`
	PerMin  float64 `name:"per-minute" default:"120" help:"Live changes a minute."`
	Seed    uint64  `default:"1" help:"Another number makes another account."`
	Quit    bool    `help:"End once everything was shown, for scripts."`
	Webhook string  `hidden:"" default:"demo-signing-secret"`
}

// demoAccount is the subdomain of the simulated account, demoToken the API token it takes.
const (
	demoAccount = "acme"
	demoToken   = "demo-api-token"
)

// Run starts the simulated account and the whole program, connects the one to the other through the HTTP API as a user would, and shows
// what came out. The simulated account lives in memory, so its data folder is made anew each time.
func (c *demoCmd) Run(ctx context.Context, out *streams) error {
	if err := cmp.Or(atLeastOne("days", c.Days), atLeastOne("per-day", c.PerDay)); err != nil {
		return err
	}
	if c.PerMin <= 0 || !finite(c.PerMin) {
		return &settingError{"per-minute", fmt.Sprint(c.PerMin), "a number above 0"}
	}
	began := time.Now()
	c.Data = filepath.Join(c.Data, "demo")
	if err := emptyFolder(c.Data); err != nil {
		return err
	}
	account, server, err := c.startZendesk()
	if err != nil {
		return err
	}
	defer func() { _ = server.Close(context.WithoutCancel(ctx)) }()
	app := &App{
		Config: c.config(server.URL()), Roles: roles{ingest: true, process: true, sink: true, serve: true}, Log: c.logger(out), Now: time.Now,
	}
	app.heap.limitUntil(ctx)
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Stop()
	announce(app, out)
	fmt.Fprintf(out.out, "Other commands work on it with --data %s\n", c.Data)
	d := &demo{cmd: c, app: app, api: newClient("http://"+app.Addr(), cmp.Or(app.apiKey, app.Config.APIKey)), out: out, began: began}
	if err := d.connect(ctx); err != nil {
		return err
	}
	d.goLive(account)
	if err := d.show(ctx); err != nil {
		return err
	}
	if c.Quit {
		return nil
	}
	fmt.Fprintln(out.out, "\nLive traffic goes on; Ctrl-C ends it.")
	return app.Wait(ctx)
}

// config is that of the program on the simulated account. That has no limits to keep, so it is polled faster than Zendesk would allow.
func (c *demoCmd) config(zendesk string) Config {
	config := Config{
		StoreFlags: c.StoreFlags, EngineFlags: c.EngineFlags, ListenFlags: c.ListenFlags, APIFlags: c.APIFlags, KeyFlags: c.KeyFlags,
		DeliveryFlags: c.DeliveryFlags, PollFlags: c.PollFlags,
		ClientFlags: ClientFlags{ZendeskFlags: ZendeskFlags{ZendeskURL: zendesk}, Incremental: 6000},
	}
	config.PollInterval = min(config.PollInterval, 10*time.Second)
	return config
}

// emptyFolder removes what an earlier demonstration left, unless one is running there.
func emptyFolder(dir string) error {
	unlock, err := local.Lock(dir)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer unlock()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	for _, e := range entries {
		if e.Name() == local.LockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("--data: %w", err)
		}
	}
	return nil
}

// demo is one running demonstration.
type demo struct {
	cmd    *demoCmd
	app    *App
	api    *client
	out    *streams
	began  time.Time
	source string
}

// connect does what a user does.
func (d *demo) connect(ctx context.Context) (err error) {
	d.source, err = connectSource(ctx, d.api, map[string]any{
		"type": "zendesk", "account": demoAccount, "name": "Acme support",
		"opt_in":    map[string]any{"email": true, "sms": false, "confirmed_by": "owner@acme.test"},
		"retention": map[string]any{"days": d.cmd.Days},
	}, d.cmd.Webhook)
	return err
}

// show waits for the initial sync and prints a report, the activity feed and a rendered message.
func (d *demo) show(ctx context.Context) error {
	if err := d.waitSynced(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out.out, "\n%d days of history are in, %s after the start.\n", d.cmd.Days, time.Since(d.began).Round(100*time.Millisecond))
	for _, path := range []string{
		"/v1/reports/csat?group_by=assignee&from=" + d.day(-30) + "&to=" + d.day(0),
		"/v1/reports/closures?interval=week&from=" + d.day(-28) + "&to=" + d.day(0),
		"/v1/reports/keywords?phrase=travel+insurance&phrase=refund&from=" + d.day(-d.cmd.Days) + "&to=" + d.day(0),
	} {
		if err := d.showReport(ctx, path); err != nil {
			return err
		}
	}
	if err := d.showFeed(ctx); err != nil {
		return err
	}
	return d.showMessage(ctx)
}

func (d *demo) day(offset int) string {
	return time.Now().In(d.cmd.location).AddDate(0, 0, offset).Format(time.DateOnly)
}

func (d *demo) waitSynced(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := initiallySynced(ctx, d.api, d.source)
		if err != nil {
			return err
		}
		if done {
			return d.app.stream.Drained(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-d.app.failures:
			return err
		case <-tick.C:
		}
	}
}

// showReport prints the command that asks for a report and its answer as CSV.
func (d *demo) showReport(ctx context.Context, path string) error {
	var csv string
	if err := d.api.call(ctx, "GET", path+"&format=csv", nil, &csv); err != nil {
		return err
	}
	fmt.Fprintf(d.out.out, "\n$ curl -H 'Authorization: Bearer %s' '%s%s&format=csv'\n%s", d.api.key, d.api.base, path, csv)
	return nil
}

func (d *demo) showFeed(ctx context.Context) error {
	var feed struct {
		Items []struct {
			Activity   string    `json:"activity"`
			OccurredAt time.Time `json:"occurred_at"`
			Text       string    `json:"text"`
			Person     *struct {
				Name string `json:"name"`
			} `json:"person"`
		} `json:"items"`
	}
	path := "/v1/sources/" + d.source + "/activity?limit=8"
	if err := d.api.call(ctx, "GET", path, nil, &feed); err != nil {
		return err
	}
	fmt.Fprintf(d.out.out, "\n$ curl -H 'Authorization: Bearer %s' '%s%s'\n", d.api.key, d.api.base, path)
	for _, a := range feed.Items {
		name := "-"
		if a.Person != nil {
			name = a.Person.Name
		}
		fmt.Fprintf(d.out.out, "%s  %-28s %-20s %.80s\n", a.OccurredAt.Format("15:04:05"), a.Activity, name, a.Text)
	}
	return nil
}

// demoTemplate is a message to somebody who wrote lately.
const demoTemplate = `Hello {{ people.first-name | default: "there" }}, your request "{{ activity.zendesk.ticket-created.subject | default: "(none)" }}" is with us` +
	`{% if person.zendesk.tickets_open > 1 %} (one of {{ person.zendesk.tickets_open }} that are open){% endif %}.`

func (d *demo) showMessage(ctx context.Context) error {
	var people struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	wrote := url.Values{"limit": {"1"}, "filter": {`{"all":[{"field":"first_name","op":"has_value"},{"activity":"ticket-created","op":"has_occurred","within_days":7}]}`}}
	if err := d.api.call(ctx, "GET", "/v1/people?"+wrote.Encode(), nil, &people); err != nil {
		return err
	}
	if len(people.Items) == 0 {
		return nil
	}
	var answer struct {
		Parts map[string]string `json:"parts"`
	}
	body := map[string]any{"person": people.Items[0].ID, "format": "text", "parts": map[string]string{"text": demoTemplate}}
	if err := d.api.call(ctx, "POST", "/v1/liquid/render", body, &answer); err != nil {
		return err
	}
	fmt.Fprintf(d.out.out, "\nPOST %s/v1/liquid/render for person %s:\n%s\n", d.api.base, people.Items[0].ID, strings.TrimSpace(answer.Parts["text"]))
	return nil
}

func (d *demo) webhookURL() string {
	u := url.URL{Scheme: "http", Host: d.app.Addr(), Path: "/webhooks/zendesk/" + d.source}
	return u.String()
}

// startZendesk makes the account with its past and serves it.
func (c *demoCmd) startZendesk() (*zendesktest.Account, *zendesktest.Server, error) {
	account, err := zendesktest.History(c.Seed, c.Days, c.PerDay, time.Now())
	if err != nil {
		return nil, nil, err
	}
	server := zendesktest.NewServer(account, zendesktest.Options{
		APITokens: map[string]string{demoToken: zendesktest.AdminEmail}, IncrementalPerMinute: -1, PerMinute: -1, HideTickets: time.Second,
	})
	return account, server, server.Listen("127.0.0.1:0")
}

// goLive keeps the account busy and delivers its webhooks, a few of them twice and out of order, as Zendesk does.
func (d *demo) goLive(account *zendesktest.Account) {
	live := &zendesktest.Live{Account: account, PerMinute: d.cmd.PerMin, Seed: d.cmd.Seed}
	sender := &zendesktest.Sender{Account: account, URL: d.webhookURL(), Secret: d.cmd.Webhook, Duplicate: 0.05, Shuffle: 3, Seed: d.cmd.Seed}
	d.app.run(&d.app.feeding, "live traffic", live.Run)
	d.app.run(&d.app.feeding, "webhook sender", sender.Run)
}
