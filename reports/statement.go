package reports

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// statements are the files below sql/, templates of their names. What is written into them is constant SQL: what a client sent is only ever bound.
var statements = template.Must(parseStatements())

func parseStatements() (*template.Template, error) {
	set := template.New("sql").Option("missingkey=error")
	files, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := sqlFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if _, err := set.New(path.Base(file)).Parse(strings.TrimSpace(string(text))); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// sqlText gives a statement that is always the same.
func sqlText(name string) string { return sqlWith(name, nil) }

// sqlWith writes a statement of its pieces. The files are part of the program: one that is missing, or asks for a piece that there is not, is found by
// the first test that needs it.
func sqlWith(name string, pieces any) string {
	var b strings.Builder
	if err := statements.ExecuteTemplate(&b, name+".sql", pieces); err != nil {
		panic(fmt.Errorf("statement %s: %w", name, err))
	}
	return b.String()
}

// namePieces say where the names of a kind are.
type namePieces struct {
	Table, ID, Name string
	OfKind          bool // the table has names of several kinds
}

// peoplePieces are what a list of people is made of.
type peoplePieces struct {
	Sort       string // what people are ordered by
	Descending bool
	Filter     string // a condition, see filterSQL
}

// matchPieces are what a statement over those who match a filter is made of.
type matchPieces struct {
	Filter string // a condition, see filterSQL
}

// changedPieces say how rows of a table are read that changed.
type changedPieces struct {
	Final bool // of each only the newest
}
