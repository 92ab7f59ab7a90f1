package liquid

import "strings"

// rootNames gives for each name a merge tag may begin with the name used in answers and the keys under which the data may hold it.
// "people" is Ortto's word for the person (help.ortto.com/personalizing-campaign-content-with-liquid).
var rootNames = map[string]struct {
	canonical string
	keys      []string
}{
	"person":       {"person", []string{"person", "people"}},
	"people":       {"person", []string{"people", "person"}},
	"organization": {"organization", []string{"organization", "company", "account"}},
	"company":      {"organization", []string{"company", "organization", "account"}},
	"account":      {"organization", []string{"account", "organization", "company"}},
	"activity":     {"activity", []string{"activity"}},
	"activities":   {"activities", []string{"activities"}},
	"attribute":    {"attribute", []string{"attribute"}},
	"metrics":      {"metrics", []string{"metrics"}},
	"campaign":     {"campaign", []string{"campaign"}},
	"request":      {"request", []string{"request"}},
	"now":          {"now", []string{"now"}},
}

// isRoot tells whether name is one of the merge-tag roots.
func isRoot(name string) bool {
	_, ok := rootNames[name]
	return ok
}

// twins gives the other spellings of a key, with all its hyphens as underscores and the reverse.
func twins(key string) []string {
	var out []string
	if strings.Contains(key, "-") {
		out = append(out, strings.ReplaceAll(key, "-", "_"))
	}
	if strings.Contains(key, "_") {
		out = append(out, strings.ReplaceAll(key, "_", "-"))
	}
	return out
}

// rootKeys gives the data keys to try for a path that begins with name, in order.
func rootKeys(name string) []string {
	if r, ok := rootNames[name]; ok {
		return r.keys
	}
	return append([]string{name}, twins(name)...)
}

// canonicalSegments rewrites a path to the spelling used in answers: canonical root, and underscores in field names of people and
// organizations. Activity kinds keep their hyphens: those are their names.
func canonicalSegments(path []string) []string {
	r, ok := rootNames[path[0]]
	if !ok {
		return path
	}
	out := make([]string, len(path))
	out[0] = r.canonical
	for i, s := range path[1:] {
		if r.canonical == "person" || r.canonical == "organization" {
			s = strings.ReplaceAll(s, "-", "_")
		}
		out[i+1] = s
	}
	return out
}

// CanonicalPath rewrites a dotted path to the spelling used in answers: people.first-name is person.first_name.
func CanonicalPath(dotted string) string {
	return strings.Join(canonicalSegments(strings.Split(dotted, ".")), ".")
}
