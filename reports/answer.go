package reports

import (
	"cmp"
	"context"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// reportAnswer is the body of a report.
type reportAnswer struct {
	Metric      string              `json:"metric"`
	Unit        string              `json:"unit"`
	From        time.Time           `json:"from" doc:"Start of the range"`
	To          time.Time           `json:"to" doc:"End of the range, exclusive"`
	TZ          string              `json:"tz" doc:"Zone by which days are cut"`
	Interval    *string             `json:"interval" doc:"hour, day, week, month or null"`
	GroupBy     []string            `json:"group_by"`
	AsOf        time.Time           `json:"as_of" doc:"Facts after it are left out; running waits are measured to it"`
	DataThrough *time.Time          `json:"data_through" doc:"The data that the rows are counted from is complete up to here; null before the first sync, and while that is not known"`
	Complete    *completeness       `json:"completeness" doc:"The stored tickets beside Zendesk's own count; null before the first check"`
	Definition  string              `json:"definition"`
	Rows        []reportRow         `json:"rows"`
	Totals      map[string]*float64 `json:"totals" doc:"Over the whole range; not the sum of the rows where rows overlap"`
}

// reportRow is one bucket of one group.
type reportRow struct {
	At     string              `json:"at,omitempty" doc:"Local date of the bucket, or its local hour; absent without an interval"`
	Key    []string            `json:"key" doc:"One for each group_by; (none) where the ticket has no value"`
	Label  []string            `json:"label" doc:"Names of the keys"`
	Values map[string]*float64 `json:"values"`
}

// cell is one row of a statement.
type cell struct {
	bucket uint32
	keys   []string
	values []*float64
	later  bool // something that it leaves out is dated after as_of
	unsure bool // it needs what was not looked for
}

// totalPrefix begins the names of columns that stand for the values of a metric in the totals, where these are not those of all rows together.
const totalPrefix = "total_"

// cells runs a statement whose columns are bucket, keys and then the values of the metric in order, and gives the values of all cells
// together too; nil when there is no cell.
func (s *server) cells(ctx context.Context, q *question, statement string, p params) (cells []cell, total []*float64, err error) {
	name := q.name
	switch {
	case q.saved:
		name = "keywords_saved"
	case q.made:
		name = q.file()
	}
	var columns []driver.ColumnType
	var result driver.Rows
	err = s.query(ctx, name, statement, p, func(rows driver.Rows) error {
		if result == nil {
			result, columns = rows, rows.ColumnTypes()
		}
		c, err := scanCell(columns, rows.Scan, q.metric, "")
		cells = append(cells, c)
		return err
	})
	if err != nil || result == nil {
		return nil, nil, err
	}
	whole, err := scanCell(columns, result.Totals, q.metric, totalPrefix)
	return cells, whole.values, err
}

// scanCell reads a row. A value is in the column of its name, or in one behind it with the prefix.
func scanCell(columns []driver.ColumnType, scan func(...any) error, m *metric, prefix string) (cell, error) {
	var c cell
	targets := make([]any, len(columns))
	for i, column := range columns {
		targets[i] = reflect.New(column.ScanType()).Interface()
	}
	if err := scan(targets...); err != nil {
		return c, err
	}
	c.values = make([]*float64, len(m.values))
	for i, column := range columns {
		v := reflect.ValueOf(targets[i]).Elem()
		switch column.Name() {
		case "bucket":
			c.bucket = uint32(v.Uint())
		case "keys":
			c.keys, _ = v.Interface().([]string)
		case "rated_later":
			c.later = v.Uint() > 0
		case "unsure":
			c.unsure = v.Uint() > 0
		default:
			if at := slices.IndexFunc(m.values, func(o value) bool { return column.Name() == o.name || column.Name() == prefix+o.name }); at >= 0 {
				c.values[at] = number(v)
			}
		}
	}
	return c, nil
}

// number gives a figure of any type; null and what is not a number as nil.
func number(v reflect.Value) *float64 {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	var f float64
	switch {
	case v.CanInt():
		f = float64(v.Int())
	case v.CanUint():
		f = float64(v.Uint())
	case v.CanFloat():
		f = v.Float()
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// grid holds the figures of a report by group and bucket.
type grid struct {
	q      *question
	groups map[string]*group
	total  []*float64 // of all groups and buckets; of a cumulative report all groups at the last end. nil where a statement said nothing
}

// group is one row of keys with its figures by bucket; nil where a statement said nothing.
type group struct {
	keys    []string
	buckets [][]*float64
}

func newGrid(q *question) *grid { return &grid{q: q, groups: map[string]*group{}} }

// maxReportRows bounds a report: every group has a row in every bucket.
const maxReportRows = 200_000

// at gives the group of keys.
func (g *grid) at(keys []string) *group {
	id := strings.Join(keys, "\x00")
	if found, ok := g.groups[id]; ok {
		return found
	}
	made := &group{keys: keys, buckets: make([][]*float64, len(g.q.bounds))}
	g.groups[id] = made
	return made
}

// put enters cells by the start of their buckets.
func (g *grid) put(cells []cell) error {
	if err := g.fits(cells); err != nil {
		return err
	}
	index := make(map[uint32]int, len(g.q.bounds))
	for i, b := range g.q.bounds {
		index[uint32(unix32(b))] = i
	}
	for _, c := range cells {
		if i, ok := index[c.bucket]; ok {
			g.at(c.keys).buckets[i] = c.values
		}
	}
	return nil
}

// fits refuses a report of too many rows before they are made.
func (g *grid) fits(cells []cell) error {
	seen := map[string]bool{}
	for _, c := range cells {
		seen[strings.Join(c.keys, "\x00")] = true
	}
	if (len(seen)+len(g.groups))*len(g.q.bounds) > maxReportRows {
		return schemas.Invalid("query.group_by", "gives more than "+strconv.Itoa(maxReportRows)+" rows with this interval and range; ask for fewer")
	}
	return nil
}

// putDifferences enters the cells of a cumulative report, see backlog.sql: what a cell says at end e holds for the buckets after e.
// Buckets that begin after as_of are unknown and stay nil.
func (g *grid) putDifferences(cells []cell, ends []time.Time) error {
	if err := g.fits(cells); err != nil {
		return err
	}
	after := map[uint32]int{0: 0}
	for i, e := range ends {
		after[uint32(unix32(e))] = i + 1
	}
	byGroup := map[*group][][]float64{}
	for _, c := range cells {
		at := g.at(c.keys)
		if byGroup[at] == nil {
			byGroup[at] = make([][]float64, len(ends)+1)
		}
		i := after[c.bucket]
		if byGroup[at][i] == nil {
			byGroup[at][i] = make([]float64, len(g.q.values))
		}
		for j, v := range c.values {
			if v != nil {
				byGroup[at][i][j] += *v
			}
		}
	}
	sums := make([]float64, len(g.q.values))
	for at, differences := range byGroup {
		at.accumulate(differences, len(ends), len(g.q.values))
		for i, v := range at.buckets[len(ends)-1] {
			sums[i] += *v
		}
	}
	for i := range sums {
		g.total = append(g.total, &sums[i])
	}
	return nil
}

func (at *group) accumulate(differences [][]float64, ends, values int) {
	sum := make([]float64, values)
	for i := range ends {
		row := make([]*float64, values)
		for j := range sum {
			if differences[i] != nil {
				sum[j] += differences[i][j]
			}
			row[j] = new(sum[j])
		}
		at.buckets[i] = row
	}
}

// rows gives the rows in order of time and keys. Counts of empty buckets are 0, other figures null.
func (g *grid) rows() []reportRow {
	groups := make([]*group, 0, len(g.groups))
	for _, at := range g.groups {
		groups = append(groups, at)
	}
	slices.SortFunc(groups, func(a, b *group) int { return compareKeys(a.keys, b.keys) })
	rows := make([]reportRow, 0, len(groups)*len(g.q.bounds))
	for i := range g.q.bounds {
		for _, at := range groups {
			keys := shownKeys(at.keys)
			rows = append(rows, reportRow{At: g.q.labels[i], Key: keys, Label: slices.Clone(keys), Values: g.q.shown(at.buckets[i], i)})
		}
	}
	return rows
}

// shown names the figures of a bucket.
func (q *question) shown(values []*float64, bucket int) map[string]*float64 {
	out := make(map[string]*float64, len(q.values))
	unknown := q.cumulative && q.bounds[bucket].After(q.asOf)
	for i, v := range q.values {
		switch {
		case unknown:
			out[v.name] = nil
		case values != nil:
			out[v.name] = values[i]
		case v.count && (!v.whole || q.interval == intervalNone):
			out[v.name] = new(float64)
		default:
			out[v.name] = nil
		}
	}
	return out
}

func shownKeys(keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		if out[i] = k; k == "" {
			out[i] = noneKey
		}
	}
	return out
}

// compareKeys orders ids by size and before words, words by letter, and none last.
func compareKeys(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if c := compareKey(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareKey tells any two keys apart, 01 and 1 too: rows come in one order then.
func compareKey(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(b), len(a))
	}
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	switch {
	case errX == nil && errY == nil && x != y:
		return cmp.Compare(x, y)
	case errX == nil && errY != nil:
		return -1
	case errX != nil && errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}
