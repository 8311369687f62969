package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const (
	module = "linedirector"
	root   = "../.."
)

// source is one Go file: its path from the repository's root, and what it imports.
type source struct {
	path    string
	imports []string
}

// folder is the path of the folder that the file lies in.
func (s source) folder() string { return path.Dir(s.path) }

// sources parses all Go files of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); rel != "." && (strings.HasPrefix(base, ".") || base == "testdata" || rel == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found := source{path: filepath.ToSlash(rel)}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found.imports = append(found.imports, imported)
		}
		all = append(all, found)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("found no Go files")
	}
	return all
}

// row is one row of the import table.
type row struct {
	folder     string
	everything bool
	allowed    []string // folders from the repository's root
}

// within reports whether folder is base or lies below it.
func within(folder, base string) bool {
	return folder == base || strings.HasPrefix(folder, base+"/")
}

// table reads CONTRIBUTING.md's import table.
func table(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text2, ok := strings.Cut(string(text), "| folder | what lives there | may import of ours |\n|---|---|---|\n")
	if !ok {
		t.Fatal("CONTRIBUTING.md: the import table's head is not there")
	}
	name := regexp.MustCompile("`([a-z/]+)`")
	var rows []row
	for line := range strings.Lines(text2) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 {
			break
		}
		parsed := row{folder: strings.Trim(strings.TrimSpace(cells[1]), "`")}
		switch may := strings.TrimSpace(cells[3]); may {
		case "nothing":
		case "everything":
			parsed.everything = true
		default:
			for _, match := range name.FindAllStringSubmatch(may, -1) {
				parsed.allowed = append(parsed.allowed, match[1])
			}
			if len(parsed.allowed) == 0 {
				t.Fatalf("CONTRIBUTING.md: cannot read the row of %s: %q", parsed.folder, may)
			}
		}
		rows = append(rows, parsed)
	}
	if len(rows) < 10 {
		t.Fatalf("CONTRIBUTING.md: read %d rows of the import table, expected at least 10", len(rows))
	}
	return rows
}

// rowOf returns the row with the longest folder that holds the given one.
func rowOf(rows []row, folder string) (row, bool) {
	var best row
	for _, candidate := range rows {
		if within(folder, candidate.folder) && len(candidate.folder) > len(best.folder) {
			best = candidate
		}
	}
	return best, best.folder != ""
}

// mayImport tells whether the table lets a package in folder import the one in imported. Only
// control's packages may import their own kind; elsewhere a name in the table means that very folder.
func (r row) mayImport(folder, imported string) bool {
	if r.everything || folder == imported {
		return true
	}
	for _, allowed := range r.allowed {
		if imported == allowed || allowed == r.folder && within(imported, allowed) {
			return true
		}
	}
	return false
}

func TestImportTable(t *testing.T) {
	rows := table(t)
	for _, file := range sources(t) {
		rule, ok := rowOf(rows, file.folder())
		if !ok {
			t.Errorf("%s: the import table in CONTRIBUTING.md has no row for this folder", file.path)
			continue
		}
		for _, imported := range file.imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && !rule.mayImport(file.folder(), ours) {
				t.Errorf("%s imports %s; the import table lets %s import %v of ours", file.path, imported, rule.folder, rule.allowed)
			}
		}
	}
}

// TestImportTableForbids makes sure that the test above can fail.
func TestImportTableForbids(t *testing.T) {
	rows := table(t)
	for _, c := range []struct {
		folder, imported string
		want             bool
	}{
		{"dpdk", "flowtable", false},
		{"flowtable", "dpdk", false},
		{"lcore/packet", "lcore/ruleset", false},
		{"lcore/forward", "lcore/packet", true},
		{"lcore/forward", "lcore/sticky", true},
		{"lcore/sticky", "lcore/ruleset", false},
		{"lcore/sticky", "flowtable", false},
		{"lcore/forward", "dpdk", false},
		{"lcore/forward", "lcore", false},
		{"lcore", "dpdk", true},
		{"lcore", "conf", false},
		{"conf", "lcore/ruleset", false},
		{"control", "control/kernel", true},
		{"control/kernel", "control/load", true},
		{"control/kernel", "lcore/ruleset", true},
		{"control/kernel", "lcore/forward", false},
		{"control/metrics", "dpdk", false},
		{"cmd/linedirector", "dpdk", true},
	} {
		rule, _ := rowOf(rows, c.folder)
		if got := rule.mayImport(c.folder, c.imported); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.folder, c.imported, got, c.want)
		}
	}
}

