package reports

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"deskstream/liquid"
	"deskstream/schemas"
)

const tagLiquid = "Liquid"

// renderWait is how long a render waits for a place before it is refused.
const renderWait = time.Second

// maxTemplate is the largest body with templates, in bytes.
const maxTemplate = 4 << 20

// rendering bounds how many renders run at a time.
type rendering struct{ places *semaphore.Weighted }

func newRendering() rendering {
	return rendering{semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0)))}
}

// enter waits a while for a place; leave gives it back.
func (r rendering) enter(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, renderWait)
	defer cancel()
	if r.places.Acquire(waiting, 1) != nil {
		return errBusy
	}
	return nil
}

func (r rendering) leave() { r.places.Release(1) }

func (s *server) liquidRoutes() {
	scopes := []string{scopeRender}
	handle(s, route{
		method: http.MethodPost, path: "/v1/liquid/render", id: "render", templates: true, tag: tagLiquid, summary: "Render a message for a person", scopes: scopes, maxBody: maxTemplate,
		detail: "The person is an id or an alias as in GET /v1/people/{id}; data gives the roots instead, without a look-up. A template that cannot be rendered " +
			"gives 422 with errors[{kind,message,line,column,snippet}] and no text.",
	}, func(ctx context.Context, in *renderInput) (*answer[RenderAnswer], error) {
		return reply(s.render(ctx, in))
	})
	s.batchRoutes()
	handle(s, route{
		method: http.MethodPost, path: "/v1/liquid/preview", id: "preview", templates: true, tag: tagLiquid, summary: "Render a message and tell where its values come from",
		scopes: scopes, maxBody: maxTemplate,
		detail: "As render, but errors in values stand in the text as Liquid error: ... and are listed, and every variable that was looked at is told with its " +
			"value and where that comes from.",
	}, func(ctx context.Context, in *renderInput) (*answer[previewAnswer], error) {
		return reply(s.preview(ctx, in))
	})
	handle(s, route{
		method: http.MethodPost, path: "/v1/liquid/validate", id: "validate", tag: tagLiquid, summary: "Check templates without rendering", scopes: scopes,
		maxBody: maxTemplate,
		detail: "Always 200 for a well-formed question; valid says whether the templates can be rendered. Errors make them invalid; warnings are names nothing is known " +
			"of and loops that would be stopped.",
	}, func(ctx context.Context, in *validateInput) (*answer[validateAnswer], error) {
		return reply(s.validate(ctx, in))
	})
	handle(s, route{
		method: http.MethodGet, path: "/v1/liquid/merge-tags", id: "list-merge-tags", tag: tagLiquid, summary: "Merge tags with their Liquid text", scopes: scopes,
	}, s.mergeTags)
	s.snippetRoutes()
}

// MessageInput is what a message is for everybody it goes to.
type MessageInput struct {
	Parts      map[string]string `json:"parts" minProperties:"1" maxProperties:"20" doc:"Templates by name: subject, preheader, html, text, ..."`
	Format     string            `json:"format,omitempty" enum:"html,text,subject" doc:"Of parts that are not called html, text or subject, in any case; default html"`
	Missing    string            `json:"missing,omitempty" enum:"blank,error,keep" doc:"What a missing value does; default blank"`
	Defaults   json.RawMessage   `json:"defaults,omitempty" doc:"Values that fill in: an object of paths to scalars"`
	Campaign   json.RawMessage   `json:"campaign,omitempty" doc:"The root campaign: an object"`
	TimeZone   string            `json:"time_zone,omitempty" maxLength:"100" doc:"IANA zone in which dates are shown; default the person's"`
	Autoescape *bool             `json:"autoescape,omitempty" doc:"false turns HTML escaping off; default true"`
	Snippets   map[string]string `json:"snippets,omitempty" maxProperties:"50" doc:"Snippets of this message by name, before the stored ones"`
	Activities int               `json:"activities,omitempty" minimum:"1" maximum:"100" doc:"How many the root activities holds at most; default 20"`
	WindowDays int               `json:"window_days,omitempty" minimum:"1" maximum:"3650" doc:"How far back activities are seen, within retention; default 30"`
}

// RecipientInput is one that a message goes to.
type RecipientInput struct {
	Person     *string         `json:"person,omitempty" maxLength:"1033" doc:"Id, email:…, zendesk:… or external:…"`
	Data       json.RawMessage `json:"data,omitempty" doc:"Roots instead of a person: an object"`
	ActivityID *string         `json:"activity_id,omitempty" maxLength:"200" doc:"The activity that triggered the message; default the latest of each kind"`
	Request    json.RawMessage `json:"request,omitempty" doc:"The root request: an object"`
}

