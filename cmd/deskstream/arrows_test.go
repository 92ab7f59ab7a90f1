package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed lists what each package may import of ours; tests may use more. An arrow only ever points down.
var allowed = map[string][]string{
	"schemas":            {},
	"local":              {},
	"local/localtest":    {"local"},
	"stream":             {"schemas"},
	"ingest":             {"schemas"},
	"ingest/zendesktest": {"schemas"},
	"processors":         {"schemas"},
	"sinks":              {"schemas"},
	"liquid":             {"schemas"},
	"reports":            {"schemas", "liquid"},
	"cmd/deskstream":     {"schemas", "local", "stream", "ingest", "ingest/zendesktest", "processors", "sinks", "liquid", "reports"},
}

func TestImportArrowsHold(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "deskstream/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(out)))
	seen := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		checkArrows(t, strings.TrimPrefix(p.ImportPath, "deskstream/"), p.Imports)
	}
	if seen < len(allowed) {
		t.Errorf("go list showed %d packages, the table has %d: a package of the house is missing", seen, len(allowed))
	}
}

func checkArrows(t *testing.T, name string, imports []string) {
	t.Helper()
	may, ok := allowed[name]
	if !ok {
		t.Errorf("package %s is not in the table of allowed imports: decide where it stands", name)
		return
	}
	for _, i := range imports {
		ours, is := strings.CutPrefix(i, "deskstream/")
		if is && !slices.Contains(may, ours) {
			t.Errorf("%s imports %s; it may only import %v", name, ours, may)
		}
	}
}
