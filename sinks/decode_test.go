package sinks

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

var columnLine = regexp.MustCompile("(?m)^    `(\\w+)` (.+?) COMMENT '")

// migrationPlan reads the table's columns from its migration, for tests without an engine.
func migrationPlan(tb testing.TB, table string) *plan {
	tb.Helper()
	files, err := fs.Glob(schemas.Migrations, "migrations/?????_"+table+".sql")
	if err != nil || len(files) != 1 {
		tb.Fatal(table, files, err)
	}
	text, err := fs.ReadFile(schemas.Migrations, files[0])
	if err != nil {
		tb.Fatal(err)
	}
	var names, types []string
	for _, m := range columnLine.FindAllStringSubmatch(string(text), -1) {
		names, types = append(names, m[1]), append(types, m[2])
	}
	p, err := newPlan(table, names, types)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// rowTypes are the structs of the tables' rows.
var rowTypes = map[string]reflect.Type{
	schemas.TableActivities: reflect.TypeFor[schemas.Activity](), schemas.TableTickets: reflect.TypeFor[schemas.TicketRow](),
	schemas.TableTicketEvents: reflect.TypeFor[schemas.TicketEvent](), schemas.TableMessages: reflect.TypeFor[schemas.Message](),
	schemas.TablePeople: reflect.TypeFor[schemas.PersonRow](), schemas.TablePersonAliases: reflect.TypeFor[schemas.PersonAlias](),
	schemas.TablePersonIdentities: reflect.TypeFor[schemas.PersonIdentity](), schemas.TablePersonMerges: reflect.TypeFor[schemas.PersonMerge](),
	schemas.TableAudienceMembers: reflect.TypeFor[schemas.AudienceMember](), schemas.TableAudienceEntries: reflect.TypeFor[schemas.AudienceEntry](),
	schemas.TablePhraseHits: reflect.TypeFor[schemas.PhraseHits](), schemas.TableOpeningHours: reflect.TypeFor[schemas.OpeningHours](),
	schemas.TablePersonStats: reflect.TypeFor[schemas.PersonStats](), schemas.TablePersonActivities: reflect.TypeFor[schemas.PersonActivity](),
	schemas.TableOrganizations: reflect.TypeFor[schemas.OrganizationRow](), schemas.TableAgents: reflect.TypeFor[schemas.Agent](),
	schemas.TableRatings: reflect.TypeFor[schemas.RatingRow](), schemas.TableMetricEvents: reflect.TypeFor[schemas.MetricEventRow](),
	schemas.TableNames: reflect.TypeFor[schemas.Name](), schemas.TableActivityCounts: reflect.TypeFor[schemas.ActivityCount](),
}

// cellsOf is what the decoder must make of a row struct.
func cellsOf(row reflect.Value) map[string]cell {
	cells := map[string]cell{}
	for i := range row.NumField() {
		name := row.Type().Field(i).Tag.Get("json")
		cells[name] = cellOf(row.Field(i))
	}
	return cells
}

func cellOf(v reflect.Value) cell {
	switch x := v.Interface().(type) {
	case string:
		return cell{text: []byte(x)}
	case int64:
		return cell{num: x}
	case uint8:
		return cell{num: int64(x)}
	case time.Time:
		return cell{num: min(max(x.Unix(), 0), math.MaxUint32)}
	case []string:
		c := cell{}
		for _, s := range x {
			c.list = append(c.list, []byte(s))
		}
		return c
	case []int64:
		return cell{nums: x}
	}
	if v.IsNil() {
		return cell{null: true}
	}
	return cellOf(v.Elem())
}

func compare(t *testing.T, d *decoder, row reflect.Value) {
	t.Helper()
	for name, want := range cellsOf(row) {
		got := d.cells[d.plan.index[name]]
		nulls := got.null != want.null && d.plan.columns[d.plan.index[name]].nullable
		if nulls || got.num != want.num || !bytes.Equal(got.text, want.text) || len(got.list) != len(want.list) || len(got.nums) != len(want.nums) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
			continue
		}
		for i := range want.list {
			if !bytes.Equal(got.list[i], want.list[i]) {
				t.Errorf("%s[%d]: got %q, want %q", name, i, got.list[i], want.list[i])
			}
		}
		for i := range want.nums {
			if got.nums[i] != want.nums[i] {
				t.Errorf("%s[%d]: got %d, want %d", name, i, got.nums[i], want.nums[i])
			}
		}
	}
}

const nasty = "tab\there \"quotes\" 'single' \\back\\ nul\x00 bell\a line\r\n bad\xff\xfe utf8 \u2028 emoji \U0001F525 é <b>&amp;"

