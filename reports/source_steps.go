package reports

import (
	"bytes"
	"context"
	"html/template"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

func (s *server) sourceStepRoutes() {
	admin := []string{scopeAdmin}
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources/{id}/authorize", id: "authorize-source", tag: tagSources, summary: "Connect with credentials", scopes: admin,
		detail: "oauth answers an address to visit; client_credentials and api_token connect at once. The user must be an administrator of a Support account.",
	}, s.authorizeSource)
	s.handleRaw(route{
		method: http.MethodGet, path: "/v1/oauth/zendesk/callback", id: "oauth-callback", tag: tagSources,
		summary: "End of the OAuth flow; the browser comes here from Zendesk, guarded by the state it carries", pages: true,
		parameters: []*huma.Param{
			queryParam("state", "As in the address that authorize answered", nil), queryParam("code", "What Zendesk gives access for", nil),
			queryParam("error", "Why Zendesk gave none", nil),
		},
	}, "text/html", s.oauthCallback)
	handle(s, route{
		method: http.MethodPut, path: "/v1/sources/{id}/webhook", id: "set-webhook-secret", tag: tagSources, summary: "Store the webhook's signing secret", scopes: admin,
		detail: "The secret before stays valid for 10 minutes.",
	}, s.setWebhookSecret)
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources/{id}/webhook/register", id: "register-webhook", tag: tagSources,
		summary: "Create the webhook in Zendesk (the only write to Zendesk)", scopes: admin,
	}, s.step(s.Connections.RegisterWebhook))
	step := func(name, summary string, do func(context.Context, string) (schemas.Source, error)) {
		handle(s, route{
			method: http.MethodPost, path: "/v1/sources/{id}/" + name, id: name + "-source", tag: tagSources, summary: summary, scopes: admin,
		}, s.step(func(ctx context.Context, id string) error { _, err := do(ctx, id); return err }))
	}
	step("disconnect", "Stop merging new data", s.Connections.Disconnect)
	step("reconnect", "Merge again; reads what changed meanwhile", s.Connections.Reconnect)
	step("archive", "Archive a disconnected source", s.Connections.Archive)
	step("restore", "Bring an archived source back, disconnected", s.Connections.Restore)
	handle(s, route{
		method: http.MethodDelete, path: "/v1/sources/{id}", id: "delete-source", tag: tagSources, summary: "Delete an archived source", scopes: admin, status: http.StatusNoContent,
	}, s.deleteSource)
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources/{id}/resync", id: "resync-source", tag: tagSources, summary: "Read from Zendesk again", scopes: admin, status: http.StatusAccepted,
	}, s.resyncSource)
}

type authorizeInput struct {
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		Method       string `json:"method" enum:"oauth,client_credentials,api_token"`
		ClientID     string `json:"client_id,omitempty" maxLength:"1000"`
		ClientSecret string `json:"client_secret,omitempty" maxLength:"4000"`
		Email        string `json:"email,omitempty" maxLength:"320"`
		Token        string `json:"token,omitempty" maxLength:"4000"`
		WebhookScope bool   `json:"webhook_scope,omitempty" doc:"oauth: also ask for the right to create webhooks, for webhook/register"`
	}
}

type authorizeAnswer struct {
	Status       string `json:"status" doc:"Of the source"`
	AuthorizeURL string `json:"authorize_url,omitempty" doc:"oauth: where the user must go"`
}

func (s *server) authorizeSource(ctx context.Context, in *authorizeInput) (*answer[authorizeAnswer], error) {
	b := in.Body
	if _, err := s.source(ctx, in.ID); err != nil {
		return nil, err
	}
	url, err := s.Connections.Authorize(ctx, in.ID, schemas.AuthorizeRequest{
		Method: b.Method, ClientID: b.ClientID, ClientSecret: b.ClientSecret, Email: b.Email, Token: b.Token, WebhookScope: b.WebhookScope,
	})
	if err != nil {
		return nil, storeError(err)
	}
	src, err := s.source(ctx, in.ID)
	return reply(authorizeAnswer{Status: string(src.Status), AuthorizeURL: url}, err)
}

