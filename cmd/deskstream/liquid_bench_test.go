package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkRenderEndpoint: a campaign e-mail with inline data through the render endpoint, against liquidjs behind Node's http with the same
// load from the same process. Node renders on one processor, the program on all.
func BenchmarkRenderEndpoint(b *testing.B) {
	peer := liquidJS(b)
	app, _ := benchApp(b, roles{serve: true})
	body := campaignBody(b)
	for b.Loop() {
		theirs := renderRate(b, peer, body)
		ours := renderRate(b, "http://"+app.Addr()+"/v1/liquid/render", body)
		b.ReportMetric(ours, "renders/s")
		b.ReportMetric(theirs, "liquidjs/s")
		b.ReportMetric(ours/theirs, "x-liquidjs")
	}
}

// campaignBody is the campaign of the benchmarks of package liquid as a request.
func campaignBody(b *testing.B) []byte {
	b.Helper()
	folder := filepath.Join("..", "..", "liquid", "testdata")
	template, err := os.ReadFile(filepath.Join(folder, "campaign.liquid"))
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "campaign.json"))
	if err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"parts": map[string]string{"html": string(template)}, "data": json.RawMessage(data)})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

// liquidJS starts the peer and gives its address; without Node or liquidjs the benchmark is skipped.
func liquidJS(b *testing.B) string {
	b.Helper()
	folder := filepath.Join("..", "..", "tools", "liquidjs")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "liquidjs")); err != nil {
		b.Skip("no liquidjs: npm ci --prefix tools/liquidjs")
	}
	cmd := exec.CommandContext(b.Context(), "node", "server.js")
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// renderRate gives the answers a second over some connections. The client writes a ready request and reads the answer: http.Client would take as
// much of the processors as the server does.
func renderRate(b *testing.B, url string, body []byte) float64 {
	b.Helper()
	const connections = 16
	request := renderRequest(b, url, body)
	var done atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range connections {
		wg.Go(func() {
			n, err := renderFor(b, request, start.Add(benchTime))
			if err != nil {
				b.Error(err)
			}
			done.Add(n)
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

// renderRequest is the request that every connection repeats.
func renderRequest(b *testing.B, url string, body []byte) *http.Request {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testKey)
	request.Header.Set("Content-Type", "application/json")
	return request
}

// renderFor renders over one connection until a time, and counts the answers.
func renderFor(b *testing.B, request *http.Request, until time.Time) (n int64, err error) {
	b.Helper()
	var text bytes.Buffer
	copied := request.Clone(b.Context())
	if copied.Body, err = request.GetBody(); err != nil {
		return 0, err
	}
	if err := copied.Write(&text); err != nil {
		return 0, err
	}
	conn, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", request.URL.Host)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 32<<10)
	var answer bytes.Buffer
	for ; time.Now().Before(until); n++ {
		if _, err := conn.Write(text.Bytes()); err != nil {
			return n, err
		}
		res, err := http.ReadResponse(in, request)
		if err != nil {
			return n, err
		}
		answer.Reset()
		if _, err := answer.ReadFrom(res.Body); err != nil {
			return n, err
		}
		if res.StatusCode != http.StatusOK || !bytes.Contains(answer.Bytes(), []byte("Hi Jo,")) {
			return n, fmt.Errorf("%d %.200s", res.StatusCode, answer.Bytes())
		}
	}
	return n, nil
}