func TestCgoOnlyInDPDK(t *testing.T) {
	for _, file := range sources(t) {
		if slices.Contains(file.imports, "C") && file.folder() != "dpdk" {
			t.Errorf(`%s has import "C", which may stand in dpdk only`, file.path)
		}
	}
}

func TestUnsafeOnlyInFilesThatSaySo(t *testing.T) {
	for _, file := range sources(t) {
		named := strings.HasSuffix(file.path, "_unsafe.go") || strings.HasSuffix(file.path, "_unsafe_test.go")
		if slices.Contains(file.imports, "unsafe") && !named {
			t.Errorf("%s imports unsafe, which may stand only in files whose names end in _unsafe.go", file.path)
		}
	}
}

// TestTopLevelFolders keeps the tree one that a stranger can survey.
func TestTopLevelFolders(t *testing.T) {
	allowed := []string{".ci", "docs"}
	for _, rule := range table(t) {
		top, _, _ := strings.Cut(rule.folder, "/")
		allowed = append(allowed, top)
	}
	out, err := exec.Command("git", "-c", "safe.directory=*", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("not a git repository: %v", err)
	}
	for name := range strings.Lines(string(out)) {
		top, _, below := strings.Cut(strings.TrimSpace(name), "/")
		if below && !slices.Contains(allowed, top) {
			t.Errorf("%s: top-level folder %s is not in CONTRIBUTING.md", strings.TrimSpace(name), top)
			allowed = append(allowed, top) // once is enough
		}
	}
}

// TestBuildsWithoutLibdpdk builds everything but the four rooms that need libdpdk, for both
// architectures; `make lint` vets their tests, too.
func TestBuildsWithoutLibdpdk(t *testing.T) {
	list := exec.Command(".ci/packages", "pure")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf(".ci/packages pure: %v", err)
	}
	packages := strings.Fields(string(out))
	if len(packages) == 0 {
		t.Fatal(".ci/packages pure lists nothing")
	}
	rooms := []string{"dpdk", "cmd/linedirector", "perf"}
	for _, file := range sources(t) {
		needs := file.folder() == "lcore" || file.folder() == "test/e2e" ||
			slices.ContainsFunc(rooms, func(base string) bool { return within(file.folder(), base) })
		if listed := slices.Contains(packages, path.Join(module, file.folder())); listed == needs {
			t.Errorf("%s: .ci/packages pure lists its package: %v, want %v", file.path, listed, !needs)
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		build := exec.Command("go", append([]string{"build"}, packages...)...)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("without libdpdk, %s: %v\n%s", arch, err, out)
		}
	}
}

// TestDepguardFollowsTheTable compares the linter's rules with the import table.
func TestDepguardFollowsTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var lint struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Allow []string
						Deny  []struct{ Pkg string }
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &lint); err != nil {
		t.Fatal(err)
	}
	rules := lint.Linters.Settings.Depguard.Rules
	for _, row := range table(t) {
		rule, ok := rules[row.folder]
		if ok == row.everything {
			t.Errorf("%s: .golangci.yml has a depguard rule: %v, want %v", row.folder, ok, !row.everything)
		}
		if row.everything {
			continue
		}
		if len(rule.Deny) != 1 || rule.Deny[0].Pkg != module {
			t.Errorf("%s: .golangci.yml denies %v, want %s", row.folder, rule.Deny, module)
		}
		want := []string{module + "/" + row.folder + "$"}
		for _, allowed := range row.allowed {
			if allowed == row.folder {
				want = append(want, module+"/"+allowed+"/")
			} else {
				want = append(want, module+"/"+allowed+"$")
			}
		}
		slices.Sort(want)
		slices.Sort(rule.Allow)
		if !slices.Equal(want, rule.Allow) {
			t.Errorf("%s: .golangci.yml allows %v, the import table %v", row.folder, rule.Allow, want)
		}
	}
}
