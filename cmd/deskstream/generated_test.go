package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// Accounts and tickets in each of TestGeneratedAccounts.
const (
	generatedAccounts = 20
	generatedTickets  = 14
)

// TestGeneratedAccounts reads accounts of random histories through one program that has several accounts switched on, and holds every
// report, plain and grouped, against the naive model. Ids are the same in all accounts, so nothing of one may get into another.
func TestGeneratedAccounts(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	accounts := make([]*generator, generatedAccounts)
	mux := http.NewServeMux()
	for i := range accounts {
		g, err := generate(seed+uint64(i), fmt.Sprintf("account%d", i), generatedTickets)
		if err != nil {
			t.Fatal(err)
		}
		accounts[i] = g
		mux.Handle("/"+g.Subdomain+"/", http.StripPrefix("/"+g.Subdomain, zendesktest.NewServer(g.Account, zendesktest.Options{
			APITokens: map[string]string{testToken: *g.admin.Email}, IncrementalPerMinute: -1, PerMinute: -1, HideTickets: -1, HideOthers: -1,
		})))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	app, api := startApp(t, server.URL+"/{account}", func(a *App) {
		a.Config.SeveralAccts, a.Config.PollInterval, a.Config.ContactSync = true, 10*time.Second, 10*time.Second
	})
	models, sources := make([]*model, len(accounts)), make([]string, len(accounts))
	for i, g := range accounts {
		source := connect(t, api, g.Subdomain, *g.admin.Email, 120)
		models[i] = newModel(g.Account, g.merged)
		hook := api.base + "/webhooks/zendesk/" + source
		for _, w := range g.TakeWebhooks() {
			if status, err := postSigned(http.DefaultClient, hook, testSecret, w.Body); err != nil || status != http.StatusOK {
				t.Fatalf("webhook %s: status %d, %v", w.Type, status, err)
			}
		}
		sources[i] = source
	}
	for _, source := range sources {
		waitSynced(t, api, source)
	}
	drained(t, app)
	now := time.Now()
	if err := askAll(t, api, models, modelQuestions(now.AddDate(0, 0, -generatedDays/2), now.Add(-30*time.Minute))); err != nil {
		t.Error(err)
	}
}
