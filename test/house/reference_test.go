package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docs/reference.md shows every key, flag and command, and which test shows it. What it leaves out, or calls by a name that is
// none, fails here.

const reference = root + "/docs/reference.md"

// referenceRow is one row of its tables: what it is about, and its tests.
type referenceRow struct {
	subject string
	tests   []string
}

var testName = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`)

func referenceRows(t *testing.T) (rows []referenceRow) {
	t.Helper()
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) < 3 {
			continue
		}
		rows = append(rows, referenceRow{cells[0], testName.FindAllString(cells[len(cells)-1], -1)})
	}
	if len(rows) < 50 {
		t.Fatalf("%s has %d rows", reference, len(rows))
	}
	return rows
}

func TestReferenceNamesTestsThatExist(t *testing.T) {
	functions := map[string]bool{}
	for _, s := range sources(t) {
		if !strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, s.path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				functions[f.Name.Name] = true
			}
		}
	}
	for _, row := range referenceRows(t) {
		if len(row.tests) == 0 {
			t.Errorf("%s: no test is named", row.subject)
		}
		for _, name := range row.tests {
			if !functions[name] {
				t.Errorf("%s: there is no %s", row.subject, name)
			}
		}
	}
}

func TestReferenceIsComplete(t *testing.T) {
	var subjects strings.Builder
	for _, row := range referenceRows(t) {
		subjects.WriteString(row.subject + "\n")
	}
	has := func(what, pattern string) {
		t.Helper()
		if !regexp.MustCompile(pattern).MatchString(subjects.String()) {
			t.Errorf("%s is not in %s", what, reference)
		}
	}
	keys := configurationKeys(t)
	if len(keys) < 50 {
		t.Fatalf("found %d keys: %v", len(keys), keys)
	}
	for _, key := range keys {
		has("the key "+key, "(^|[`.])"+regexp.QuoteMeta(key)+"`")
	}
	for _, help := range []string{"/conf/testdata/help.txt", "/cmd/ldctl/testdata/help.txt"} {
		text, err := os.ReadFile(root + help)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
			has("the flag "+m[1], "`[^`]*"+m[1]+"\\b")
		}
		for _, m := range regexp.MustCompile(`(?m)^  (ldctl [a-z]+(?: [a-z]+)?)`).FindAllStringSubmatch(string(text), -1) {
			has("the command "+m[1], "`"+m[1]+"\\b")
		}
	}
}

// configurationKeys are all keys that package conf reads: the words of variables named …Keys, and those given to object.
func configurationKeys(t *testing.T) (keys []string) {
	t.Helper()
	files, err := filepath.Glob(root + "/conf/*.go")
	if err != nil {
		t.Fatal(err)
	}
	words := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				word, _ := strconv.Unquote(lit.Value)
				keys = append(keys, word)
			}
			return true
		})
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if strings.HasSuffix(n.Names[0].Name, "Keys") {
					for _, v := range n.Values {
						words(v)
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "object" {
					for _, a := range n.Args {
						words(a)
					}
				}
			}
			return true
		})
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
