package reports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestQueriesOfTheReadme runs every SQL statement of the README, those in shell commands too.
func TestQueriesOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var statements []string
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for part := range strings.SplitSeq(block[1], ";\n") {
			if part = regexp.MustCompile(`(?m)^--.*\n?`).ReplaceAllString(part, ""); strings.TrimSpace(part) != "" {
				statements = append(statements, part)
			}
		}
	}
	for _, found := range regexp.MustCompile(`(?:--query|--data-binary) "(SELECT [^"]*?)(?: FORMAT \w+)?"`).FindAllStringSubmatch(string(text), -1) {
		statements = append(statements, found[1])
	}
	if len(statements) < 8 {
		t.Fatalf("%d statements", len(statements))
	}
	db := filledDatabase(t)
	here := strings.NewReplacer("deskstream.", "", "now()", "toDateTime("+strconv.FormatInt(testNow.Unix(), 10)+", 'UTC')")
	for _, statement := range statements {
		rows, err := db.Query(t.Context(), here.Replace(statement))
		if err == nil {
			found := 0
			for rows.Next() {
				found++
			}
			if err = rows.Err(); err == nil && found == 0 {
				t.Errorf("nothing found by %s", statement)
			}
			_ = rows.Close()
		}
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestRenderingOfTheReadme: the template that the README renders gives what it shows, but for the time.
func TestRenderingOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?s)/v1/liquid/render -H [^\n]*\n    -d '(.*?)'\n(\{.*?\})\n` + "```").FindSubmatch(text)
	if shown == nil {
		t.Fatal("no example")
	}
	s := offline(t, nil)
	read := func(body []byte) (answer map[string]any) {
		t.Helper()
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		delete(answer["stats"].(map[string]any), "micros")
		return answer
	}
	r := s.call("POST", "/v1/liquid/render", "render-key", string(shown[1]))
	s.want(200, r, nil)
	if got, want := read(r.body), read(shown[2]); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
