package liquid

import (
	"strings"

	"deskstream/schemas"
)

// foreignFilters are filters other engines have for what is called otherwise here.
var foreignFilters = map[string]string{
	"lower": "downcase", "lowercase": "downcase", "upper": "upcase", "uppercase": "upcase", "title": "capitalize", "length": "size", "count": "size",
	"trim": "strip", "nl2br": "newline_to_br", "e": "escape", "striptags": "strip_html", "urlencode": "url_encode", "format_date": "date",
	"date_format": "date", "mod": "modulo", "add": "plus", "subtract": "minus", "multiply": "times", "divide": "divided_by", "unique": "uniq",
	"filter": "where", "substring": "slice", "to_json": "json",
}

// meant finds what an unknown filter was probably meant to be.
func meantFilter(name string) string {
	if other, ok := foreignFilters[strings.ToLower(name)]; ok {
		return other
	}
	return schemas.Nearest(name, filterNames())
}

func filterNames() []string {
	names := make([]string, 0, len(filters))
	for name := range filters {
		names = append(names, name)
	}
	return names
}

// meantTag finds what an unknown tag was probably meant to be.
func meantTag(name string) string {
	known := []string{"comment", "endcomment", "doc", "enddoc", "raw", "endraw", "liquid"}
	for name := range simpleTags {
		known = append(known, name)
	}
	for _, b := range blocks {
		known = append(append(known, b.name, "end"+b.name), b.clauses...)
	}
	return schemas.Nearest(name, known)
}

// suggesting adds what was probably meant to an error.
func (e *Error) suggesting(word string) *Error {
	if word != "" {
		e.Suggestion = word
		e.Message += `; did you mean "` + word + `"?`
	}
	return e
}