type renderInput struct {
	Body struct {
		MessageInput
		RecipientInput
	}
}

// RenderAnswer is a rendered message.
type RenderAnswer struct {
	Parts   map[string]string `json:"parts" doc:"Texts by name; empty when aborted"`
	Missing []string          `json:"missing" doc:"Variables that were looked at and had no value, with or without a default"`
	Used    []string          `json:"used" doc:"Variables that were looked at"`
	Aborted *string           `json:"aborted" doc:"Why the template decided not to be sent"`
	Notes   []liquid.Error    `json:"notes,omitempty" doc:"Errors that did not fail the render: conditions on data of the wrong type, which are false"`
	Stats   renderStats       `json:"stats"`
}

type renderStats struct {
	Micros int64 `json:"micros" doc:"Wall time, microseconds"`
	Bytes  int64 `json:"bytes" doc:"Text given"`
	Ops    int64 `json:"ops" doc:"Steps taken"`
}

// templateProblem is the answer to a template that cannot be rendered.
type templateProblem struct { //nolint:errname // the word of RFC 9457
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail"`
	Errors []liquid.Error `json:"errors"`
}

// Error gives the detail.
func (p *templateProblem) Error() string { return p.Detail }

// GetStatus is read by huma.
func (p *templateProblem) GetStatus() int { return p.Status }

// ContentType is read by huma.
func (p *templateProblem) ContentType(string) string { return problemType }

func (s *server) render(ctx context.Context, in *renderInput) (RenderAnswer, error) {
	res, _, err := s.renderOne(ctx, in, func(*liquid.Request) {})
	if err != nil {
		return RenderAnswer{}, err
	}
	return renderAnswerOf(&res), nil
}

// renderOne renders for the one recipient of a body. adjust may change the request.
func (s *server) renderOne(ctx context.Context, in *renderInput, adjust func(*liquid.Request)) (liquid.Result, *recipient, error) {
	if err := s.rendering.enter(ctx); err != nil {
		return liquid.Result{}, nil, err
	}
	defer s.rendering.leave()
	var bad fieldErrors
	m := s.message(&in.Body.MessageInput, "body.", &bad)
	r := m.recipient(&in.Body.RecipientInput, "body.", &bad)
	if err := invalidFields(bad); err != nil {
		return liquid.Result{}, nil, err
	}
	if err := s.plan(ctx, m, r.name != ""); err != nil {
		return liquid.Result{}, nil, err
	}
	adjust(&m.request)
	if err := s.fetch(ctx, m, []*recipient{r}); err != nil {
		return liquid.Result{}, nil, err
	}
	res, err := s.renderFor(ctx, m, r)
	return res, r, err
}

// renderFor renders a planned message for a recipient whose data is there.
func (s *server) renderFor(ctx context.Context, m *message, r *recipient) (liquid.Result, error) {
	if r.err != nil {
		return liquid.Result{}, r.err
	}
	req := m.request
	req.Data, req.Now = r.data, s.Now().UTC()
	res, err := s.renderer.Render(ctx, req)
	s.renders.count(&res, err)
	if err != nil {
		return res, s.templateError(err, m)
	}
	return res, nil
}

func renderAnswerOf(res *liquid.Result) RenderAnswer {
	out := RenderAnswer{
		Parts: res.Parts, Missing: append([]string{}, res.Missing...), Used: append([]string{}, res.Used...), Aborted: res.Aborted, Notes: res.Errors,
		Stats: renderStats{Micros: res.Stats.Micros, Bytes: res.Stats.Bytes, Ops: res.Stats.Ops},
	}
	if out.Parts == nil {
		out.Parts = map[string]string{}
	}
	return out
}

// templateError answers what is wrong with a template: all of its syntax errors, or the one that stopped the render.
func (s *server) templateError(err error, m *message) error {
	e, ok := errors.AsType[*liquid.Error](err)
	if !ok || e.Kind == liquid.KindInternal {
		return err
	}
	found := []liquid.Error{*e}
	if e.Kind == liquid.KindSyntax || e.Kind == liquid.KindSnippet {
		if all := s.renderer.Inspect(m.request.Parts, m.request.Snippets).Errors; len(all) > 0 {
			found = all
		}
	}
	return templateProblemOf(e, found)
}

func templateProblemOf(e *liquid.Error, found []liquid.Error) *templateProblem {
	return &templateProblem{
		Type: schemas.ProblemPrefix + "template-" + e.Kind, Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: e.Error(), Errors: found,
	}
}
