package reports

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var updateGolden = flag.Bool("update", false, "write the migration of the report views and the answers to odd bodies anew")

// viewFile holds one view for each report, made of the statements of the reports.
var viewFile = filepath.Join("..", "schemas", "migrations", "00025_report_views.sql")

// viewBounds cuts [from, to) as a window does. Hours begin when the clock shows a full one, which a change of half an hour puts off.
const viewBounds = `arrayConcat([toUnixTimestamp({from:DateTime('UTC')})], arrayFilter(b -> b > toUnixTimestamp({from:DateTime('UTC')}) AND b < toUnixTimestamp({to:DateTime('UTC')}), multiIf(
        {interval:String} = 'hour', arrayFilter(b -> toMinute(toDateTime(b, {tz:String})) = 0, arrayMap(i -> toUInt32(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 900) * 900 + 900 * i), range(4 * dateDiff('hour', {from:DateTime('UTC')}, {to:DateTime('UTC')}) + 5))),
        {interval:String} = 'day', arrayDistinct(arrayMap(i -> toUnixTimestamp(toDateTime(toDate({from:DateTime('UTC')}, {tz:String}) + i, {tz:String})), range(dateDiff('day', {from:DateTime('UTC')}, {to:DateTime('UTC')}) + 3))),
        {interval:String} = 'week', arrayMap(i -> toUnixTimestamp(toDateTime(toMonday({from:DateTime('UTC')}, {tz:String}) + 7 * i, {tz:String})), range(dateDiff('week', {from:DateTime('UTC')}, {to:DateTime('UTC')}) + 3)),
        {interval:String} = 'month', arrayMap(i -> toUnixTimestamp(toDateTime(addMonths(toStartOfMonth({from:DateTime('UTC')}, {tz:String}), i), {tz:String})), range(dateDiff('month', {from:DateTime('UTC')}, {to:DateTime('UTC')}) + 3)),
        [])))`

// viewEnds is where a cumulative report looks: the ends of the buckets that began already, the last one a second past now.
const viewEnds = `arrayMap(b -> toUInt32(if(b > toUnixTimestamp(now()), toUnixTimestamp(now()) + 1, b)), arrayFilter((b, began) -> began <= toUnixTimestamp(now()),
        arrayPushBack(arrayPopFront(bounds), toUnixTimestamp({to:DateTime('UTC')})), bounds))`

// viewStart gives where the whole bucket begins, as the answers of a report name it. An hour in which the clock was put by half an hour takes two steps back.
func viewStart(bucket string) string {
	at := "toDateTime(" + bucket + ", {tz:String})"
	hour := "toUInt32(" + bucket + " - 60 * toMinute(" + at + ") - toSecond(" + at + "))"
	hour = "toUInt32(" + hour + " - 60 * toMinute(toDateTime(" + hour + ", {tz:String})))"
	return "toDateTime(multiIf({interval:String} = 'hour', " + hour + ", {interval:String} = 'day', toUnixTimestamp(toStartOfDay(" + at +
		")), {interval:String} = 'week', toUnixTimestamp(toDateTime(toMonday(" + at + "), {tz:String})), {interval:String} = 'month', toUnixTimestamp(toDateTime(toStartOfMonth(" +
		at + "), {tz:String})), " + bucket + "), 'UTC')"
}

// viewBuckets is how many buckets a view cuts time into; it answers those in which something happened. ClickHouse takes a million of them, with much memory.
const viewBuckets = 500_000

// viewTo is the end of the range as it is asked for, and viewEnd the one that a view takes so that nothing else of it fails before it refuses what is asked:
// a second after from where it is not behind it, and no more hours than are needed to see that there are too many.
const viewTo = "{to:DateTime('UTC')}"

var viewEnd = "toDateTime(least(toUnixTimestamp(greatest(" + viewTo + ", {from:DateTime('UTC')} + 1)), toUnixTimestamp({from:DateTime('UTC')}) + " +
	fmt.Sprintf("if({interval:String} = 'hour', %d, 4294967295)", (viewBuckets+2)*3600) + "), 'UTC')"