// sample fills every field of a row struct, each with a value of its own.
func sample(typ reflect.Type, n int) reflect.Value {
	v := reflect.New(typ).Elem()
	for i := range v.NumField() {
		fill(v.Field(i), n*100+i)
	}
	v.FieldByName("Account").SetString("acme")
	return v
}

func fill(f reflect.Value, n int) {
	switch f.Interface().(type) {
	case string:
		f.SetString(string(rune('a'+n%26)) + nasty)
	case int64:
		f.SetInt(int64(-n))
	case uint8:
		f.SetUint(uint64(n % 2))
	case time.Time:
		f.Set(reflect.ValueOf(time.Date(2099, 12, 31, 23, 59, n%60, 0, time.UTC)))
	case []string:
		f.Set(reflect.ValueOf([]string{"a", nasty, ""}))
	case []int64:
		f.Set(reflect.ValueOf([]int64{math.MaxInt64, math.MinInt64, int64(n)}))
	default:
		f.Set(reflect.New(f.Type().Elem()))
		fill(f.Elem(), n)
	}
}

func TestDecodeEveryTable(t *testing.T) {
	t.Parallel()
	if len(rowTypes) != len(schemas.Tables) {
		t.Errorf("%d row types for %d tables", len(rowTypes), len(schemas.Tables))
	}
	for table, typ := range rowTypes {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			d := newDecoder(migrationPlan(t, table))
			if got, want := len(d.plan.columns), typ.NumField(); got != want {
				t.Errorf("%d columns, %d fields", got, want)
			}
			empty := reflect.New(typ).Elem()
			empty.FieldByName("Account").SetString("acme")
			for _, row := range []reflect.Value{sample(typ, 1), empty, sample(typ, 2)} {
				line, err := json.Marshal(row.Interface())
				if err != nil {
					t.Fatal(err)
				}
				if err := d.decode(line); err != nil {
					t.Fatal(err)
				}
				// What JSON cannot carry is lost when it is written: compare with what is in the line.
				back := reflect.New(typ)
				if err := json.Unmarshal(line, back.Interface()); err != nil {
					t.Fatal(err)
				}
				compare(t, d, back.Elem())
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	d := newDecoder(migrationPlan(t, schemas.TableActivities))
	const ok = `"account":"a","activity":"b","occurred_at":"2026-01-01T00:00:00Z","ticket_id":1,"activity_id":"x"`
	for in, want := range map[string]string{
		``: "object", `{`: "object", `[]`: "object", `null`: "object", `{` + ok: "object", `{` + ok + `,}`: "object", `{` + ok + `}{}`: "behind",
		`{}`:                                                     "account is missing",
		`{"account":"a"}`:                                        "activity is missing",
		`{` + ok + `,"nope":1}`:                                  `"nope"`,
		`{` + ok + `,"_seq":1}`:                                  `"_seq"`,
		`{` + ok + `,"ticket_id":2}`:                             "twice",
		`{` + ok + `,"user_id":1.5}`:                             "user_id must be a whole number",
		`{` + ok + `,"user_id":1e3}`:                             "user_id must be a whole number",
		`{` + ok + `,"user_id":01}`:                              "user_id must be a whole number",
		`{` + ok + `,"user_id":-}`:                               "user_id must be a whole number",
		`{` + ok + `,"user_id":"1"}`:                             "user_id must be a whole number",
		`{` + ok + `,"user_id":true}`:                            "user_id must be a whole number",
		`{` + ok + `,"user_id":99999999999999999999}`:            "within",
		`{` + ok + `,"user_id":9223372036854775808}`:             "within",
		`{` + ok + `,"is_deleted":256}`:                          "is_deleted must be within 0 and 255",
		`{` + ok + `,"is_deleted":-1}`:                           "is_deleted must be within 0 and 255",
		`{` + ok + `,"text":1}`:                                  "text must be a string",
		`{` + ok + `,"text":"a` + "\n" + `"}`:                    "text must be a string",
		`{` + ok + `,"text":"\x"}`:                               "text must be a string",
		`{` + ok + `,"text":"\u12"}`:                             "text must be a string",
		`{` + ok + `,"text":"abc`:                                "text must be a string",
		`{` + ok + `,"tags":"a"}`:                                "tags must be an array",
		`{` + ok + `,"tags":[1]}`:                                "tags must be an array",
		`{` + ok + `,"tags":["a",]}`:                             "tags must be an array",
		`{` + ok + `,"expires_at":"2026-02-30T00:00:00Z"}`:       "expires_at must be a time",
		`{` + ok + `,"expires_at":"2026-02-28 00:00:00"}`:        "expires_at must be a time",
		`{` + ok + `,"expires_at":1767225600}`:                   "expires_at must be a time",
		strings.Replace(`{`+ok+`}`, `"a"`, `""`, 1):              "account is empty",
		strings.Replace(`{`+ok+`}`, `"account"`, `"Account"`, 1): `"Account"`,
	} {
		err := d.decode([]byte(in))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	if err := d.decode([]byte(" {" + ok + ` , "tags" : [ "a" , null ] , "text":null , "user_id" : -9223372036854775808 } `)); err != nil {
		t.Error(err)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1900-02-28T12:00:00Z", "2000-02-29T23:59:59Z", "2024-02-29T00:00:00Z",
		"2026-12-31T23:59:59Z", "2099-12-31T00:00:00Z", "2106-02-07T06:28:15Z", "2106-02-07T06:28:16Z", "9999-12-31T23:59:59Z",
		"2026-03-01T00:00:00.999Z", "2026-03-01T00:00:00+02:00", "2026-03-01T00:00:00.123456789-11:30",
	} {
		want, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseTime([]byte(in))
		if !ok || got != min(max(want.Unix(), 0), math.MaxUint32) {
			t.Errorf("%s: %d, %v, want %d", in, got, ok, want.Unix())
		}
	}
	for _, in := range []string{
		"", "2026", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01t00:00:00z", "20x6-01-01T00:00:00Z",
	} {
		if n, ok := parseTime([]byte(in)); ok {
			t.Errorf("%s: %d, want a refusal", in, n)
		}
	}
	for sec := int64(0); sec < math.MaxUint32; sec += 86_400*13 + 7 {
		at := time.Unix(sec, 0).UTC()
		if got, ok := parseUTC([]byte(at.Format(time.RFC3339))); !ok || got != sec {
			t.Fatalf("%s: %d, %v", at, got, ok)
		}
	}
}

// TestDecodeForgets: nothing of a row is left in the next one, be a member null, absent or out of order there.
func TestDecodeForgets(t *testing.T) {
	t.Parallel()
	for table, typ := range rowTypes {
		d := newDecoder(migrationPlan(t, table))
		full, err := json.Marshal(sample(typ, 1).Interface())
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(full, &members); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			short := map[string]json.RawMessage{}
			for i, c := range d.plan.columns {
				switch {
				case c.name == "account" || slices.Contains(d.plan.key, i) || (i+n)%3 == 0:
					short[c.name] = members[c.name]
				case (i+n)%3 == 1:
					short[c.name] = json.RawMessage("null")
				}
			}
			line, err := json.Marshal(short)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(d.decode(full), d.decode(line)); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
			row := reflect.New(typ)
			if err := json.Unmarshal(line, row.Interface()); err != nil {
				t.Fatal(err)
			}
			compare(t, d, row.Elem())
		}
	}
}

// FuzzDecode compares with encoding/json: what the decoder accepts must be accepted there and mean the same.
func FuzzDecode(f *testing.F) {
	for _, typ := range []reflect.Type{rowTypes[schemas.TableActivities], rowTypes[schemas.TableTickets]} {
		line, err := json.Marshal(sample(typ, 1).Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"account":"a","ticket_id":-0,"created_at":"2026-01-01T00:00:00Z","tags":["\ud83d\ude00\ud83d","\u0000",null],"first_reply_s":null}`))
	f.Add([]byte("{\"account\":\"\xff\xed\xa0\x80\",\"ticket_id\":1,\"created_at\":\"2026-01-01T00:00:00+01:00\",\"next_reply_s\":[1,null,-3]}"))
	plans := map[string]*plan{schemas.TableActivities: migrationPlan(f, schemas.TableActivities), schemas.TableTickets: migrationPlan(f, schemas.TableTickets)}
	f.Fuzz(func(t *testing.T, line []byte) {
		for table, p := range plans {
			d := newDecoder(p)
			if d.decode(line) != nil {
				continue
			}
			row := reflect.New(rowTypes[table])
			if err := json.Unmarshal(line, row.Interface()); err != nil {
				t.Fatalf("%q: accepted, encoding/json says %v", line, err)
			}
			compare(t, d, row.Elem())
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	line, err := json.Marshal(activity(1, day(1)))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("columns", func(b *testing.B) {
		d := newDecoder(migrationPlan(b, schemas.TableActivities))
		b.SetBytes(int64(len(line)))
		b.ReportAllocs()
		for b.Loop() {
			if err := d.decode(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.SetBytes(int64(len(line)))
		b.ReportAllocs()
		for b.Loop() {
			var a schemas.Activity
			if err := json.Unmarshal(line, &a); err != nil {
				b.Fatal(err)
			}
		}
	})
}
