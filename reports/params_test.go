package reports

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// nasty are texts that end values early, change the statement or trip decoders where escaping is wrong.
var nasty = []string{
	"", "plain", `\`, `\\`, `a\tb`, "tab\there", "new\nline", "cr\rcr", "nul\x00nul", "\b\f\v", "'", `''`, `\'`, `"`, "`", "x' OR 1=1 --", `'); DROP TABLE tickets; --`,
	"{x:String}", "%s %d", "日本語", "é", "e\u0301", "\U0001f600", "[1,2]", "['a']", "NULL", `\N`, "a,b", " lead", "trail ", "/* */", "-- x", ";", "\u2028", "\ufeff", "a'b\\c\nd\te",
	strings.Repeat("x", 5000),
}

func TestParamsRoundTrip(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	p := params{}
	for i, v := range nasty {
		p.text("one", v)
		p.texts("list", nasty[:i+1])
		roundTrip(t, s, p, v, nasty[:i+1])
	}
	p.texts("list", nil)
	roundTrip(t, s, p, nasty[len(nasty)-1], []string{})
}

func roundTrip(t *testing.T, s *testServer, p params, one string, list []string) {
	t.Helper()
	ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters(p)))
	var gotOne string
	var gotList []string
	if err := s.db.QueryRow(ctx, "SELECT {one:String}, {list:Array(String)}").Scan(&gotOne, &gotList); err != nil {
		t.Fatalf("%q: %v", one, err)
	}
	if gotOne != one || !slices.Equal(gotList, list) {
		t.Fatalf("%q came back as %q, %q as %q", one, gotOne, list, gotList)
	}
}

func TestParamsNumbers(t *testing.T) {
	t.Parallel()
	p := params{}
	p.int("i", -5)
	p.ints("is", []int64{1, -2, 3})
	p.flag("yes", true)
	p.flag("no", false)
	p.time("early", time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))
	p.time("late", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))
	p.times("ts", []time.Time{time.Unix(5, 0), time.Unix(7, 900)})
	want := params{"i": "-5", "is": "[1,-2,3]", "yes": "1", "no": "0", "early": "0", "late": "4294967295", "ts": "[5,7]"}
	for name, v := range want {
		if p[name] != v {
			t.Errorf("%s is %q, want %q", name, p[name], v)
		}
	}
}

// FuzzParams sends any text through the server and back.
func FuzzParams(f *testing.F) {
	for _, v := range nasty {
		f.Add(v, "x")
	}
	db := openDatabase(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) { // JSON and URLs give only such texts
			return
		}
		s := &testServer{db: db}
		p := params{}
		p.text("one", a)
		p.texts("list", []string{a, b, a})
		roundTrip(t, s, p, a, []string{a, b, a})
	})
}