// viewRefuses gives a condition that ends the question with words, also where no row would be answered: a subquery without a table is looked at before.
func viewRefuses(when, words string) string {
	return "(SELECT throwIf(" + when + ", '" + words + "')) = 0"
}

// viewOf gives the statement that makes the view of a metric.
func viewOf(m *metric) string {
	q := &question{metric: m, live: true, dimensions: m.dimensions, p: params{}, given: map[string][]string{}}
	if err := q.prepare(); err != nil {
		panic(err)
	}
	keys := []string{}
	for _, d := range q.dimensions {
		one := "[" + d.key(d.column) + "]"
		if d.name == "tag" {
			one = "if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)')))"
		}
		keys = append(keys, "{group_by:String} = '"+d.name+"', "+one)
	}
	status, _ := findDimension(q.dimensions, statusDimension.name)
	pieces := q.pieces([]dimension{status}) // with the join that a current status needs
	pieces.Accounts, pieces.By, pieces.Keys = "1", "arrayJoin(multiIf("+strings.Join(keys, ", ")+", [''])) AS k1, ", "k1"
	body := sqlWith(q.file(), pieces)
	body = strings.ReplaceAll(body, "hasAnyTokens(", "hasAllTokens(") // it is asked for one phrase only
	body = strings.Join(slices.DeleteFunc(strings.SplitAfter(body, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "--") }), "")
	names := dimensionNames(q.dimensions)
	var values []string
	for _, v := range m.values {
		values = append(values, v.name)
	}
	with := "    " + viewBounds + " AS bounds"
	outer := "SELECT " + viewStart("bucket") + " AS at, if(keys = '', if({group_by:String} = '', '', '" + noneKey + "'), keys) AS key, " + strings.Join(values, ", ") + "\nFROM\n(\n" + body + "\n)\n"
	if m.cumulative {
		with += ",\n    " + viewEnds + " AS ends"
		outer = cumulated(values, body)
	}
	phrase := ""
	if m.name == "keywords" {
		phrase = "\n    AND " + viewRefuses("empty(phrase_words)", "phrase must hold a letter or a digit")
		with += ",\n    extractAll(" + lowerOf("normalizeUTF8NFKC({phrase:String})") + ", '[\\\\p{L}\\\\p{Nd}]+') AS phrase_words"
	}
	with, outer = strings.ReplaceAll(with, viewTo, "range_end"), strings.ReplaceAll(outer, viewTo, "range_end")
	text := "CREATE VIEW IF NOT EXISTS report_" + m.name + " AS\nWITH\n    " + viewEnd + " AS range_end,\n" + with + "\n" + outer +
		"WHERE " + viewRefuses("{from:DateTime('UTC')} >= "+viewTo, "from must be before to and before 2106") +
		"\n    AND " + viewRefuses("{group_by:String} NOT IN ('', '"+strings.Join(names, "', '")+"')", "group_by takes nothing or one of "+strings.Join(names, ", ")) +
		"\n    AND " + viewRefuses("{interval:String} NOT IN ('', 'hour', 'day', 'week', 'month')", "interval takes nothing, hour, day, week or month") +
		"\n    AND " + viewRefuses(fmt.Sprintf("length(bounds) > %d", viewBuckets), fmt.Sprintf("interval gives more than %d buckets for this range; ask for a longer interval or a shorter range", viewBuckets)) + phrase + "\n" +
		"COMMENT 'The report " + m.name + " as of now, with the parameters from and to (UTC, to exclusive), tz, interval and group_by (empty = none)'"
	return viewParameters(q).Replace(text) + ";\n"
}

