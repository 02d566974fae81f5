package serve_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/soukhq/souk/"

// house says on which floor a package lives. A package may import all floors below its own and, on its own floor, the
// neighbours that it names. Where only is set, it is the whole list.
var house = map[string]struct {
	floor      int
	neighbours []string
	only       []string
}{
	"internal/fault":          {floor: 0},
	"internal/telemetry":      {floor: 0},
	"internal/strict":         {floor: 0, neighbours: []string{"internal/fault"}},
	"internal/flag":           {floor: 0, neighbours: []string{"internal/fault"}},
	"internal/foreign":        {floor: 0, neighbours: []string{"internal/fault"}},
	"internal/flag/stocktest": {floor: 0, neighbours: []string{"internal/flag"}},
	"web":                     {floor: 0},
	"policies":                {floor: 0},
	"templates":               {floor: 0},

	"internal/store":           {floor: 1},
	"internal/store/storetest": {floor: 1, neighbours: []string{"internal/store"}},
	"internal/seal":            {floor: 1, neighbours: []string{"internal/store"}},

	"internal/audit":             {floor: 2},
	"internal/access":            {floor: 2, neighbours: []string{"internal/audit"}},
	"internal/access/accesstest": {floor: 2, neighbours: []string{"internal/audit", "internal/access"}},
	"internal/signin":            {floor: 2, neighbours: []string{"internal/audit", "internal/access"}},
	"internal/sdkkey":            {floor: 2, neighbours: []string{"internal/audit", "internal/access"}},

	"internal/backup":                {floor: 3},
	"internal/measure":               {floor: 3},
	"internal/registry":              {floor: 3},
	"internal/registry/registrytest": {floor: 3, neighbours: []string{"internal/registry"}},
	"internal/live":                  {floor: 3, neighbours: []string{"internal/registry"}},
	"internal/template":              {floor: 3},
	"internal/policy":                {floor: 3},
	"internal/scan":                  {floor: 3},

	"internal/catalog":             {floor: 4},
	"internal/lifecycle":           {floor: 4, neighbours: []string{"internal/catalog"}},
	"internal/rollout":             {floor: 4, neighbours: []string{"internal/catalog", "internal/lifecycle"}},
	"internal/kill":                {floor: 4, neighbours: []string{"internal/catalog", "internal/lifecycle", "internal/rollout"}},
	"internal/rollout/rollouttest": {floor: 4, neighbours: []string{"internal/lifecycle", "internal/rollout", "internal/kill"}},
	"internal/importer":            {floor: 4, neighbours: []string{"internal/catalog"}},
	"internal/review":              {floor: 4, neighbours: []string{"internal/catalog", "internal/lifecycle", "internal/rollout", "internal/kill", "internal/importer"}},
	"internal/apply":               {floor: 4, neighbours: []string{"internal/catalog", "internal/lifecycle", "internal/rollout", "internal/kill", "internal/review"}},
	"internal/insight":             {floor: 4, neighbours: []string{"internal/lifecycle"}},
	"internal/verbs": {floor: 4, neighbours: []string{
		"internal/catalog", "internal/lifecycle", "internal/rollout", "internal/kill", "internal/review", "internal/apply",
		"internal/insight",
	}},

	// The data plane runs while the database is down: it knows nothing of governance.
	"internal/dataplane": {floor: 5, only: []string{
		"internal/fault", "internal/flag", "internal/live", "internal/sdkkey", "internal/measure", "internal/store", "internal/telemetry",
		"internal/dataplane/gen/flagd/evaluation/v1", "internal/dataplane/gen/flagd/evaluation/v2", "internal/dataplane/gen/flagd/sync/v1",
	}},
	// Written by scripts/protobuf.
	"internal/dataplane/gen/flagd/evaluation/v1": {floor: 0},
	"internal/dataplane/gen/flagd/evaluation/v2": {floor: 0},
	"internal/dataplane/gen/flagd/sync/v1":       {floor: 0},
	"internal/dataplane/gen/schema/v1":           {floor: 0}, // for tests: its services are answered by those of evaluation/v1
	"internal/dataplane/gen/sync/v1":             {floor: 0}, // for tests, too
	"internal/watch":                             {floor: 5},
	"internal/api":                               {floor: 5, neighbours: []string{"internal/watch"}},

	"internal/serve": {floor: 6},
	"internal/demo":  {floor: 6, neighbours: []string{"internal/serve"}},
	"internal/cli":   {floor: 6, neighbours: []string{"internal/serve", "internal/demo"}},
	"cmd/souk":       {floor: 7, only: []string{"internal/cli"}},
}

