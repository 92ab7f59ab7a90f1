package reports

import (
	"context"
	"maps"
	"strings"
)

// hidden gives the paths that lists of a kind of records leave out. The ids of person fields have no prefix.
func (s *server) hidden(ctx context.Context, record string) ([][]string, error) {
	set, err := s.fieldSettings.lately(ctx)
	if err != nil {
		return nil, err
	}
	decided := map[string]bool{}
	for _, id := range agentOnlyFields {
		decided[id] = false
	}
	maps.Copy(decided, set.Visible)
	var out [][]string
	for id, visible := range decided {
		of, name := recordOf(id)
		if !visible && of == record {
			out = append(out, strings.Split(name, "."))
		}
	}
	return out, nil
}

// recordOf tells from the id of a field which records have it, and its path in them.
func recordOf(id string) (record, path string) {
	if name, ok := strings.CutPrefix(id, "organization."); ok {
		return "organization", name
	}
	if name, ok := strings.CutPrefix(id, "custom_fields."); ok {
		return "ticket", name
	}
	return "person", id
}

// leaveOut takes a path out of a record. Objects on the way are changed in place.
func leaveOut(record map[string]any, path []string) {
	for _, name := range path[:len(path)-1] {
		record, _ = record[name].(map[string]any)
	}
	delete(record, path[len(path)-1])
}
