package reports

import (
	"context"
	"slices"
	"strings"

	"deskstream/schemas"
)

// personColumns are the fields of a person that lists can be limited to. A path into zendesk, custom or first_last is accepted too.
var personColumns = []string{
	"id", "first_name", "last_name", "email", "phone_number", "external_id", "language", "timezone", "permissions", "archived", "organization", "organizations",
	"zendesk", "custom", "first_last", "created_at", "updated_at", "sources", "merged_from",
}

// columns says what a list shows of a record.
type columns struct {
	named  [][]string // paths that were asked for; nil = all
	hidden [][]string
}

// personColumns reads columns= for people.
func (s *server) personColumns(ctx context.Context, given string) (c columns, err error) {
	if given != "" {
		for _, column := range strings.Split(given, ",") {
			path := strings.Split(strings.TrimSpace(column), ".")
			if !slices.Contains(personColumns, path[0]) {
				return c, schemas.Invalid("query.columns", "accepted: "+strings.Join(personColumns, ", ")+", or a path as zendesk.tags")
			}
			if err := checkPath(path); err != nil {
				return c, err
			}
			c.named = append(c.named, path)
		}
	}
	c.hidden, err = s.hidden(ctx, "person")
	return c, err
}

// checkPath refuses a path into what has no such part in any record. Behind custom, first_last and zendesk.fields names are as the account has them.
func checkPath(path []string) error {
	if len(path) == 1 || path[0] == "custom" || path[0] == "first_last" {
		return nil
	}
	parts := map[string][]string{"permissions": {"email", "sms"}, "organization": {"id", "name"}}[path[0]]
	if path[0] == "zendesk" {
		parts = []string{"fields", "external_id"}
		for _, f := range zendeskFields {
			parts = append(parts, f.ID)
		}
	}
	switch known := slices.Contains(parts, path[1]); {
	case known && (len(path) == 2 || path[1] == "fields"):
		return nil
	case len(parts) == 0 || known:
		return schemas.Invalid("query.columns", strings.Join(path, ".")+" is no field of a person: what stands before the last dot has no parts")
	}
	return schemas.Invalid("query.columns", strings.Join(path, ".")+" is no field of a person; accepted behind "+path[0]+". are "+strings.Join(parts, ", "))
}

// of keeps what lists show: without named columns all that is not hidden, else the id and what was named. A path is shown under its
// dotted name.
func (c columns) of(record map[string]any) map[string]any {
	out := map[string]any{"id": record["id"]}
	for _, path := range c.named {
		var v any = record
		for _, name := range path {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		out[strings.Join(path, ".")] = v
	}
	for _, path := range c.hidden { // After the named ones: a hidden field that is named itself is shown, one inside of a named object is not.
		leaveOut(record, path)
	}
	if c.named == nil {
		return record
	}
	return out
}
