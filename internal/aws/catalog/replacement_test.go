package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/e2e/contract"
	"github.com/company/deployer/internal/aws/catalog"
)

// Our types replace what AWS cannot change in place.
func TestReplacementsAreAWSs(t *testing.T) {
	type definition struct {
		Type       string   `json:"type"`
		Properties []string `json:"properties"`
		Replace    []string `json:"replace"`
		CreateOnly []string `json:"createOnly"`
		DataLoss   bool     `json:"dataLoss"`
	}
	var all []definition
	for _, d := range catalog.New(aws.Config{}).Definitions() {
		replace := slices.Clone(d.ReplaceOn)
		if d.HashedName != "" && !slices.Contains(replace, d.HashedName) {
			replace = append(replace, d.HashedName)
		}
		all = append(all, definition{
			Type: d.Type, Properties: d.Outputs, Replace: replace, CreateOnly: append([]string{}, d.CreateOnly...),
			DataLoss: d.DataLoss,
		})
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "definitions.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	judges, err := contract.Install(t.Context(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	report, err := judges.Ask(t.Context(), "replacement", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	for _, violation := range report.Violations {
		t.Error(violation)
	}
}
