package schemas_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"deskstream/schemas"
)

var update = flag.Bool("update", false, "write the JSON Schemas anew")

// rows is a zero value of each table's row.
var rows = map[string]any{
	schemas.TableActivities: schemas.Activity{}, schemas.TableTickets: schemas.TicketRow{}, schemas.TableTicketEvents: schemas.TicketEvent{},
	schemas.TableMessages: schemas.Message{}, schemas.TablePeople: schemas.PersonRow{}, schemas.TablePersonAliases: schemas.PersonAlias{},
	schemas.TablePersonStats: schemas.PersonStats{}, schemas.TablePersonActivities: schemas.PersonActivity{},
	schemas.TableOrganizations: schemas.OrganizationRow{}, schemas.TableAgents: schemas.Agent{}, schemas.TableRatings: schemas.RatingRow{},
	schemas.TableMetricEvents: schemas.MetricEventRow{}, schemas.TableNames: schemas.Name{}, schemas.TableActivityCounts: schemas.ActivityCount{},
	schemas.TablePersonIdentities: schemas.PersonIdentity{}, schemas.TablePersonMerges: schemas.PersonMerge{},
	schemas.TableAudienceMembers: schemas.AudienceMember{}, schemas.TableAudienceEntries: schemas.AudienceEntry{},
	schemas.TablePhraseHits: schemas.PhraseHits{}, schemas.TableOpeningHours: schemas.OpeningHours{},
}

// TestJSONSchemasFollowTheRows holds the files of jsonschema/ against the row types and the comments of the columns. `go test ./schemas
// -run JSONSchemas -update` writes them.
func TestJSONSchemasFollowTheRows(t *testing.T) {
	t.Parallel()
	if len(rows) != len(schemas.Tables) {
		t.Fatalf("%d row types for %d tables", len(rows), len(schemas.Tables))
	}
	for table, row := range rows {
		want := schemaOf(t, table, row)
		path := filepath.Join("jsonschema", table+".json")
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s does not follow the row type and the migration: run `go test ./schemas -run JSONSchemas -update`", path)
		}
	}
}

func TestJSONSchemasTakeRowsAndRefuseOthers(t *testing.T) {
	t.Parallel()
	for table, row := range rows {
		schema, err := jsonschema.NewCompiler().Compile(filepath.Join("jsonschema", table+".json"))
		if err != nil {
			t.Fatal(table, err)
		}
		good, err := json.Marshal(filled(row))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			body []byte
			ok   bool
		}{
			"a row":            {good, true},
			"an empty object":  {[]byte(`{}`), false},
			"another member":   {append([]byte(`{"surprise":1,`), good[1:]...), false},
			"account a number": {bytes.Replace(good, []byte(`"account":""`), []byte(`"account":7`), 1), false},
		} {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.body))
			if err != nil {
				t.Fatal(table, name, err)
			}
			if err := schema.Validate(doc); (err == nil) != c.ok {
				t.Errorf("%s: %s: valid %v, want %v (%v)", table, name, err == nil, c.ok, err)
			}
		}
	}
}

// filled gives a row whose times and lists are there, as in every row that is sent.
func filled(row any) any {
	v := reflect.New(reflect.TypeOf(row)).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
		case []string, []int64:
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		}
	}
	return v.Interface()
}

type object = map[string]any

func schemaOf(t *testing.T, table string, row any) []byte {
	t.Helper()
	comments, about := columnComments(t, table)
	properties, required := object{}, []string{}
	typ := reflect.TypeOf(row)
	for i := range typ.NumField() {
		name := typ.Field(i).Tag.Get("json")
		p := typeOf(t, typ.Field(i).Type)
		p["description"] = comments[name]
		if comments[name] == "" {
			t.Errorf("table %s has no comment for %s", table, name)
		}
		properties[name] = p
		required = append(required, name)
	}
	body, err := json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": table, "description": about, "type": "object",
		"properties": properties, "required": required, "additionalProperties": false,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(body, '\n')
}

func typeOf(t *testing.T, typ reflect.Type) object {
	t.Helper()
	switch typ {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[*time.Time]():
		return object{"type": []string{"string", "null"}, "format": "date-time"}
	case reflect.TypeFor[*int64]():
		return object{"type": []string{"integer", "null"}}
	case reflect.TypeFor[[]string]():
		return object{"type": "array", "items": object{"type": "string"}}
	case reflect.TypeFor[[]int64]():
		return object{"type": "array", "items": object{"type": "integer"}}
	case reflect.TypeFor[uint8]():
		return object{"type": "integer", "enum": []int{0, 1}}
	case reflect.TypeFor[int64]():
		return object{"type": "integer"}
	case reflect.TypeFor[string]():
		return object{"type": "string"}
	}
	t.Fatalf("a row has a field of type %s, which has no JSON Schema here", typ)
	return nil
}

var (
	column    = regexp.MustCompile("(?m)^    `(\\w+)` .* COMMENT '(.*)',?$")
	tableText = regexp.MustCompile("(?m)^COMMENT '(.*)';$")
)

// columnComments reads the comments of a table's migration: they are written once.
func columnComments(t *testing.T, table string) (map[string]string, string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("migrations", "?????_"+table+".sql"))
	if err != nil || len(files) != 1 {
		t.Fatalf("table %s: %d migrations, %v", table, len(files), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range column.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = strings.ReplaceAll(m[2], "''", "'")
	}
	about := tableText.FindStringSubmatch(string(text))
	if about == nil {
		t.Fatalf("table %s has no comment", table)
	}
	return out, about[1]
}
