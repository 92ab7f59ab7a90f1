package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
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

// renderRate gives the answers a second over some connections.
func renderRate(b *testing.B, url string, body []byte) float64 {
	b.Helper()
	const connections = 16
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer web.CloseIdleConnections()
	var done atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range connections {
		wg.Go(func() {
			for time.Since(start) < benchTime {
				if err := renderOnce(b, web, url, body); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

func renderOnce(b *testing.B, web *http.Client, url string, body []byte) error {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "application/json")
	res, err := web.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !bytes.Contains(text, []byte("Hi Jo,"))) {
		b.Errorf("%d %.200s", res.StatusCode, text)
	}
	return err
}
