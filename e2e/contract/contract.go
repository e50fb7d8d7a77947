// Package contract holds what the product asks of AWS against AWS's own models, without an account.
//
// In: a transcript of the test proxy, and policies that the product prints. Out: a [Report] of each judge. The
// judges are Python, because AWS publishes its models as Python packages: botocore's service models, the service
// authorization reference, CloudFormation's schemas with cfn-lint's rules. They are installed into .cache with the
// first use.
//
// What it must not do: know the product, or call AWS.
package contract

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/child"
)

//go:embed requirements.txt
var requirements []byte

// Report is what one judge says.
type Report struct {
	Checked    map[string]int `json:"checked"`    // what was compared, by kind
	Violations []string       `json:"violations"` // none is the goal
	Notes      []string       `json:"notes"`      // for people
}

// String is the numbers: "1402 requests, 17 patterns; 0 violations".
func (r *Report) String() string {
	var counts []string
	for _, kind := range slices.Sorted(maps.Keys(r.Checked)) {
		counts = append(counts, fmt.Sprintf("%d %s", r.Checked[kind], kind))
	}
	return fmt.Sprintf("%s; %d violations", strings.Join(counts, ", "), len(r.Violations))
}

// Judges are installed and ready to be asked.
type Judges struct {
	python string
	dir    string // the folder with the module judge
}

// Newest says whether the newest models are asked, and more is judged: make contract sets DEPLOYER_CONTRACT=all.
func Newest() bool { return os.Getenv("DEPLOYER_CONTRACT") == "all" }

// Install returns the judges with the versions of requirements.txt, or with the newest ones. What is missing is
// installed.
func Install(ctx context.Context, progress func(string)) (*Judges, error) {
	newest := Newest()
	cache, err := child.Cache("contract")
	if err != nil {
		return nil, err
	}
	wanted, sum := requirements, sha256.Sum256(requirements)
	name := "venv-" + hex.EncodeToString(sum[:4])
	if newest {
		wanted, name = regexp.MustCompile(`==.*`).ReplaceAll(requirements, nil), "venv-newest"
	}
	venv, err := child.Install(cache, name, progress, func(venv string) error {
		python, err := exec.LookPath("python3")
		if err != nil {
			return errors.New("no python3 to ask AWS's models with: install Python 3.10 or newer")
		}
		if err := child.Run(ctx, "", []string{python, "-m", "venv", "--clear", venv}); err != nil {
			return err
		}
		return pip(ctx, venv, wanted)
	})
	if err == nil && newest { // newer ones may be out since the first use
		err = pip(ctx, venv, wanted)
	}
	return &Judges{python: pythonOf(venv), dir: filepath.Join(cache, "..", "..", "e2e", "contract")}, err
}

func pythonOf(venv string) string { return filepath.Join(venv, "bin", "python") }

func pip(ctx context.Context, venv string, wanted []byte) error {
	list := filepath.Join(venv, "requirements.txt")
	if err := os.WriteFile(list, wanted, 0o644); err != nil { //nolint:gosec // a cache, no secrets
		return err
	}
	return child.Run(ctx, "", []string{
		pythonOf(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "-r", list,
	})
}

// Ask runs one judge.
func (j *Judges) Ask(ctx context.Context, judge string, args ...string) (*Report, error) {
	args = append([]string{"-m", "judge", judge}, args...)
	cmd := exec.CommandContext(ctx, j.python, args...) //nolint:gosec // our own module
	cmd.Env = append(os.Environ(), "PYTHONPATH="+j.dir, "PYTHONDONTWRITEBYTECODE=1")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("judge %s: %w\n%s", judge, err, problems.String())
	}
	var report Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return nil, fmt.Errorf("judge %s: %w in:\n%s", judge, err, out.String())
	}
	return &report, nil
}
