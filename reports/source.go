package reports

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

const tagSources = "Sources"

func (s *server) sourceRoutes() {
	admin := []string{scopeAdmin}
	handle(s, route{
		method: http.MethodGet, path: "/v1/source-types", id: "list-source-types", tag: tagSources, summary: "Kinds of sources that can be connected", scopes: admin,
	}, s.sourceTypes)
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources", id: "create-source", tag: tagSources, summary: "Create a source", scopes: admin, status: http.StatusCreated,
		detail: "The source starts as draft and reads nothing until it is authorized. One Zendesk account can be connected at a time.",
	}, s.createSource)
	handle(s, route{method: http.MethodGet, path: "/v1/sources", id: "list-sources", tag: tagSources, summary: "All sources", scopes: admin}, s.listSources)
	handle(s, route{method: http.MethodGet, path: "/v1/sources/{id}", id: "get-source", tag: tagSources, summary: "One source", scopes: admin}, s.getSource)
	handle(s, route{
		method: http.MethodPatch, path: "/v1/sources/{id}", id: "change-source", tag: tagSources, summary: "Change settings; none of them resyncs", scopes: admin,
		detail: "Opt-in holds for people created from now on; existing ones keep what they have.",
	}, s.patchSource)
}

type sourceType struct {
	Type        string   `json:"type"`
	Name        string   `json:"name"`
	Category    string   `json:"category"`
	Description string   `json:"description"`
	Methods     []string `json:"methods" doc:"Ways to authorize"`
}

type sourceTypesInput struct {
	Category string `query:"category" enum:"customer-support,all" default:"all" doc:"Only types of this category"`
	CatalogPaging
}

var zendeskType = sourceType{
	Type: "zendesk", Name: "Zendesk", Category: "customer-support",
	Description: "Contacts, organizations, tickets, messages and satisfaction ratings of a Zendesk Support account.",
	Methods:     []string{"oauth", "client_credentials", "api_token"},
}

func (s *server) sourceTypes(_ context.Context, in *sourceTypesInput) (*answer[page[sourceType]], error) {
	return reply(catalogPage("source-types", []sourceType{zendeskType}, &in.CatalogPaging, func(t sourceType) string { return t.Type }))
}

// sourceView is a source as the API shows it: no secret, sealed or not.
type sourceView struct {
	ID              string                 `json:"id"`
	Type            string                 `json:"type"`
	Account         string                 `json:"account"`
	Name            string                 `json:"name"`
	Status          string                 `json:"status" enum:"draft,awaiting_authorization,connected,disconnected,archived"`
	OptIn           schemas.OptIn          `json:"opt_in"`
	Confirmations   []schemas.Confirmation `json:"confirmations" doc:"Each time a channel of opt_in was switched on, confirmed by somebody else or switched off, oldest first; the last 100 of a channel"`
	Retention       schemas.Retention      `json:"retention"`
	Fields          schemas.FieldRules     `json:"fields"`
	ArchiveOnDelete bool                   `json:"archive_on_delete"`
	Identifiers     []string               `json:"identifiers"`
	AuthMethod      string                 `json:"auth_method,omitempty" doc:"How it was authorized"`
	WebhookSecret   bool                   `json:"webhook_secret_set" doc:"A signing secret is stored"`
	WebhookPath     string                 `json:"webhook_path" doc:"Where Zendesk sends webhooks, behind the public URL"`
	Error           string                 `json:"error,omitempty" doc:"Why it stands still"`
	CreatedAt       time.Time              `json:"created_at"`
	UpdatedAt       time.Time              `json:"updated_at"`
}

func viewSource(src *schemas.Source) sourceView {
	return sourceView{
		ID: src.ID, Type: src.Type, Account: src.Account, Name: src.Name, Status: string(src.Status), OptIn: src.OptIn,
		Confirmations: append([]schemas.Confirmation{}, src.Confirmations...),
		Retention:     src.Retention, Fields: src.Fields, ArchiveOnDelete: src.ArchiveOnDelete, Identifiers: src.Identifiers,
		AuthMethod: src.Auth.Method, WebhookSecret: src.Webhook.Secret != "", WebhookPath: "/webhooks/zendesk/" + src.ID,
		Error: src.Error, CreatedAt: src.CreatedAt, UpdatedAt: src.UpdatedAt,
	}
}