// cumulated sums the differences up and gives every group a row in every bucket: what a difference says at an end holds for the next one.
func cumulated(values []string, body string) string {
	var sums []string
	for _, v := range values {
		sums = append(sums, "sum(d."+v+") OVER (PARTITION BY grid.keys ORDER BY grid.bucket) AS "+v)
	}
	return "SELECT " + viewStart("starts") + " AS at, if(keys = '', if({group_by:String} = '', '', '" + noneKey + "'), keys) AS key, " + strings.Join(values, ", ") + `
FROM
(
    SELECT grid.starts AS starts, grid.bucket AS bucket, grid.keys AS keys, ` + strings.Join(sums, ", ") + `
    FROM
    (
        SELECT place.1 AS bucket, place.2 AS starts, keys
        FROM (SELECT arrayJoin(arrayZip(arrayPushFront(arrayPopBack(ends), toUInt32(0)), arraySlice(bounds, 1, length(ends)))) AS place) AS places
        CROSS JOIN (SELECT DISTINCT keys FROM (` + body + `)) AS groups
    ) AS grid
    LEFT JOIN (` + body + `) AS d ON d.bucket = grid.bucket AND d.keys = grid.keys
)
`
}

// viewParameters puts what a view fixes in the place of what a request binds.
func viewParameters(q *question) *strings.Replacer {
	pairs := []string{
		"{bounds:Array(UInt32)}", "bounds", "{include_deleted:UInt8}", "0", "{exclude_merged:UInt8}", "0",
		"{by_ticket:UInt8}", "1", "{any_scope:UInt8}", "0", "{bucketed:UInt8}", "({interval:String} != '')",
		"toDateTime({from:UInt32}, 'UTC')", "{from:DateTime('UTC')}", "toDateTime({to:UInt32}, 'UTC')", "{to:DateTime('UTC')}",
		"{from:UInt32}", "toUnixTimestamp({from:DateTime('UTC')})", "toDateTime({as_of:UInt32}, 'UTC')", "now('UTC')", "{as_of:UInt32}", "toUnixTimestamp(now())",
		"toDateTime({now:UInt32}, 'UTC')", "now('UTC')", "{ends:Array(UInt32)}", "arrayPushFront(ends, toUInt32(0))",
		"toDateTime({first_end:UInt32}, 'UTC')", "toDateTime(ends[1], 'UTC')", "toDateTime({last_end:UInt32}, 'UTC')", "toDateTime(ends[-1], 'UTC')",
		"{phrases:Array(String)}", "[arrayStringConcat(phrase_words, ' ')]", "{anchors:Array(String)}", "phrase_words",
		"{statuses:Array(String)}", q.p["statuses"],
	}
	if q.p["since"] == "0" {
		pairs = append(pairs, "toDateTime({since:UInt32}, 'UTC')", "toDateTime(0, 'UTC')")
	} else {
		pairs = append(pairs, "toDateTime({since:UInt32}, 'UTC')", "{from:DateTime('UTC')}")
	}
	return strings.NewReplacer(pairs...)
}

