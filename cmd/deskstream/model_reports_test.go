package main

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// modelReport pairs a report with what the model counts for it.
type modelReport struct {
	metric     string
	parameters url.Values
	dimensions []string
	facts      func(*model) func(modelOptions) []modelFact
	finish     func(facts []modelFact, b *modelBucket) values
	past       bool // facts tell an as_of in the middle of the history
}

// values are the figures of one row of a report, by name.
type values map[string]float64

var modelDimensions = []string{"assignee", "group", "channel", "tag", "brand", "organization", "priority", "type", "status", "form"}

// modelReports are all reports of the contract.
func modelReports() []modelReport {
	var out []modelReport
	add := func(metric string, facts func(*model) func(modelOptions) []modelFact, finish func([]modelFact, *modelBucket) values, more ...string) {
		r := modelReport{metric: metric, parameters: url.Values{}, dimensions: modelDimensions, facts: facts, finish: finish}
		r.past = strings.HasSuffix(metric, "_time") || metric == "csat" || metric == "tickets"
		for i := 0; i < len(more); i += 2 {
			r.parameters.Add(more[i], more[i+1])
		}
		switch metric {
		case "replies":
			r.dimensions = append([]string{"agent"}, modelDimensions...)
		case "sla":
			r.dimensions = append([]string{"sla_metric"}, modelDimensions...)
		case "activities":
			r.dimensions = append([]string{"activity"}, modelDimensions[:len(modelDimensions)-1]...)
		}
		out = append(out, r)
	}
	type facts = func(modelOptions) []modelFact
	add("tickets_created", func(m *model) facts { return m.ticketsCreated }, sums)
	add("closures", func(m *model) facts { return m.closures }, sums)
	add("reopens", func(m *model) facts { return m.reopens }, sums)
	add("backlog", func(m *model) facts { return m.backlog }, sums)
	add("assignments", func(m *model) facts { return m.assignments }, sums)
	add("csat", func(m *model) facts { return m.csat(false) }, ratios)
	add("csat", func(m *model) facts { return m.csat(true) }, ratios, "attribute", "current_assignee")
	add("replies", func(m *model) facts { return m.repliesSent }, sums)
	add("activities", func(m *model) facts { return m.activities }, sums, "activity", activityNames)
	add("sla", func(m *model) facts { return m.sla }, ratios)
	add("touches", func(m *model) facts { return m.touches }, sums)
	add("stations", func(m *model) facts { return m.stations }, sums)
	add("requesters", func(m *model) facts { return m.requesters }, cohort)
	add("tickets", func(m *model) facts { return m.ticketsNow }, sums)
	phrases := []string{"refund", "travel insurance", "café", "file"}
	asked := func(more ...string) (p []string) {
		for _, phrase := range phrases {
			p = append(p, "phrase", phrase)
		}
		return append(p, more...)
	}
	add("keywords", func(m *model) facts { return m.keywords(phrases, false, false) }, sums, asked()...)
	add("keywords", func(m *model) facts { return m.keywords(phrases, true, true) }, sums, asked("scope", "any", "dated_by", "message")...)
	for _, business := range []bool{false, true} {
		hours := map[bool]string{false: "calendar", true: "business"}[business]
		add("first_reply_time", func(m *model) facts { return m.seconds(m.firstReply(business)) }, durations, "hours", hours)
		add("first_resolution_time", func(m *model) facts { return m.seconds(m.resolution(false, business)) }, durations, "hours", hours)
		add("full_resolution_time", func(m *model) facts { return m.seconds(m.resolution(true, business)) }, durations, "hours", hours)
		add("next_reply_time", func(m *model) facts { return m.seconds(m.nextReplies(business)) }, durations, "hours", hours)
		add("assignment_time", func(m *model) facts { return m.seconds(m.assignmentTime(business)) }, durations, "hours", hours)
		for _, variant := range []string{"live", "completed"} {
			for name, statuses := range map[string][]string{
				"requester_wait_time": {"new", "open", "hold"}, "agent_wait_time": {"pending"}, "on_hold_time": {"hold"}, "agent_work_time": {"new", "open"},
			} {
				add(name, func(m *model) facts { return m.seconds(m.wait(variant == "live", business, statuses...)) }, durations, "variant", variant, "hours", hours)
			}
		}
	}
	return out
}

// modelQuestion is a report asked in one way.
type modelQuestion struct {
	*modelReport
	interval, zone string
	groupBy        []string
	from, to       string // dates
	asOf           time.Time
	options        modelOptions
}

func (q *modelQuestion) String() string { return q.metric + "?" + q.query().Encode() }

