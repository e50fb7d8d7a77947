package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/scaffold"
	"github.com/company/deployer/internal/schema"
	"github.com/company/deployer/internal/view"
)

// scaffolding writes new files of a stack. It never changes a file that exists.
type scaffolding struct {
	f           *Factory
	root, stack string
	keep        bool // a file that exists is reported as kept; else it is an error
	json        bool
	made        []report.WrittenFile
}

// write creates the files, and the schemas that they name.
func (s *scaffolding) write(files []scaffold.File) error {
	for _, file := range files {
		path := filepath.Join(s.root, "stacks", s.stack, filepath.FromSlash(file.Path))
		created, err := s.create(path, modelined(file.Path, file.Text), true)
		if err != nil {
			return err
		}
		if !created && !s.keep {
			return diag.New(diag.Invalid, "File exists", path+" exists already. Nothing was changed.", "")
		}
	}
	var known map[string][]byte // made only if one is missing: all else takes less time
	for _, file := range []string{schema.Manifest, schema.Overlay} {
		path := filepath.Join(s.root, filepath.FromSlash(schemaFolder), file)
		if known == nil && !exists(path) {
			known = schema.OfStack(kinds.Registry(), catalog.New(aws.Config{}))
		}
		if _, err := s.create(path, string(known[file]), s.keep); err != nil {
			return err
		}
	}
	return nil
}

func (s *scaffolding) create(path, text string, tell bool) (created bool, err error) {
	if created, err = createFile(path, text); err != nil {
		return false, unwritable("Cannot create a file of the stack", err)
	}
	if created || tell {
		s.made = append(s.made, report.WrittenFile{Path: shown(s.f.Workdir, path), Created: created})
	}
	return created, nil
}

// done reports what was written, and how to go on.
func (s *scaffolding) done(r *report.Written, next ...string) error {
	r.Files, r.Next = s.made, next
	if s.json {
		return view.JSON(s.f.Out, r)
	}
	view.Written(s.f.Stdout(), r)
	return nil
}

// usualRegion is the region of the configuration or the environment, us-east-1 without one.
func (f *Factory) usualRegion() string {
	configured := ""
	if effective, err := f.Config(); err == nil { // a broken configuration is reported by the commands that need it
		configured = effective.Settings.AWS.Region
	}
	return cmp.Or(configured, f.Env["AWS_REGION"], f.Env["AWS_DEFAULT_REGION"], "us-east-1")
}

func checkRegion(region string) diag.List {
	if region == "" {
		return nil
	}
	why, next := config.Unfit("aws.region", region)
	if why == "" {
		return nil
	}
	return diag.List{diag.New(diag.Invalid, "Invalid --region", why+".", next)}
}

func checkPort(given bool, port int) diag.List {
	if !given || port >= 1 && port <= 65535 {
		return nil
	}
	return diag.List{diag.New(diag.Invalid, "Invalid --port", fmt.Sprintf("%d is not between 1 and 65535.", port),
		"Give the TCP port that the program in the container listens on.")}
}

// createFile writes a new file; created is false when the file exists.
func createFile(path, text string) (created bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(text)
	return true, errors.Join(err, file.Close())
}

// modelined adds a line before each document of a stack's file that tells editors where its schema is. The address is
// relative, so that it works without a network and in every clone.
func modelined(path, text string) string {
	file := schema.Manifest
	if strings.HasPrefix(path, "environments/") {
		file = schema.Overlay
	}
	up := strings.Repeat("../", 2+strings.Count(path, "/"))
	line := "# yaml-language-server: $schema=" + up + schemaFolder + "/" + file + "\n"
	return line + strings.ReplaceAll(text, "\n---\n", "\n---\n"+line)
}

// shown is a path relative to the working directory, if that is shorter.
func shown(workdir, path string) string {
	if rel, err := filepath.Rel(workdir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}