// TestViewsFollowTheReports holds the migration against the statements. `go test ./reports -run ViewsFollow -update` writes it.
func TestViewsFollowTheReports(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("-- +goose Up\n")
	drops := ""
	for _, m := range reportMetrics {
		b.WriteString("-- +goose StatementBegin\n" + strings.TrimRight(viewOf(m), "\n") + "\n-- +goose StatementEnd\n\n")
		drops = "DROP VIEW IF EXISTS report_" + m.name + ";\n" + drops
	}
	b.WriteString("-- +goose Down\n" + drops)
	if *updateGolden {
		if err := os.WriteFile(viewFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(viewFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s does not follow the statements of the reports: run `go test ./reports -run ViewsFollow -update`", viewFile)
	}
}

// TestViewBoundsAreThoseOfReports: views cut time and name buckets as answers do, where clocks change by half an hour or at midnight and a day is skipped too.
func TestViewBoundsAreThoseOfReports(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, c := range []struct{ zone, from, to string }{
		{"Australia/Lord_Howe", "2026-10-03", "2026-10-05"},
		{"Australia/Lord_Howe", "2026-04-04", "2026-04-05"},
		{"Asia/Kathmandu", "2026-03-01", "2026-03-02"},
		{"America/New_York", "2026-10-31", "2026-11-02"},
		{"UTC", "2026-03-01T10:20:30Z", "2026-03-01T13:00:00Z"},
		{"America/Santiago", "2026-09-03", "2026-09-09"},
		{"America/Santiago", "2026-04-03", "2026-04-06"},
		{"America/Havana", "2026-03-06", "2026-03-09"},
		{"America/Havana", "2026-10-30", "2026-11-02"},
		{"Atlantic/Azores", "2026-03-27", "2026-03-30"},
		{"Atlantic/Azores", "2026-10-23", "2026-10-26"},
		{"Pacific/Apia", "2011-12-28", "2012-01-02"},
		{"America/Santiago", "2026-09-06T15:00:00Z", "2026-09-09"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00+10:30", "2026-04-05T03:00:00+10:30"},
		{"Pacific/Apia", "2011-12-31T15:00:00+14:00", "2012-01-02"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, interval := range intervals {
			w, err := newWindow(c.from, c.to, interval, loc, testNow)
			if err != nil {
				t.Fatal(err)
			}
			var want, starts []uint32
			for _, b := range w.bounds {
				want, starts = append(want, uint32(unix32(b))), append(starts, uint32(unix32(w.floor(b))))
			}
			p := params{}
			p.time("from", w.from)
			p.time("to", w.to)
			p.text("tz", c.zone)
			p.text("interval", interval)
			text := "SELECT CAST(" + viewBounds + ", 'Array(UInt32)') AS bounds, arrayMap(b -> toUnixTimestamp(" + viewStart("b") + "), bounds)"
			err = s.query(t.Context(), "bounds", text, p, func(rows driver.Rows) error {
				var got, named []uint32
				err := rows.Scan(&got, &named)
				if !slices.Equal(got, want) || !slices.Equal(named, starts) {
					t.Errorf("%s of %s, %s to %s: %v called %v, want %v called %v", interval, c.zone, c.from, c.to, got, named, want, starts)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestViewsRefuseWhatReportsRefuse: an analyst is told what is wrong with the parameters, and not what became of them in the statement.
func TestViewsRefuseWhatReportsRefuse(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	refused := func(metric, from, to, interval, phrase, want string) {
		t.Helper()
		more := ""
		if metric == "keywords" {
			more = ", phrase = '" + phrase + "'"
		}
		text := fmt.Sprintf("SELECT * FROM report_%s(from = '%s', to = '%s', tz = 'UTC', interval = '%s', group_by = ''%s)", metric, from, to, interval, more)
		var rows uint64
		err := s.db.QueryRow(t.Context(), "SELECT count() FROM ("+text+")").Scan(&rows)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d rows, %v, want %q", text, rows, err, want)
		}
	}
	for _, m := range reportMetrics {
		for _, interval := range intervals {
			refused(m.name, "2026-11-25 00:00:00", "2026-11-20 00:00:00", interval, "late", "from must be before to")
			refused(m.name, "2026-11-25 00:00:00", "2026-11-25 00:00:00", interval, "late", "from must be before to")
		}
		refused(m.name, "2200-01-01 00:00:00", "2300-01-01 00:00:00", "day", "late", "from must be before to and before 2106")
		refused(m.name, "1970-01-01 00:00:00", "2105-12-31 00:00:00", "hour", "late", "interval gives more than 500000 buckets for this range")
		refused(m.name, "2026-11-20 00:00:00", "2026-11-25 00:00:00", "fortnight", "late", "interval takes nothing, hour, day, week or month")
	}
	refused("keywords", "2026-11-20 00:00:00", "2026-11-25 00:00:00", "", "--", "phrase must hold a letter or a digit")
}