func (q *modelQuestion) query() url.Values {
	p := url.Values{"from": {q.from}, "to": {q.to}, "tz": {q.zone}, "as_of": {q.asOf.Format(time.RFC3339)}}
	for k, v := range q.parameters {
		p[k] = v
	}
	if q.interval != "" {
		p.Set("interval", q.interval)
	}
	if len(q.groupBy) > 0 {
		p["group_by"] = q.groupBy
	}
	if q.options.includeDeleted {
		p.Set("include_deleted", "true")
	}
	if q.options.excludeMerged {
		p.Set("exclude_merged", "true")
	}
	return p
}

// modelBucket is a span of the range, cut by the wall clock of a zone.
type modelBucket struct {
	name       string // date of its first day; "" for the whole range
	start, end time.Time
	asOf       time.Time
}

// buckets go from local day to local day and begin a new one where the week or the month does.
func (q *modelQuestion) buckets() (out []*modelBucket) {
	zone, _ := time.LoadLocation(q.zone)
	day := func(s string, more int) time.Time {
		d, _ := time.Parse(time.DateOnly, s)
		return time.Date(d.Year(), d.Month(), d.Day()+more, 0, 0, 0, 0, zone)
	}
	for date := q.from; date <= q.to; date = day(date, 1).Format(time.DateOnly) {
		start, end := day(date, 0), day(date, 1)
		name := date
		switch q.interval {
		case "":
			name = ""
		case "week":
			name = day(date, -(int(start.Weekday())+6)%7).Format(time.DateOnly)
		case "month":
			name = date[:8] + "01"
		}
		if n := len(out); n > 0 && out[n-1].name == name {
			out[n-1].end = end
			continue
		}
		out = append(out, &modelBucket{name: name, start: start, end: end, asOf: q.asOf})
	}
	return out
}

// want is the answer of the models: row to figures.
func (q *modelQuestion) want(models []*model) map[string]values {
	o := q.options
	o.asOf = q.asOf
	var facts []modelFact
	for _, m := range models {
		facts = append(facts, q.facts(m)(o)...)
	}
	out := map[string]values{}
	for _, b := range q.buckets() {
		rows := map[string][]modelFact{}
		for _, f := range facts {
			if f.always && q.interval == "" || !f.always && (f.until.IsZero() && b.holds(f.at) || !f.until.IsZero() && b.standsAtEnd(f)) {
				for _, key := range q.rowKeys(f) {
					rows[strings.TrimSpace(b.name+" "+key)] = append(rows[strings.TrimSpace(b.name+" "+key)], f)
				}
			}
		}
		for key, of := range rows {
			out[key] = q.finish(of, b)
		}
	}
	return out
}

func (b *modelBucket) holds(at time.Time) bool {
	return !at.Before(b.start) && at.Before(b.end) && !at.After(b.asOf)
}

// standsAtEnd says whether a spell covers the end of the bucket, or as_of in the bucket that it lies in (M6).
func (b *modelBucket) standsAtEnd(f modelFact) bool {
	if b.end.After(b.asOf) {
		return !f.at.After(b.asOf) && f.until.After(b.asOf) && !b.start.After(b.asOf)
	}
	return f.at.Before(b.end) && !f.until.Before(b.end)
}

func (q *modelQuestion) rowKeys(f modelFact) []string {
	keys := []string{""}
	for _, d := range q.keyNames() {
		var next []string
		for _, k := range keys {
			for _, v := range f.keys[d] {
				next = append(next, strings.TrimSpace(k+" "+v))
			}
		}
		keys = next
	}
	return keys
}

func (q *modelQuestion) keyNames() []string {
	if q.metric == "keywords" {
		return append([]string{"phrase"}, q.groupBy...)
	}
	return q.groupBy
}

func sums(facts []modelFact, _ *modelBucket) values {
	v, seen := values{}, map[string]bool{}
	for _, f := range facts {
		switch {
		case f.who == "":
			v[f.name] += f.n
		case !seen[f.name+" "+f.who]:
			seen[f.name+" "+f.who] = true
			v[f.name]++
		}
	}
	return v
}

func ratios(facts []modelFact, b *modelBucket) values {
	v := sums(facts, b)
	if n := v["good"] + v["bad"]; n > 0 {
		v["score_pct"] = 100 * v["good"] / n
	}
	if v["surveyed"] > 0 {
		v["response_pct"] = 100 * (v["good"] + v["bad"]) / v["surveyed"]
	}
	if n := v["achieved"] + v["breached"]; n > 0 {
		v["attainment_pct"] = 100 * v["achieved"] / n
	}
	return v
}

// cohort tells new people from returning ones (M26).
func cohort(facts []modelFact, b *modelBucket) values {
	v, seen := values{}, map[string]bool{}
	for _, f := range facts {
		if seen[f.who] {
			continue
		}
		seen[f.who] = true
		v["requesters"]++
		if b.holds(f.first) {
			v["new"]++
		} else {
			v["returning"]++
		}
	}
	return v
}

