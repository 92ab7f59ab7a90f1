package reports

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Keys of an operation's metadata.
const (
	metaScopes = "scopes" // []string: one of them is needed; none = open
	metaFields = "fields" // []string: the known fields of the body
	metaAsked  = "asked"  // bool: the handler refuses unknown parameters itself
)

// route describes one operation of the API.
type route struct {
	method, path string
	id           string   // operation id
	tag          string   // group in the documentation
	summary      string   //
	detail       string   // longer description; may be empty
	scopes       []string // one of them is needed; empty = open to everybody
	status       int      // of a success; 0 = 200, or 204 without a body
	others       []int    // statuses that the handler gives to the body of a success at times
	parameters   []*huma.Param
	maxBody      int64                   // bytes; 0 = 1 MiB
	accepts      []string                // media types of a raw body
	list         reflect.Type            // of the elements of a raw body that is a JSON array
	content      map[string]reflect.Type // of a success, where it is not what the handler's output says
	headers      map[string]string       // of a success, by what they say
	asks         bool                    // what parameters there are depends on the request, and the handler refuses others itself
	takes        string                  // content type of the body, where the handler reads it itself
	templates    bool                    // it refuses templates, with their errors
	pages        bool                    // errors are answered as a success is: by a page
}

// handle registers a route. Errors of h become problems by their class.
func handle[I, O any](s *server, r route, h func(context.Context, *I) (*O, error)) {
	op := r.operation(s.api)
	api := &outline{API: s.api}
	if f, ok := reflect.TypeFor[I]().FieldByName("Body"); ok {
		op.Metadata[metaFields] = jsonFields(f.Type)
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{}}
		defer func() {
			registry, body := s.api.OpenAPI().Components.Schemas, op.RequestBody.Content["application/json"].Schema
			optionalOrNull(registry, body)
			api.open = openMembers(registry, body)
		}() // which Register makes
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err == nil {
			return out, nil
		}
		if own, ok := errors.AsType[*templateProblem](err); ok {
			return nil, own
		}
		return nil, s.problem(r.path, err)
	})
	if r.list != nil { // Register describes any raw body as binary
		registry := s.api.OpenAPI().Components.Schemas
		list := &huma.Schema{Type: huma.TypeArray, Items: registry.Schema(r.list, true, r.list.Name())}
		optionalOrNull(registry, list)
		op.RequestBody.Content["application/json"].Schema = list
	}
	for _, status := range r.others {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: op.Responses["200"].Content}
	}
}

func (r route) operation(api huma.API) huma.Operation {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.detail, Tags: []string{r.tag},
		DefaultStatus: r.status, Parameters: r.parameters, MaxBodyBytes: r.maxBody,
		Metadata: map[string]any{metaScopes: r.scopes, metaAsked: r.asks},
		Responses: map[string]*huma.Response{"default": {
			Description: "Any error, as a problem (RFC 9457)",
			Content:     map[string]*huma.MediaType{problemType: {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")}},
		}},
	}
	if r.templates {
		schemas := api.OpenAPI().Components.Schemas
		op.Responses["422"] = &huma.Response{
			Description: "Bad input, or a template that cannot be rendered, with every error in it",
			Content: map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{AnyOf: []*huma.Schema{
				schemas.Schema(reflect.TypeFor[templateProblem](), true, "TemplateProblem"), schemas.Schema(reflect.TypeFor[Problem](), true, "Problem"),
			}}}},
		}
	}
	if len(r.accepts) > 0 {
		op.SkipValidateBody = true // the handler reads it
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range r.accepts {
			op.RequestBody.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	}
	if len(r.content) > 0 {
		content := map[string]*huma.MediaType{}
		for kind, t := range r.content {
			content[kind] = &huma.MediaType{Schema: api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())}
		}
		op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: content, Headers: map[string]*huma.Param{}}
		for name, doc := range r.headers {
			op.Responses["200"].Headers[name] = &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
		}
	}
	if len(r.scopes) > 0 {
		op.Security = []map[string][]string{{"key": {}}}
		op.Description = strings.TrimSpace(op.Description + "\n\nScope: `" + strings.Join(r.scopes, "` or `") + "` (or `admin`).")
	}
	return op
}

// handleRaw registers a route whose answer huma does not write, mostly because it is not JSON; h writes it all. The route is part of the document as any other.
func (s *server) handleRaw(r route, contentType string, h http.HandlerFunc) {
	op, answers := r.operation(s.api), huma.TypeString
	if strings.HasSuffix(contentType, "+json") {
		answers = huma.TypeObject
	}
	op.Responses["200"] = &huma.Response{
		Description: http.StatusText(http.StatusOK),
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: answers}}},
	}
	if r.pages {
		op.Responses["default"] = &huma.Response{Description: "Any error, as a page", Content: op.Responses["200"].Content}
	}
	if r.takes != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{r.takes: {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	s.api.OpenAPI().AddOperation(&op)
	s.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) {
		if len(r.scopes) > 0 {
			if err := s.permitRequest(req, r.scopes...); err != nil {
				writeProblem(w, s.problem(r.path, err))
				return
			}
		}
		h(w, req)
	})
}

// jsonFields lists the JSON names of a struct's fields.
func jsonFields(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		if t.Field(i).Anonymous {
			names = append(names, jsonFields(t.Field(i).Type)...)
		}
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// none is the input of a call without parameters, or the output of one without a body.
type none struct{}

// answer wraps a body for huma.
type answer[T any] struct{ Body T }

func reply[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// byID is the input of a call about one thing.
type byID struct {
	ID string `path:"id" maxLength:"1033" doc:"Id"`
}

// queryParam documents a query parameter that a handler reads itself.
func queryParam(name, doc string, schema *huma.Schema) *huma.Param {
	if schema == nil {
		schema = &huma.Schema{Type: huma.TypeString}
	}
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: schema}
}
