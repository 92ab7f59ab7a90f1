package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"deskstream/liquid"
	"deskstream/schemas"
)

// server holds what the handlers share. Everything in it is safe for concurrent use once newServer has returned.
type server struct {
	Options
	api      huma.API
	mux      *http.ServeMux
	handler  http.Handler
	keys     *Keyring
	compared *comparisons
	landed   *landings
	metrics  *metrics
	heavy    *semaphore.Weighted
	tagging  *semaphore.Weighted // one snapshot at a time: each adds to the lists of tags that the one before has left
	live     *liveFeed

	renderer  *liquid.Renderer
	rendering rendering
	renders   renderFigures
	snippets  *snippetBook
	phrases   *phraseBook

	fieldSettings *storedSetting[fieldSettings]
	fieldsChanged alarm // somebody decided something about fields
	activityTexts *storedSetting[activityTexts]
	rows          *liquid.Renderer // of the texts of rows in feeds
	flights       flights
	known         cached[[]string] // the accounts
	accountsLog   zerolog.Logger   // of what each look-up meets as long as it lasts
	merging       mergings
	settled       settled
	readiness     readiness
	damages       damages
	arriving      arrivals

	audienceEdits atomic.Int64 // how many times audiences were stored here
}

func newServer(o Options) (*server, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	s := &server{
		Options: o, mux: http.NewServeMux(), heavy: semaphore.NewWeighted(int64(o.HeavyQueries)), tagging: semaphore.NewWeighted(1), renderer: &liquid.Renderer{},
	}
	s.keys = NewKeyring(o.Keys, o.Now)
	if s.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, fmt.Errorf("reports metrics: %w", err)
	}
	s.known = cached[[]string]{now: o.Now, read: s.accounts}
	s.accountsLog = seldom(o.Log)
	s.compared = &comparisons{server: s, known: map[string]*comparison{}}
	s.readiness.checks = append([]Check{{Name: "clickhouse", Check: s.DB.Ping}, {Name: "tables", Check: s.undamaged}}, s.Ready...)
	s.landed = &landings{server: s, sources: map[string]*landing{}}
	s.live = newLiveFeed(s)
	s.rendering = newRendering()
	if s.renders, err = newRenderFigures(o.Registerer, s.renderer); err != nil {
		return nil, fmt.Errorf("reports metrics: %w", err)
	}
	s.snippets = newSnippetBook(o.Settings, o.Now)
	s.phrases = newPhraseBook(o.Settings, o.Now, o.Log)
	s.activityTexts = newStoredSetting[activityTexts](settingActivityTexts, o.Settings, o.Now)
	s.rows = &liquid.Renderer{Limits: liquid.Limits{Ops: rowOps}}
	s.fieldsChanged = newAlarm()
	s.fieldSettings = newStoredSetting[fieldSettings](settingFields, o.Settings, o.Now)
	s.api = humago.New(s.mux, s.config())
	s.api.UseMiddleware(s.authorize, s.refuseUnknown)
	s.routes()
	s.mux.HandleFunc("/", s.notFound)
	s.handler = s.outside(s.mux)
	return s, nil
}

func (s *server) routes() {
	s.systemRoutes()
	s.sourceRoutes()
	s.sourceStepRoutes()
	s.describeWebhooks()
	s.retentionRoutes()
	s.sourceViewRoutes()
	s.activityRoutes()
	s.peopleRoutes()
	s.personChangeRoutes()
	s.upsertRoutes()
	s.mergeRoutes()
	s.identifierRoutes()
	s.explainRoutes()
	s.erasureRoutes()
	s.audienceRoutes()
	s.snapshotRoutes()
	s.organizationRoutes()
	s.fieldRoutes()
	s.reportRoutes()
	s.keywordRoutes()
	s.factsRoutes()
	s.liquidRoutes()
	s.liveRoutes()
}

// apiDescription stands at the head of the OpenAPI document and of /docs; a blank line parts its paragraphs.
const apiDescription = "Zendesk activities, people and support reports. Ids are strings, times are RFC 3339 in UTC, errors are problem+json (RFC 9457).\n\n" +
	"Calls of /v1 need an API key in the header Authorization: Bearer dsk_... (only the OAuth callback does without one). A key is made by " +
	"deskstream keys create --name dashboard --scope reports, which prints it once. Its scopes are admin, people, reports or render; a call that none of them " +
	"allows is answered with 403 and the scope that it needs, and a key with admin may do everything."

