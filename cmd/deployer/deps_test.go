package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/company/deployer/"

// testOnly are packages that a program for users must not have: they fake AWS, or speak to testing.T.
var testOnly = regexp.MustCompile(`^(testing|github\.com/stretchr/.*|` + module +
	`(internal/testkit/.*|internal/.*test|e2e/.*|bench/.*))$`)

// What tests share is not linked into the program, whoever imports it.
func TestNothingOfTestsIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))
	require.Contains(t, packages, module+"internal/deploy")
	for _, p := range packages {
		require.NotRegexp(t, testOnly, p)
	}
}

// The pattern knows every package of that kind: one that is not in the program and is no tool has a name that says so.
func TestWhatIsNotLinkedIsNamedSo(t *testing.T) {
	linked, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	const notOnlyTests = `{{if ne (join .GoFiles " ") "doc.go"}}{{.ImportPath}}{{end}}`
	all, err := exec.Command("go", "list", "-f", notOnlyTests, module+"internal/...").Output()
	require.NoError(t, err)
	in := map[string]bool{}
	for _, p := range strings.Fields(string(linked)) {
		in[p] = true
	}
	for _, p := range strings.Fields(string(all)) {
		if !in[p] {
			require.Regexp(t, testOnly, p, "it is not in the program: it belongs below internal/testkit, or "+
				"nobody needs it")
		}
	}
}
