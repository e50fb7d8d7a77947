package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// says are the three things that the comment of each package says, each with the words for it.
var says = map[string]*regexp.Regexp{
	"what comes in":       regexp.MustCompile(`\bIn: |What comes in: `),
	"what goes out":       regexp.MustCompile(`\bOut: |What goes out: `),
	"what it must not do": regexp.MustCompile(`must not`),
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	root := filepath.Join("..", "..")
	comments := map[string]string{} // by folder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root &&
			(strings.HasPrefix(name, ".") || name == "testdata" || name == "tools") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		comments[filepath.Dir(path)] += strings.ReplaceAll(file.Doc.Text(), "\n", " ")
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(comments), 80)
	for folder, comment := range comments {
		for what, words := range says {
			require.Regexp(t, words, comment, "the comment of the package in %s does not say %s", folder, what)
		}
	}
}
