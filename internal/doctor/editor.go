package doctor

import (
	"bytes"
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/report"
)

var modeline = regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=(\S+)$`)

// editor examines whether editors find the schema of the manifests, and whether it is the one of this version.
func (p Patient) editor() []report.Examined {
	const check = "Editor"
	root := p.World.Root
	if root == "" {
		return []report.Examined{{
			Check: "Repository", Result: report.Advice,
			Detail: "neither this folder nor one above it has a folder stacks",
			Next:   "Change to your repository, or make a first stack: deployer stack init NAME",
		}}
	}
	stacks, err := manifest.Stacks(root)
	if err != nil {
		return failures("Repository", err)
	}
	if len(stacks) == 0 {
		return []report.Examined{{
			Check: "Repository", Result: report.Advice, Detail: "there is no stack yet",
			Next: "Make one: deployer stack init NAME",
		}}
	}
	var without []string
	for _, stack := range stacks {
		text, err := file.Read(filepath.Join(root, "stacks", stack, "stack.yaml"), manifest.MaxFileSize)
		if err == nil && !modeline.Match(text) {
			without = append(without, "stacks/"+stack+"/stack.yaml")
		}
	}
	if len(without) > 0 {
		return []report.Examined{{
			Check: check, Result: report.Advice, Detail: strings.Join(without, ", ") + ": names no schema for editors",
			Next: "Write the schemas with `deployer schema --out " + p.SchemaFolder + "`, and put this at the top of the " +
				"file:\n# yaml-language-server: $schema=../../" + p.SchemaFolder + "/manifest.json",
		}}
	}
	var old []string
	for name, current := range p.Schemas {
		text, err := file.Read(filepath.Join(root, filepath.FromSlash(p.SchemaFolder), name), int64(len(current))+1)
		if err == nil && !bytes.Equal(text, current) || errors.Is(err, file.ErrTooLarge) {
			old = append(old, name)
		}
	}
	if len(old) > 0 {
		return []report.Examined{{
			Check: check, Result: report.Advice, Detail: "the schemas in " + p.SchemaFolder + " are of another version",
			Next: "Bring them up to date: deployer schema --out " + p.SchemaFolder,
		}}
	}
	return []report.Examined{fine(check, "the manifests name their schema")}
}
