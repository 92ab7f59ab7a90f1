package reports

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

const tagSystem = "System"

// metricsScopes are the scopes for the metrics where they need a key.
var metricsScopes = []string{scopeReports}

func (s *server) systemRoutes() {
	handle(s, route{method: http.MethodGet, path: "/healthz", id: "health", tag: tagSystem, summary: "The process is alive"}, s.health)
	handle(s, route{
		method: http.MethodGet, path: "/readyz", id: "ready", tag: tagSystem, summary: "The process can ingest and answer; 503 names what is not ready",
		others: []int{http.StatusServiceUnavailable},
	}, s.ready)
	metrics := route{method: http.MethodGet, path: "/metrics", id: "metrics", tag: tagSystem, summary: "Figures in Prometheus' text format"}
	if s.MetricsNeedKey {
		metrics.scopes = metricsScopes
	}
	s.handleRaw(metrics, "text/plain", metricsOf(s.Gatherer).ServeHTTP)
	s.handleRaw(route{method: http.MethodGet, path: "/openapi.json", id: "openapi", tag: tagSystem, summary: "This document (OpenAPI 3.1)"},
		"application/openapi+json", s.openAPI())
	s.handleRaw(route{method: http.MethodGet, path: "/docs", id: "docs", tag: tagSystem, summary: "The API for people"}, "text/html", s.docs())
	s.handleRaw(route{method: http.MethodGet, path: "/docs.css", id: "docs-style", tag: tagSystem, summary: "Style of /docs"}, "text/css", docsStyle)
}

type healthAnswer struct {
	Status  string `json:"status" doc:"ok"`
	Version string `json:"version" doc:"Of the program"`
}

func (s *server) health(context.Context, *none) (*answer[healthAnswer], error) {
	return reply(healthOf(s.version()), nil)
}

func healthOf(version string) healthAnswer { return healthAnswer{Status: "ok", Version: version} }

// openAPI serves the document, made at the first request, when all routes are known.
func (s *server) openAPI() http.HandlerFunc {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
	return func(w http.ResponseWriter, _ *http.Request) {
		b, err := document()
		if err != nil {
			writeProblem(w, s.problem("/openapi.json", err))
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(b) // the client may be gone
	}
}

var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}} API</title>
<link rel="stylesheet" href="/docs.css"></head><body>
<h1>{{.Title}} API <small>{{.Version}}</small></h1>
{{range .Paragraphs}}<p>{{.}}</p>
{{end}}<p>Machine-readable: <a href="/openapi.json">/openapi.json</a>.</p>
{{range .Groups}}<h2>{{.Name}}</h2>
{{range .Operations}}<section><h3><code>{{.Method}} {{.Path}}</code></h3><p>{{.Summary}}</p>{{with .Description}}<p>{{.}}</p>{{end}}
{{with .Parameters}}<table><tr><th>parameter</th><th>in</th><th></th></tr>
{{range .}}<tr><td><code>{{.Name}}</code></td><td>{{.In}}</td><td>{{.Description}}</td></tr>
{{end}}</table>{{end}}</section>
{{end}}{{end}}</body></html>
`))

const docsCSS = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
code{font:14px ui-monospace,monospace}h2{margin-top:2.5rem;border-bottom:2px solid #d5dbe3}section{border-top:1px solid #e6eaf0;padding:.5rem 0}
table{border-collapse:collapse;font-size:14px}td,th{padding:.15rem .75rem .15rem 0;text-align:left;vertical-align:top}small{color:#5b6675}`

func docsStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write([]byte(docsCSS)) // the client may be gone
}

type docsGroup struct {
	Name       string
	Operations []*huma.Operation
}

// docs serves a page made here, so that it needs no scripts and no other site.
func (s *server) docs() http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'")
		info := s.api.OpenAPI().Info
		_ = docsPage.Execute(w, map[string]any{ // the client may be gone
			"Title": info.Title, "Version": info.Version, "Paragraphs": strings.Split(info.Description, "\n\n"), "Groups": s.docsGroups(),
		})
	}
}

func (s *server) docsGroups() []docsGroup {
	byTag := map[string][]*huma.Operation{}
	for _, item := range s.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && len(op.Tags) > 0 {
				byTag[op.Tags[0]] = append(byTag[op.Tags[0]], op)
			}
		}
	}
	groups := make([]docsGroup, 0, len(byTag))
	for name, ops := range byTag {
		slices.SortFunc(ops, func(a, b *huma.Operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
		groups = append(groups, docsGroup{name, ops})
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	return groups
}
