package liquid_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	stock "github.com/osteele/liquid"

	"deskstream/liquid"
)

// peerTime is how long each renderer renders.
const peerTime = 2 * time.Second

// BenchmarkPeers renders one campaign e-mail for 50 people in turn, one renderer after the other: ours with limits and escaping, stock
// osteele/liquid, liquidjs and Debian's ruby-liquid, each with the template parsed once. Told is the processor time of a render. A peer that
// is not installed is left out.
func BenchmarkPeers(b *testing.B) {
	people := campaignPeople(50)
	for b.Loop() {
		ours := ourTime(b, people)
		b.ReportMetric(ours, "us/render")
		for name, micros := range peerTimes(b, people) {
			b.ReportMetric(micros, name+"-us")
			b.ReportMetric(micros/ours, "x-"+name)
		}
	}
}

// campaignPeople are the data of the campaign for several people.
func campaignPeople(n int) []map[string]any {
	people := make([]map[string]any, n)
	for i := range people {
		data := campaignData()
		person, _ := data["person"].(map[string]any)
		person["first_name"], person["email"] = fmt.Sprintf("person %d", i), fmt.Sprintf("person%d@example.com", i)
		data["metrics"] = map[string]any{"tickets": map[string]any{"open": i, "closed": 3 * i}, "csat": map[string]any{"percent": float64(i) * 1.5}}
		people[i] = data
	}
	return people
}

func ourTime(b *testing.B, people []map[string]any) float64 {
	b.Helper()
	r := &liquid.Renderer{}
	return timed(people, func(data map[string]any) {
		if _, err := r.Render(context.Background(), liquid.Request{Parts: map[string]string{"html": campaignTemplate}, Data: data}); err != nil {
			b.Fatal(err)
		}
	})
}

// peerTimes gives the microseconds of the peers that there are.
func peerTimes(b *testing.B, people []map[string]any) map[string]float64 {
	b.Helper()
	t, err := stock.NewEngine().ParseString(campaignTemplate)
	if err != nil {
		b.Fatal(err)
	}
	times := map[string]float64{"stock": timed(people, func(data map[string]any) {
		if _, err := t.Render(data); err != nil {
			b.Fatal(err)
		}
	})}
	tools := filepath.Join("..", "tools")
	for name, command := range map[string][]string{
		"liquidjs":    {"node", filepath.Join(tools, "liquidjs", "campaign.js")},
		"ruby-liquid": {"ruby", filepath.Join(tools, "rubyliquid", "campaign.rb")},
	} {
		micros, err := runPeer(b, people, command)
		if err != nil {
			b.Logf("%s is left out: %v", name, err)
			continue
		}
		times[name] = micros
	}
	return times
}

// timed renders the people in turn for peerTime and gives the processor time of a render in microseconds.
func timed(people []map[string]any, render func(map[string]any)) float64 {
	for _, data := range people {
		render(data)
	}
	renders, cpu, end := 0, cpuTime(), time.Now().Add(peerTime)
	for ; time.Now().Before(end); renders += len(people) {
		for _, data := range people {
			render(data)
		}
	}
	return float64((cpuTime() - cpu).Microseconds()) / float64(renders)
}

func runPeer(b *testing.B, people []map[string]any, command []string) (float64, error) {
	b.Helper()
	task, err := json.Marshal(map[string]any{"template": campaignTemplate, "people": people, "seconds": peerTime.Seconds()})
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(b.Context(), command[0], command[1:]...)
	cmd.Stdin, cmd.Env = bytes.NewReader(task), append(os.Environ(), "LANG=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	var told struct {
		Micros float64
		First  string
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return 0, err
	}
	if told.Micros <= 0 || !strings.Contains(told.First, "person0@example.com") {
		return 0, errors.New("what it rendered is not the campaign")
	}
	return told.Micros, nil
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
