package liquid_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"deskstream/liquid"
)

// conformanceFloor is how many cases of the golden suite must pass. Raise it as the package gets better; never lower it. The stock library
// passes 332.
const conformanceFloor = 526

// goldenCase is one case of the Golden Liquid suite (github.com/jg-rp/golden-liquid).
type goldenCase struct {
	Name      string            `json:"name"`
	Template  string            `json:"template"`
	Data      json.RawMessage   `json:"data"`
	Templates map[string]string `json:"templates"`
	Result    *string           `json:"result"`
	Results   []string          `json:"results"`
	Invalid   bool              `json:"invalid"`
}

// shared opens a reference file, or skips the test where there are none.
func shared(t testing.TB, path string) []byte {
	t.Helper()
	root := os.Getenv("DESKSTREAM_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Skipf("no reference data: %v (set DESKSTREAM_SHARED)", err)
	}
	return text
}

func TestConformance(t *testing.T) {
	t.Parallel()
	var suite struct {
		Tests []goldenCase `json:"tests"`
	}
	if err := json.Unmarshal(shared(t, "liquid/golden_liquid_a.json"), &suite); err != nil {
		t.Fatal(err)
	}
	r := patient()
	failed := map[string][]string{}
	passed := 0
	for _, c := range suite.Tests {
		if fault := c.run(t, r); fault == "" {
			passed++
		} else {
			area, name, _ := cutLast(c.Name, ",")
			failed[area] = append(failed[area], name+": "+fault)
		}
	}
	areas := make([]string, 0, len(failed))
	for area := range failed {
		areas = append(areas, area)
	}
	sort.Strings(areas)
	for _, area := range areas {
		t.Logf("%s:\n\t%s", area, strings.Join(failed[area], "\n\t"))
	}
	t.Logf("%d of %d cases pass", passed, len(suite.Tests))
	if passed < conformanceFloor {
		t.Errorf("%d cases pass, want at least %d", passed, conformanceFloor)
	}
	if r.Panics() != 0 {
		t.Errorf("%d panics", r.Panics())
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// run gives "" when the case passes.
func (c goldenCase) run(t *testing.T, r *liquid.Renderer) string {
	t.Helper()
	data := map[string]any{}
	if len(c.Data) > 0 {
		var err error
		if data, err = liquid.DecodeData(c.Data); err != nil {
			return err.Error()
		}
	}
	off := false
	res, err := r.Render(t.Context(), liquid.Request{
		Parts: map[string]string{"text": c.Template}, Data: data, Snippets: c.Templates, Autoescape: &off, TimeZone: "UTC",
	})
	switch {
	case c.Invalid && err == nil:
		return "no error"
	case c.Invalid:
		return ""
	case err != nil:
		return err.Error()
	}
	want := c.Results
	if c.Result != nil {
		want = []string{*c.Result}
	}
	if got := res.Parts["text"]; !slices.Contains(want, got) {
		gotJSON, _ := json.Marshal(got)
		wantJSON, _ := json.Marshal(want)
		return string(gotJSON) + " want " + string(wantJSON)
	}
	return ""
}
