package reports

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"deskstream/liquid"
	"deskstream/schemas"
)

const tagLiquid = "Liquid"

// renderWait is how long a render waits for a place before it is refused.
const renderWait = time.Second

// Renderer renders templates; *liquid.Renderer is one. Errors are *liquid.Error.
type Renderer interface {
	Render(ctx context.Context, r liquid.Request) (liquid.Result, error)
	Variables(parts map[string]string) ([]liquid.Variable, error)
	Validate(parts map[string]string) []liquid.Error
}

func newRenderer() Renderer { return &liquid.Renderer{} }

func (s *server) liquidRoutes() {
	scopes := []string{scopeRender}
	places := semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0)))
	handle(s, route{
		method: http.MethodPost, path: "/v1/liquid/render", id: "render", tag: tagLiquid, summary: "Render a message for a person", scopes: scopes, maxBody: 4 << 20,
		detail: "The person is an id or an alias as in GET /v1/people/{id}; data gives the roots instead, without a look-up. A template that cannot be rendered " +
			"gives 422 with errors[{kind,message,line,column,snippet}] and no text.",
	}, func(ctx context.Context, in *renderInput) (*answer[renderAnswer], error) {
		waiting, cancel := context.WithTimeout(ctx, renderWait)
		defer cancel()
		if places.Acquire(waiting, 1) != nil {
			return nil, errBusy
		}
		defer places.Release(1)
		return reply(s.render(ctx, in))
	})
	handle(s, route{
		method: http.MethodGet, path: "/v1/liquid/merge-tags", id: "list-merge-tags", tag: tagLiquid, summary: "Merge tags with their Liquid text", scopes: scopes,
	}, s.mergeTags)
}

type renderInput struct {
	Body struct {
		Person     *string           `json:"person,omitempty" maxLength:"400" doc:"Id, email:…, zendesk:… or external:…"`
		Data       json.RawMessage   `json:"data,omitempty" doc:"Roots instead of a person: an object"`
		ActivityID *string           `json:"activity_id,omitempty" maxLength:"200" doc:"The activity that triggered the message; default the latest of each kind"`
		Format     string            `json:"format,omitempty" enum:"html,text,subject" doc:"Of parts that are not called html, text or subject; default html"`
		Parts      map[string]string `json:"parts" minProperties:"1" maxProperties:"20" doc:"Templates by name: subject, preheader, html, text, ..."`
		Missing    string            `json:"missing,omitempty" enum:"blank,error,keep" doc:"What a missing value does; default blank"`
		Defaults   json.RawMessage   `json:"defaults,omitempty" doc:"Values that fill in: an object of paths to scalars"`
		Request    json.RawMessage   `json:"request,omitempty" doc:"The root request: an object"`
		Campaign   json.RawMessage   `json:"campaign,omitempty" doc:"The root campaign: an object"`
		TimeZone   string            `json:"time_zone,omitempty" maxLength:"100" doc:"IANA zone in which dates are shown; default the person's"`
		Autoescape *bool             `json:"autoescape,omitempty" doc:"false turns HTML escaping off; default true"`
	}
}

type renderAnswer struct {
	Parts   map[string]string `json:"parts" doc:"Texts by name; empty when aborted"`
	Missing []string          `json:"missing" doc:"Variables in outputs that had no value"`
	Used    []string          `json:"used" doc:"Variables that were looked at"`
	Aborted *string           `json:"aborted" doc:"Why the template decided not to be sent"`
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

func (s *server) render(ctx context.Context, in *renderInput) (renderAnswer, error) {
	req, err := renderRequest(in)
	if err != nil {
		return renderAnswer{}, err
	}
	req.Now = s.Now().UTC()
	if in.Body.Person != nil {
		variables, err := s.Renderer.Variables(req.Parts)
		if err != nil {
			return renderAnswer{}, s.templateError(err, req.Parts)
		}
		if err := s.personRoots(ctx, in, needsOf(variables), req.Data); err != nil {
			return renderAnswer{}, err
		}
	}
	res, err := s.Renderer.Render(ctx, req)
	if err != nil {
		return renderAnswer{}, s.templateError(err, req.Parts)
	}
	out := renderAnswer{
		Parts: res.Parts, Missing: append([]string{}, res.Missing...), Used: append([]string{}, res.Used...), Aborted: res.Aborted,
		Stats: renderStats{Micros: res.Stats.Micros, Bytes: res.Stats.Bytes, Ops: res.Stats.Ops},
	}
	if out.Parts == nil {
		out.Parts = map[string]string{}
	}
	return out, nil
}

// renderRequest reads the body. Numbers keep their kind: 3 prints as 3.
func renderRequest(in *renderInput) (liquid.Request, error) {
	b := &in.Body
	req := liquid.Request{Parts: b.Parts, Format: b.Format, Missing: b.Missing, TimeZone: b.TimeZone, Autoescape: b.Autoescape, Data: map[string]any{}}
	var bad fieldErrors
	if b.Person != nil && len(b.Data) > 0 {
		bad.add("body.data", "takes the place of person; give one of them")
	}
	if b.Person == nil && b.ActivityID != nil {
		bad.add("body.activity_id", "needs person")
	}
	req.Data = bad.object("body.data", b.Data)
	req.Defaults = bad.object("body.defaults", b.Defaults)
	for root, raw := range map[string]json.RawMessage{"request": b.Request, "campaign": b.Campaign} {
		if len(raw) > 0 {
			req.Data[root] = bad.object("body."+root, raw)
		}
	}
	return req, invalidFields(bad)
}

// object reads a JSON object; an absent one and null are empty.
func (f *fieldErrors) object(location string, raw json.RawMessage) map[string]any {
	if len(raw) == 0 || string(raw) == "null" {
		return map[string]any{}
	}
	data, err := liquid.DecodeData(raw)
	if err != nil || data == nil {
		f.add(location, "must be an object")
		return map[string]any{}
	}
	return data
}

// templateError answers what is wrong with a template: all of its syntax errors, or the one that stopped the render.
func (s *server) templateError(err error, parts map[string]string) error {
	e, ok := errors.AsType[*liquid.Error](err)
	if !ok || e.Kind == liquid.KindInternal {
		return err
	}
	found := []liquid.Error{*e}
	if e.Kind == liquid.KindSyntax {
		if all := s.Renderer.Validate(parts); len(all) > 0 {
			found = all
		}
	}
	return &templateProblem{
		Type: problemPrefix + "template-" + e.Kind, Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity,
		Detail: e.Error(), Errors: found,
	}
}

// needs says what of a person's data the templates can ask for.
type needs struct {
	organization, activities, metrics bool
	kinds                             []string // of activity; ["*"] = any
}

func needsOf(variables []liquid.Variable) needs {
	var n needs
	for _, v := range variables {
		switch v.Path[0] {
		case "organization":
			n.organization = true
		case "activities":
			n.activities = true
		case "metrics":
			n.metrics = true
		case "activity":
			n.kinds = append(n.kinds, kindOf(v.Path))
		case "*": // a root that is only known when rendering
			n = needs{organization: true, activities: true, metrics: true, kinds: []string{anyKind}}
		}
	}
	return n
}

const anyKind = "*"

// kindOf gives the slug in activity.zendesk.<slug>. Kinds keep their hyphens, but a template may write underscores.
func kindOf(path []string) string {
	if len(path) < 3 || path[1] != "zendesk" || path[2] == anyKind || path[2] == "[]" {
		return anyKind
	}
	return strings.ReplaceAll(path[2], "_", "-")
}

func noActivity() error {
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-activity", Detail: "the person has no activity of this id within retention"}
}