func durations(facts []modelFact, _ *modelBucket) values {
	var all []float64
	v := values{"count": float64(len(facts))}
	for _, f := range facts {
		all = append(all, f.n)
		v["sum_s"] += f.n
	}
	sort.Float64s(all)
	at := func(share float64) float64 {
		place := share * float64(len(all)-1)
		low := int(place)
		high := min(low+1, len(all)-1)
		return all[low] + (place-float64(low))*(all[high]-all[low])
	}
	v["mean_s"], v["median_s"], v["p90_s"] = v["sum_s"]/v["count"], at(0.5), at(0.9)
	return v
}

// nullable figures are null, not 0, where there is nothing (G12).
var nullable = map[string]bool{"mean_s": true, "median_s": true, "p90_s": true, "score_pct": true, "response_pct": true, "attainment_pct": true}

// compare asks the question and gives the differences between the answer and the models.
func (q *modelQuestion) compare(t testing.TB, api *client, models []*model) error {
	var got answer
	if err := api.call(t.Context(), "GET", "/v1/reports/"+q.metric+"?"+q.query().Encode(), nil, &got); err != nil {
		return err
	}
	asked := *q
	asked.asOf = got.AsOf // now, should the asked instant lie after it
	want := asked.want(models)
	var out []string
	for _, r := range got.Rows {
		key := strings.TrimSpace(r.At + " " + strings.Join(r.Key, " "))
		out = append(out, diffRow(key, r.Values, want[key])...)
		delete(want, key)
	}
	for key, v := range want {
		out = append(out, fmt.Sprintf("[%s] is missing, want %v", key, v))
	}
	if q.metric != "keywords" { // whose totals are those of any phrase
		asked.interval, asked.groupBy = "", nil
		out = append(out, diffRow("totals", got.Totals, asked.want(models)[""])...)
	}
	if len(out) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", q, strings.Join(out[:min(len(out), 6)], ", "))
}

func diffRow(key string, got map[string]*float64, want values) (out []string) {
	for name, g := range got {
		w, ok := want[name]
		switch {
		case !ok && (nullable[name] || g == nil && strings.HasPrefix(name, "assigned_")):
			if g != nil {
				out = append(out, fmt.Sprintf("[%s] %s got %v want null", key, name, *g))
			}
		case g == nil || math.Abs(*g-w) > 1e-3:
			out = append(out, fmt.Sprintf("[%s] %s got %s want %v", key, name, shown(g), w))
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			out = append(out, fmt.Sprintf("[%s] %s is not in the answer", key, name))
		}
	}
	return out
}

// modelQuestions ask every report plain and by each of its dimensions, six of them also by day, week or month in one of two zones; other
// variants of a report less often. Every other question has an as_of, which takes another path than now; those that can be are asked as of a
// past instant too. The range begins in the middle of the history.
func modelQuestions(from, asOf time.Time) (out []*modelQuestion) {
	reports, last := modelReports(), asOf // buckets after as_of are null
	if now := time.Now(); now.Before(last) {
		last = now
	}
	seen := map[string]bool{}
	for i := range reports {
		r := &reports[i]
		add := func(interval, zone string, groupBy ...string) *modelQuestion {
			loc, _ := time.LoadLocation(zone)
			q := &modelQuestion{
				modelReport: r, interval: interval, zone: zone, groupBy: groupBy, asOf: asOf,
				from: from.In(loc).Format(time.DateOnly), to: last.In(loc).Format(time.DateOnly),
			}
			if len(out)%2 == 0 {
				q.asOf = time.Now().AddDate(0, 0, 1)
			}
			out = append(out, q)
			return q
		}
		add("", "UTC")
		for j := range r.dimensions {
			if seen[r.metric] && j%5 != 0 {
				continue
			}
			interval := []string{"day", "day", "week", "week", "month", "month", "", "", "", "", ""}[j]
			add(interval, []string{"America/New_York", "Asia/Kolkata"}[j%2], r.dimensions[(i+j)%len(r.dimensions)])
		}
		if !seen[r.metric] {
			add("day", "Asia/Kolkata").options = modelOptions{excludeMerged: true}
		}
		if r.past {
			q := add("", "UTC", r.dimensions[2+i%3]) // of which tickets have no other ones in the past
			q.asOf = from.Add(asOf.Sub(from) / 2)
		}
		if slices.Contains([]string{"tickets_created", "closures", "reopens", "backlog", "tickets"}, r.metric) {
			add("week", "UTC").options = modelOptions{includeDeleted: true}
		}
		seen[r.metric] = true
	}
	return out
}

// askAll compares a few questions at a time.
func askAll(t testing.TB, api *client, models []*model, questions []*modelQuestion) error {
	next := make(chan *modelQuestion)
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		all []error
	)
	for range 3 {
		wg.Go(func() {
			for q := range next {
				if err := q.compare(t, api, models); err != nil {
					mu.Lock()
					all = append(all, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, q := range questions {
		next <- q
	}
	close(next)
	wg.Wait()
	return errors.Join(all[:min(len(all), 12)]...)
}