// protocols is where flagd's protocols are served and defined.
var protocols = []string{
	"internal/dataplane", "internal/dataplane/gen/flagd/evaluation/v1", "internal/dataplane/gen/flagd/evaluation/v2",
	"internal/dataplane/gen/flagd/sync/v1", "internal/dataplane/gen/schema/v1", "internal/dataplane/gen/sync/v1",
}

// homes says where a third party's packages may be imported, by the longest prefix of the import path. What is not here has
// no home yet: give it one, so that it can be replaced.
var homes = map[string][]string{
	"github.com/google/uuid":                   {"internal/store", "internal/store/storetest", "internal/audit"},
	"github.com/jackc/pgx/v5":                  {"internal/store", "internal/store/storetest"},
	"github.com/pressly/goose/v3":              {"internal/store"},
	"modernc.org/sqlite":                       {"internal/store"},
	"golang.org/x/sys":                         {"internal/store", "internal/cli", "internal/serve", "internal/dataplane"},
	"golang.org/x/crypto":                      {"internal/signin"},
	"golang.org/x/mod/sumdb":                   {"internal/audit"},
	"github.com/gowebpki/jcs":                  {"internal/audit", "internal/review"},
	"github.com/open-policy-agent/opa":         {"internal/policy"},
	"github.com/santhosh-tekuri/jsonschema/v6": {"internal/template"},
	"github.com/evanphx/json-patch/v5":         {"internal/review"},
	"github.com/twmb/murmur3":                  {"internal/flag"},
	"golang.org/x/text":                        {"internal/signin", "internal/catalog", "internal/registry", "internal/template"},
	"go.yaml.in/yaml/v3":                       {"internal/apply", "internal/importer", "internal/serve"},
	"github.com/danielgtaylor/huma/v2":         {"internal/api"},
	"connectrpc.com/grpchealth":                {"internal/dataplane"},
	"connectrpc.com/connect":                   protocols,
	"google.golang.org/protobuf":               protocols,
	"github.com/spf13/cobra":                   {"internal/cli"},
	"github.com/spf13/pflag":                   {"internal/cli"},
	"github.com/prometheus/client_golang":      {"internal/telemetry"},
	"go.opentelemetry.io/otel":                 {"internal/telemetry"},
	"go.opentelemetry.io/proto/otlp":           {}, // tests only
	"github.com/google/go-cmp":                 {}, // tests only
	"pgregory.net/rapid":                       {}, // tests only
	"github.com/rogpeppe/go-internal":          {}, // tests only
}

// TestImportsStayInsideTheHouse fails on an import outside the two tables above. Tests may import what they like.
func TestImportsStayInsideTheHouse(t *testing.T) {
	t.Parallel()
	packages := listPackages(t)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		from, known := house[name]
		if !known {
			t.Errorf("%s has no row in the table: say on which floor it lives", name)
			continue
		}
		for _, imported := range p.Imports {
			if to, inside := strings.CutPrefix(imported, module); inside {
				switch {
				case slices.Contains(from.neighbours, to), slices.Contains(from.only, to):
				case from.only != nil, house[to].floor >= from.floor:
					t.Errorf("%s may not import %s", name, to)
				}
				continue
			}
			if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				continue // the standard library
			}
			home, found := homeOf(imported)
			if !found {
				t.Errorf("%s imports %s, which has no home in the table", name, imported)
			} else if !slices.Contains(home, name) {
				t.Errorf("%s may not import %s, whose home is %s", name, imported, strings.Join(home, ", "))
			}
		}
	}
}

func homeOf(path string) (home []string, found bool) {
	longest := -1
	for prefix, packages := range homes {
		if (path == prefix || strings.HasPrefix(path, prefix+"/")) && len(prefix) > longest {
			longest, home, found = len(prefix), packages, true
		}
	}
	return home, found
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	command.Dir = "../.."
	out, err := command.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