func (s *server) config() huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalText}
	formats := map[string]huma.Format{"application/json": format, "json": format}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "deskstream", Version: s.version(), Description: apiDescription,
			},
			Components: &huma.Components{
				Schemas:         registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "An API key with the scope of the call, or with scope admin."}},
			},
		},
		Formats: formats, DefaultFormat: "application/json",
		Transformers: []huma.Transformer{asOurProblem},
	}
}

var errNotUTF8 = errors.New(notUTF8)

// unmarshalText decodes a body.
func unmarshalText(data []byte, v any) error { return decodeText("body", data, v) }

// decodeText decodes JSON in UTF-8, of which no object has a member twice; at is where it stands. The decoder would put U+FFFD in the place of other
// bytes, and take the last of two members. A body is decoded for the check of its form first, which is when members are looked at.
func decodeText(at string, data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	err := huma.DefaultJSONFormat.Unmarshal(data, v)
	if err == nil {
		switch v.(type) {
		case *any, *map[string]json.RawMessage:
			if member := doubled(data); member != "" {
				return placedError{within(at, member), givenTwice}
			}
		}
		return nil
	}
	if member, message := jsonFault(err); message != "" {
		return placedError{within(at, member), message}
	}
	return err
}

func (s *server) version() string {
	if s.Version == "" {
		return "dev"
	}
	return s.Version
}

// notFound answers whatever no route takes: 405 where another method would do.
func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: &url.URL{Path: r.URL.Path}, Host: r.Host}
		if _, pattern := s.mux.Handler(other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, newProblem(http.StatusNotFound, "no-such-route", "there is nothing at this address; /docs lists what there is"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, newProblem(http.StatusMethodNotAllowed, "method-not-allowed", "accepted here: "+strings.Join(allowed, ", ")))
}

// writeProblem answers outside huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}

// refuse answers a problem from a middleware of huma.
func (s *server) refuse(ctx huma.Context, err error) {
	p := s.problem(ctx.Operation().Path, err)
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // the client may be gone
}

// seldomEvery is how often a log that speaks seldom does.
const seldomEvery = time.Minute

// seldom gives a log for what every request meets as long as it lasts.
func seldom(log zerolog.Logger) zerolog.Logger {
	return log.Sample(&zerolog.BurstSampler{Burst: 1, Period: seldomEvery})
}

// problem turns an error into its answer and logs it if the fault is ours.
func (s *server) problem(route string, err error) *Problem {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.Log.Error().Err(err).Str("route", route).Msg("request failed")
	}
	return p
}

// refuseUnknown is a middleware of huma: a query parameter that the route does not have, or has once and is given twice, is more likely a slip than
// meant to be ignored.
func (s *server) refuseUnknown(ctx huma.Context, next func(huma.Context)) {
	u := ctx.URL()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		s.refuse(ctx, schemas.Invalid("query", "must be name=value pairs joined by &, with % escapes"))
		return
	}
	if asks, _ := ctx.Operation().Metadata[metaAsked].(bool); asks {
		next(ctx)
		return
	}
	if bad := strayParameters(queryNames(ctx.Operation()), query); len(bad) > 0 {
		s.refuse(ctx, invalidFields(bad))
		return
	}
	next(ctx)
}

// strayParameters says what is wrong with the names of a query, in their order.
func strayParameters(known []string, query url.Values) []schemas.Field {
	var bad []schemas.Field
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case !slices.Contains(known, name):
			bad = append(bad, schemas.Field{Location: "query." + name, Message: unknownParameter(known)})
		case len(query[name]) > 1:
			bad = append(bad, schemas.Field{Location: "query." + name, Message: givenTwice})
		}
	}
	return bad
}

func queryNames(op *huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	return names
}

func unknownParameter(known []string) string {
	if len(known) == 0 {
		return "is not known; the call takes no parameters"
	}
	return "is not known; accepted: " + strings.Join(known, ", ")
}

// invalidFields is the problem of several bad fields.
func invalidFields(fields []schemas.Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &schemas.Problem{
		Class: schemas.ErrInvalid, Code: "invalid-input",
		Detail: fields[0].Location + ": " + fields[0].Message, Fields: fields,
	}
}