var callbackPage = template.Must(template.New("callback").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>deskstream</title><link rel="stylesheet" href="/docs.css"></head>
<body><h1>{{.Title}}</h1><p>{{.Text}}</p><p><a href="/docs">Continue</a></p></body></html>
`))

// oauthCallback is visited by a browser, so it answers with a page.
func (s *server) oauthCallback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("error") != "" {
		if q.Get("state") != "" {
			_, _ = s.Connections.Callback(r.Context(), q.Get("state"), "") // uses the state up; whatever it answers, access was not given
		}
		showCallback(w, http.StatusBadRequest, "Zendesk was not connected", "Zendesk did not give access. Start again from the source.")
		return
	}
	if q.Get("state") == "" || q.Get("code") == "" {
		showCallback(w, http.StatusBadRequest, "Zendesk was not connected", "The address lacks state and code. Start again from the source.")
		return
	}
	if _, err := s.Connections.Callback(r.Context(), q.Get("state"), q.Get("code")); err != nil {
		p := s.problem("/v1/oauth/zendesk/callback", storeError(err))
		if p.Status == http.StatusUnprocessableEntity { // no field can be put right: the request is not the one it should be
			p.Status = http.StatusBadRequest
		}
		showCallback(w, p.Status, "Zendesk was not connected", p.Detail)
		return
	}
	showCallback(w, http.StatusOK, "Zendesk is connected", "The first sync has begun. This window can be closed.")
}

func showCallback(w http.ResponseWriter, status int, title, text string) {
	var b bytes.Buffer
	if err := callbackPage.Execute(&b, map[string]string{"Title": title, "Text": text}); err != nil {
		writeProblem(w, problemOf(err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

type webhookInput struct {
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		Secret string `json:"signing_secret" minLength:"1" maxLength:"1000"`
	}
}

func (s *server) setWebhookSecret(ctx context.Context, in *webhookInput) (*answer[sourceView], error) {
	return s.step(func(ctx context.Context, id string) error {
		return s.Connections.SetWebhookSecret(ctx, id, in.Body.Secret)
	})(ctx, &byID{in.ID})
}

// step makes a handler of one step of a source's life; it answers the source as it is afterwards.
func (s *server) step(do func(context.Context, string) error) func(context.Context, *byID) (*answer[sourceView], error) {
	return func(ctx context.Context, in *byID) (*answer[sourceView], error) {
		if _, err := s.source(ctx, in.ID); err != nil {
			return nil, err
		}
		if err := do(ctx, in.ID); err != nil {
			return nil, storeError(err)
		}
		return reply(s.sourceView(ctx, in.ID))
	}
}

func (s *server) deleteSource(ctx context.Context, in *byID) (*none, error) {
	if _, err := s.source(ctx, in.ID); err != nil {
		return nil, err
	}
	return nil, storeError(s.Connections.Delete(ctx, in.ID))
}

type resyncInput struct {
	ID   string      `path:"id" maxLength:"200"`
	Body *resyncMode // nil = without a body, which is as an empty one
}

type resyncMode struct {
	Mode string `json:"mode,omitempty" enum:"delta,backfill" default:"delta" doc:"delta reads what changed since the last request, backfill everything within retention"`
}

type resyncAnswer struct {
	Job job `json:"job"`
}

// job is work that goes on after the answer; its progress is in the source's sync state.
type job struct {
	Source string `json:"source_id"`
	Kind   string `json:"kind"`
	Mode   string `json:"mode"`
	Watch  string `json:"watch" doc:"Where its progress is shown"`
}

func (s *server) resyncSource(ctx context.Context, in *resyncInput) (*answer[resyncAnswer], error) {
	if _, err := s.source(ctx, in.ID); err != nil {
		return nil, err
	}
	mode := "delta"
	if in.Body != nil {
		mode = in.Body.Mode
	}
	if err := s.Connections.Resync(ctx, in.ID, mode); err != nil {
		return nil, storeError(err)
	}
	return reply(resyncAnswer{job{Source: in.ID, Kind: "resync", Mode: mode, Watch: "/v1/sources/" + in.ID + "/sync"}}, nil)
}
