package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"deskstream/schemas"
)

// WebhookEvents are the event types that a registered webhook subscribes to: those of tickets, users and organizations that change what
// we keep (developer.zendesk.com/api-reference/webhooks/event-types).
var WebhookEvents = eventTypes(map[string][]string{
	"ticket": {
		"created", "agent_assignment_changed", "group_assignment_changed", "status_changed", "custom_status_changed", "comment_added",
		"comment_made_private", "comment_redacted", "tags_changed", "priority_changed", "type_changed", "subject_changed",
		"requester_changed", "organization_changed", "brand_changed", "custom_field_changed", "external_id_changed", "merged",
		"marked_as_spam", "soft_deleted", "undeleted", "permanently_deleted", "csat_requested", "csat_received",
	},
	"user": {
		"created", "deleted", "merged", "active_changed", "suspended_changed", "name_changed", "role_changed", "external_id_changed",
		"custom_field_changed", "identity_created", "identity_changed", "identity_deleted", "organization_membership_created",
		"organization_membership_deleted", "tags_changed", "time_zone_changed", "details_changed", "notes_changed",
	},
	"organization": {"created", "deleted", "name_changed", "external_id_changed", "tags_changed", "custom_field_changed"},
})

func eventTypes(byOwner map[string][]string) []string {
	var out []string
	for _, owner := range []string{"ticket", "user", "organization"} {
		for _, name := range byOwner[owner] {
			out = append(out, "zen:event-type:"+owner+"."+name)
		}
	}
	return out
}

type zendeskWebhook struct {
	ID            string   `json:"id,omitempty"`
	Name          string   `json:"name"`
	Endpoint      string   `json:"endpoint"`
	Method        string   `json:"http_method"`
	Format        string   `json:"request_format"`
	Status        string   `json:"status"`
	Subscriptions []string `json:"subscriptions"`
}

// RegisterWebhook creates the webhook of a connected source in Zendesk, under PublicURL, and takes over its signing secret. It is the only
// write to Zendesk. A webhook that points to the same address already is used as it is.
func (c *Connections) RegisterWebhook(ctx context.Context, id string) error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return schemas.Invalid("public-url", "must be an absolute https address that Zendesk can reach")
	}
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	if s.Status != schemas.SourceConnected {
		return conflict("source-not-connected", "the source is not connected: authorize or reconnect it first")
	}
	client, err := c.writer(ctx, s)
	if err != nil {
		return err
	}
	hook := zendeskWebhook{
		Name: "deskstream " + id, Endpoint: strings.TrimSuffix(c.PublicURL, "/") + "/webhooks/zendesk/" + id, Method: http.MethodPost,
		Format: "json", Status: "active", Subscriptions: WebhookEvents,
	}
	var secret string
	err = inTime(ctx, func(ctx context.Context) (err error) {
		secret, err = client.register(ctx, hook)
		return err
	})
	if errors.Is(err, schemas.ErrDenied) {
		return refuse("webhook-scope-missing", "the credentials may not create webhooks: authorize with oauth and webhook_scope, or create the webhook in "+
			"Zendesk's Admin Center for "+hook.Endpoint+" and enter its signing secret")
	}
	if err != nil {
		return err
	}
	return c.SetWebhookSecret(ctx, id, secret)
}

// writer gives a client with the right to create webhooks. Client credentials get a token for just this; others have the right or not.
func (c *Connections) writer(ctx context.Context, s schemas.Source) (*Client, error) {
	if s.Auth.Method != MethodClientCredentials {
		return c.Clients.For(s)
	}
	secret, err := c.Sealer.Open(s.ID, fieldClientSecret, s.Auth.ClientSecret)
	if err != nil {
		return nil, err
	}
	g, err := c.Clients.grant(ctx, s.Account, grantRequest{
		GrantType: MethodClientCredentials, ClientID: s.Auth.ClientID, ClientSecret: secret, Scope: scopeWebhooks,
	})
	if err != nil {
		return nil, explainGrant(err)
	}
	return c.Clients.with(s.Account, bearer(g.AccessToken))
}

// register finds or creates the webhook and returns its signing secret.
func (c *Client) register(ctx context.Context, hook zendeskWebhook) (string, error) {
	var known struct {
		Webhooks []zendeskWebhook `json:"webhooks"`
	}
	if err := c.GetJSON(ctx, "/api/v2/webhooks", nil, &known); err != nil {
		return "", err
	}
	for _, h := range known.Webhooks {
		if h.Endpoint == hook.Endpoint && h.Status == "active" {
			return c.signingSecret(ctx, h.ID)
		}
	}
	body, err := json.Marshal(map[string]any{"webhook": hook})
	if err != nil {
		return "", fmt.Errorf("webhook: %w", err)
	}
	answer, err := c.do(ctx, http.MethodPost, "/api/v2/webhooks", nil, body)
	if err != nil {
		return "", err
	}
	var made struct {
		Webhook zendeskWebhook `json:"webhook"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.Webhook.ID == "" {
		return "", fmt.Errorf("webhook: %w: Zendesk created it but named no id", schemas.ErrUnavailable)
	}
	return c.signingSecret(ctx, made.Webhook.ID)
}

func (c *Client) signingSecret(ctx context.Context, id string) (string, error) {
	if !plainID([]byte(id)) {
		return "", fmt.Errorf("webhook %.40q: %w: not an id", id, schemas.ErrInvalid)
	}
	var out struct {
		Secret struct {
			Secret string `json:"secret"`
		} `json:"signing_secret"`
	}
	if err := c.GetJSON(ctx, "/api/v2/webhooks/"+id+"/signing_secret", nil, &out); err != nil {
		return "", err
	}
	return out.Secret.Secret, nil
}
