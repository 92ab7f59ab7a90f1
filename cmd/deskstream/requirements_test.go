package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of requirements in README.md anew")

// requirements says in a few words what each numbered requirement asks for; the first is R01.
var requirements = []string{
	"only an administrator's credentials connect",
	"a Sell account is refused",
	"the catalogue lists Zendesk under customer support",
	"an account name is brought to one form, or refused",
	"opt-in to e-mail and SMS, apart, for end users only",
	"opt-in needs a confirmation, which is recorded",
	"activities are kept for 90 days by default",
	"chosen activities are kept longer",
	"only allowed fields are written by Zendesk",
	"what Zendesk deletes is archived if wanted",
	"nothing is read before the authorization",
	"the first sync starts by itself",
	"opt-in counts at the creation of a person, and a missing one is a no",
	"a change of retention is previewed before it is made",
	"there is no merge strategy to choose",
	"contacts merge by the account's identifiers",
	"the first sync brings all objects within the retention",
	"a webhook is seen within seconds",
	"Zendesk is only read; registering a webhook is the one exception",
	"a new contact is one new person, however often it is told",
	"a person who comes with a ticket has the source's permissions",
	"a ticket leads to its requester and organization",
	"every stream has a schedule that can be seen",
	"contacts are read every 24 hours",
	"a contact without a webhook comes with the next daily sync",
	"the ticket of an unknown contact brings the contact",
	"only a reconnect or a longer retention reads again by itself",
	"a reconnect reads what changed since",
	"reading again changes nothing",
	"only end users are people",
	"a name is split at its first space",
	"a name of one word has no last name",
	"a name of two words has both",
	"what is older than the retention is out of sight",
	"longer retention is chosen for each activity",
	"templates reach person, organization and activities",
	"deleting a source keeps its people and activities",
	"fields are shown or hidden, their data stays",
	"Zendesk's fields are marked as such",
	"a source has details and tabs",
	"overview: records, activities, fourteen days",
	"activity feed, newest first",
	"audience: the people of the source",
	"a source can be renamed without a sync",
	"a source can be disconnected",
	"writable fields can be changed later",
	"the retention can be changed later",
	"customers, tickets and ratings can be asked for",
	"people are filtered by fields and activities",
	"a closed ticket starts a journey, once",
	"reports on tickets, closings, satisfaction, assignments and words",
	"one filter over title, tags and messages",
	"nothing is merged while disconnected",
	"disconnect, archive, delete: in this order only",
	"an account has one source",
	"one account at a time, unless more are allowed",
}

var (
	numbered   = regexp.MustCompile(`^Test((?:R\d{2}_)+)[A-Z]`)
	tableMarks = regexp.MustCompile(`(?s)<!-- requirements: .*? -->\n(.*?)<!-- end of requirements -->`)
)

// TestTableOfRequirements holds the table in README.md against the tests there are. Run it with -update to write the table.
func TestTableOfRequirements(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	table := requirementsTable(t, numberedTests(t, root))
	path := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := tableMarks.FindSubmatchIndex(readme)
	if at == nil {
		t.Fatal("README.md has no marks around the table of requirements")
	}
	if string(readme[at[2]:at[3]]) == table {
		return
	}
	if !*update {
		t.Fatal("the table of requirements in README.md is not that of the tests: run go test ./cmd/deskstream -run TestTableOfRequirements -update")
	}
	if err := os.WriteFile(path, slices.Concat(readme[:at[2]], []byte(table), readme[at[3]:]), 0o600); err != nil {
		t.Fatal(err)
	}
}

// numberedTests finds the tests that carry numbers, by requirement, each with its package.
func numberedTests(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			if d != nil && d.IsDir() && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			if m := numbered.FindStringSubmatch(f.Name.Name); m != nil {
				for id := range strings.SplitSeq(strings.TrimSuffix(m[1], "_"), "_") {
					found[id] = append(found[id], filepath.ToSlash(folder)+"."+f.Name.Name)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func requirementsTable(t *testing.T, found map[string][]string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| | requirement | tests |\n|---|---|---|\n")
	for i, phrase := range requirements {
		id := fmt.Sprintf("R%02d", i+1)
		names := found[id]
		if len(names) == 0 {
			t.Errorf("requirement %s has no test", id)
		}
		slices.Sort(names)
		delete(found, id)
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", id, phrase, strings.Join(names, "` `"))
	}
	for id, names := range found {
		t.Errorf("there is no requirement %s: %v", id, names)
	}
	return b.String()
}
