package main

import (
	"testing"
	"time"
)

// TestSnippetsOutliveTheProcess stores a snippet, starts the program again on the same folder, and renders with it.
func TestSnippetsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	first, api := startApp(t, "http://127.0.0.1:0")
	call := func(api *client, method, path string, body, into any) {
		t.Helper()
		if err := api.call(t.Context(), method, path, body, into); err != nil {
			t.Fatal(err)
		}
	}
	call(api, "PUT", "/v1/liquid/snippets/mail%2Ffooter", map[string]string{"source": "-- {{ request.team }}"}, nil)
	first.Stop()

	second := &App{Config: first.Config, Roles: first.Roles, Now: time.Now, Tuning: first.Tuning, Log: first.Log}
	if err := second.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	api = newClient("http://"+second.Addr(), testKey)
	var got struct {
		Parts map[string]string `json:"parts"`
	}
	call(api, "POST", "/v1/liquid/render", map[string]any{
		"data": map[string]any{}, "request": map[string]any{"team": "Support"}, "parts": map[string]string{"text": "{% render 'mail/footer' %}{% include 'mail/footer' %}"},
	}, &got)
	// request is a merge-tag root, so a snippet with a scope of its own sees it too.
	if got.Parts["text"] != "-- Support-- Support" {
		t.Errorf("%+v", got)
	}
}