type optInInput struct {
	Email       *bool  `json:"email,omitempty" doc:"New contacts may be mailed; default false, in a change as it is"`
	SMS         *bool  `json:"sms,omitempty" doc:"New contacts may be texted; default false, in a change as it is"`
	ConfirmedBy string `json:"confirmed_by,omitempty" maxLength:"320" doc:"Who confirms that the contacts have given consent; needed when one of them is set to true"`
}

type retentionInput struct {
	Days       int            `json:"days,omitempty" minimum:"1" maximum:"36500" doc:"Days that activities are kept; default 90"`
	Activities map[string]int `json:"activities,omitempty" doc:"Activities kept longer: slug to days, not fewer than those of all"`
}

type fieldsInput struct {
	Writable    *[]string `json:"writable,omitempty" doc:"System fields that the source may write; default all, in a change as it is"`
	OnlyIfEmpty *bool     `json:"only_if_empty,omitempty" doc:"Write only fields that have no value; default false, in a change as it is"`
}

type sourceInput struct {
	Body struct {
		Type            string          `json:"type" enum:"zendesk"`
		Account         string          `json:"account" minLength:"1" maxLength:"300" doc:"First part of the Zendesk address; the whole address is taken too"`
		Name            string          `json:"name,omitempty" maxLength:"200" doc:"Default: the account"`
		OptIn           *optInInput     `json:"opt_in,omitempty"`
		Retention       *retentionInput `json:"retention,omitempty"`
		Fields          *fieldsInput    `json:"fields,omitempty"`
		ArchiveOnDelete bool            `json:"archive_on_delete,omitempty" doc:"Archive people and organizations that Zendesk deletes"`
		Identifiers     *[]string       `json:"identifiers,omitempty" doc:"external-id, email, phone-number; strongest first; default external-id, email"`
	}
}

func (s *server) createSource(ctx context.Context, in *sourceInput) (*answer[sourceView], error) {
	account, err := schemas.ParseAccount(in.Body.Account)
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC().Truncate(time.Second)
	src := &schemas.Source{Settings: schemas.Settings{
		ID: newSourceID(), Type: in.Body.Type, Account: account, Name: strings.TrimSpace(in.Body.Name), Status: schemas.SourceDraft,
		Retention: schemas.Retention{Days: schemas.DefaultRetentionDays}, Fields: schemas.FieldRules{Writable: schemas.WritableFields},
		ArchiveOnDelete: in.Body.ArchiveOnDelete, Identifiers: schemas.DefaultIdentifiers, CreatedAt: now, UpdatedAt: now,
	}}
	if src.Name == "" {
		src.Name = account
	}
	var bad fieldErrors
	bad.optIn(src, in.Body.OptIn, now)
	bad.retention("body.retention", &src.Retention, in.Body.Retention)
	bad.fields(&src.Fields, in.Body.Fields)
	bad.identifiers(&src.Identifiers, in.Body.Identifiers)
	if err := invalidFields(bad); err != nil {
		return nil, err
	}
	return reply(s.storeNewSource(ctx, src))
}

func (s *server) storeNewSource(ctx context.Context, src *schemas.Source) (sourceView, error) {
	err := s.Sources.CreateSource(ctx, src, func(others []schemas.Source) error { return s.allowBeside(src, others) })
	if err != nil {
		return sourceView{}, storeError(err)
	}
	return viewSource(src), nil
}

// allowBeside refuses a source of an account that has one, and a second one where only one account can be connected.
func (s *server) allowBeside(src *schemas.Source, others []schemas.Source) error {
	for _, other := range others {
		if other.Account == src.Account {
			return connected(fmt.Sprintf(
				"the account %q already has a source (%s, %s); %s", other.Account, other.ID, other.Status, beforeAnother(other.Status)))
		}
		if !s.SeveralAccounts {
			return connected(fmt.Sprintf(
				"only one Zendesk account can be connected at a time, and %q has a source (%s, %s); %s",
				other.Account, other.ID, other.Status, beforeAnother(other.Status)))
		}
	}
	return nil
}

// beforeAnother says what has to be done with a source before there can be another one.
func beforeAnother(status schemas.SourceStatus) string {
	switch status {
	case schemas.SourceConnected:
		return "disconnect, archive and delete it first"
	case schemas.SourceDisconnected:
		return "archive and delete it first"
	default:
		return "delete it first"
	}
}

func connected(detail string) error {
	return &schemas.Problem{Class: schemas.ErrConflict, Code: "source-already-connected", Detail: detail}
}

// newSourceID gives "src_" and 26 random letters and digits, safe in subjects and addresses.
func newSourceID() string { return "src_" + strings.ToLower(rand.Text()) }

// storeError gives an error of the store a class if it has none: a store that fails is one that does not answer now.
func storeError(err error) error {
	for _, c := range classes {
		if err == nil || errors.Is(err, c.class) {
			return err
		}
	}
	return fmt.Errorf("the store does not answer now: %w: %w", schemas.ErrUnavailable, err)
}

func (s *server) listSources(ctx context.Context, in *Paging) (*answer[page[sourceView]], error) {
	sources, err := s.Sources.Sources(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	order := func(src schemas.Source) string { return src.CreatedAt.UTC().Format(time.RFC3339) + src.ID }
	slices.SortFunc(sources, func(a, b schemas.Source) int { return strings.Compare(order(a), order(b)) })
	shown, next, err := pageOf("sources", sources, in, order)
	out := page[sourceView]{Items: make([]sourceView, 0, len(shown)), NextCursor: next}
	for i := range shown {
		out.Items = append(out.Items, viewSource(&shown[i]))
	}
	return reply(out, err)
}

func (s *server) getSource(ctx context.Context, in *byID) (*answer[sourceView], error) {
	return reply(s.sourceView(ctx, in.ID))
}

func (s *server) sourceView(ctx context.Context, id string) (sourceView, error) {
	src, err := s.source(ctx, id)
	if err != nil {
		return sourceView{}, err
	}
	return viewSource(&src), nil
}

// source looks up a source. Ids are made by us, so anything that cannot be one is not found without asking the store.
func (s *server) source(ctx context.Context, id string) (schemas.Source, error) {
	if schemas.Token(id) != id {
		return schemas.Source{}, noSource()
	}
	src, err := s.Sources.Source(ctx, id)
	if errors.Is(err, schemas.ErrNotFound) {
		return src, noSource()
	}
	return src, storeError(err)
}

func noSource() error {
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-source", Detail: "there is no source with this id"}
}

type sourcePatch struct {
	ID   string `path:"id" maxLength:"200"`
	Body struct {
		Name            *string      `json:"name,omitempty" minLength:"1" maxLength:"200"`
		OptIn           *optInInput  `json:"opt_in,omitempty"`
		Fields          *fieldsInput `json:"fields,omitempty"`
		ArchiveOnDelete *bool        `json:"archive_on_delete,omitempty"`
		Identifiers     *[]string    `json:"identifiers,omitempty"`
	}
}

func (s *server) patchSource(ctx context.Context, in *sourcePatch) (*answer[sourceView], error) {
	var before []string
	var settings schemas.Settings
	view, err := s.changeSource(ctx, in.ID, func(src *schemas.Source, now time.Time) error {
		before = src.Identifiers
		var bad fieldErrors
		if in.Body.Name != nil {
			if src.Name = strings.TrimSpace(*in.Body.Name); src.Name == "" {
				bad.add("body.name", "must not be blank")
			}
		}
		if in.Body.ArchiveOnDelete != nil {
			src.ArchiveOnDelete = *in.Body.ArchiveOnDelete
		}
		bad.optIn(src, in.Body.OptIn, now)
		bad.fields(&src.Fields, in.Body.Fields)
		bad.identifiers(&src.Identifiers, in.Body.Identifiers)
		settings = src.Settings
		return invalidFields(bad)
	})
	if err == nil && !slices.Equal(before, settings.Identifiers) {
		if err := s.regroup(ctx, &settings, before); err != nil {
			return nil, fmt.Errorf("the identifiers are stored, but people are merged by them only with their next change: %w", err)
		}
	}
	return reply(view, err)
}

// changeSource applies a change to the stored record, again if another writer was faster.
func (s *server) changeSource(ctx context.Context, id string, change func(*schemas.Source, time.Time) error) (v sourceView, err error) {
	err = retried(func() error {
		src, err := s.source(ctx, id)
		if err != nil {
			return err
		}
		now := s.Now().UTC().Truncate(time.Second)
		if err := change(&src, now); err != nil {
			return err
		}
		src.UpdatedAt = now
		err = s.Sources.PutSource(ctx, &src)
		v = viewSource(&src)
		return storeError(err)
	})
	return v, err
}
