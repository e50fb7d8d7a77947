// Package scaffold is the commented manifests with which users begin: stacks, components and environments.
//
// In: names and choices, which it checks. Out: the text of files, by their path below the stack's folder. It must not
// read or write files, and knows nothing of what a repository holds.
package scaffold

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
)

//go:embed templates
var templates embed.FS

// Images that anybody can pull, for those who have none yet. They run without settings.
const (
	SampleService = "public.ecr.aws/nginx/nginx:1.27"
	SamplePort    = 80
	sampleWorker  = "public.ecr.aws/docker/library/busybox:1.37"
	// UsualPort is the port of an image of the user's, unless a flag says otherwise.
	UsualPort = 8080
)

// File is a file of a stack.
type File struct {
	Path string // below the stack's folder, with slashes
	Text string
}

// Template is something to start a stack from.
type Template struct {
	Name, About string
	Image       bool // it runs an image that the user may choose
	Port        bool // which answers on a port
	parts       []Component
	overlays    []overlay // of production
}

// overlay is a document of an environment that changes a component.
type overlay struct{ APIVersion, Kind, Name, Service, Spec string }

const componentGroup = "components.deployer.io/v1"

// Templates are all templates, the default first.
func Templates() []Template {
	api := Component{Kind: "MicroService", Service: "web", Name: "api"}
	connected := api
	connected.Database = "database"
	busy := overlay{componentGroup, "MicroService", "api", "web", "  scaling:\n    min: 2\n    max: 6\n    cpu: 60"}
	return []Template{
		{
			Name: "web", About: "a service behind a load balancer", Image: true, Port: true,
			parts: []Component{api}, overlays: []overlay{busy},
		},
		{
			Name: "web-db", About: "the same, with a PostgreSQL database", Image: true, Port: true,
			parts: []Component{connected, {Kind: "RDS", Service: "web", Name: "database"}},
			overlays: []overlay{busy, {
				componentGroup, "RDS", "database", "web",
				"  instanceClass: db.t4g.small\n  multiAz: true             # a standby in another zone takes over",
			}},
		},
		{
			Name: "worker-queue", About: "a worker that takes messages off a queue", Image: true,
			parts: []Component{
				{Kind: "Worker", Service: "jobs", Name: "worker", Queue: "queue"},
				{Kind: "SQS", Service: "jobs", Name: "queue"},
			},
			overlays: []overlay{{
				componentGroup, "Worker", "worker", "jobs", "  scaling:\n    min: 2\n    max: 20",
			}},
		},
		{Name: "empty", About: "no component yet; deployer component add makes them"},
	}
}

// TemplateNames are the names of all templates.
func TemplateNames() []string {
	var names []string
	for _, t := range Templates() {
		names = append(names, t.Name)
	}
	return names
}

// Find returns a template by its name.
func Find(name string) (Template, error) {
	for _, t := range Templates() {
		if t.Name == name {
			return t, nil
		}
	}
	return Template{}, diag.New(diag.Invalid, "Unknown template", fmt.Sprintf("There is no template %q.", name),
		diag.Candidates(name, TemplateNames()))
}

// Stack is what a user says of a new stack.
type Stack struct {
	Name, Region string
	Image        string // of the service or worker; "" is a sample that anybody can pull
	Port         int    // that the image listens on; 0 is the usual one
}

// Files are the files of a new stack.
func (t Template) Files(s Stack) ([]File, error) {
	variables, err := checkImage(s.Image)
	if err != nil {
		return nil, err
	}
	out := []File{
		{"stack.yaml", fill("document/stack.yaml", map[string]any{
			"Stack": s.Name, "Region": s.Region, "Variables": variables,
		})},
		{"infra/defaults.yaml", fill("document/defaults.yaml", nil)},
	}
	for _, c := range t.parts {
		c.Image, c.Port = s.Image, s.Port
		file, err := c.File()
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return append(out,
		Environment{Name: "dev"}.File(),
		Environment{Name: "production", Production: true, overlays: t.overlays}.File(),
	), nil
}

// Component is what a user says of a new component.
type Component struct {
	Kind, Service, Name string // Service "infra" is the folder infra/
	Image               string
	Port                int
	Path                string // of the requests of a service; "" is /
	Queue, Database     string // names of components of the service that it uses; "" is none
}

// usualName is the name of a component of a kind, where the user gives none.
var usualName = map[string]string{
	"MicroService": "api", "Worker": "worker", "RDS": "database", "SQS": "queue", "S3": "files",
	"ElastiCache": "cache", "Network": "network", "Ingress": "ingress", "Cluster": "cluster",
}

// otherWords are what people call kinds.
var otherWords = map[string]string{
	"service": "MicroService", "web": "MicroService", "api": "MicroService", "ecs": "MicroService",
	"fargate": "MicroService", "container": "MicroService", "job": "Worker", "consumer": "Worker",
	"database": "RDS", "db": "RDS", "postgres": "RDS", "postgresql": "RDS", "mysql": "RDS", "mariadb": "RDS",
	"aurora": "RDS", "queue": "SQS", "bucket": "S3", "storage": "S3", "cache": "ElastiCache",
	"redis": "ElastiCache", "valkey": "ElastiCache", "memcached": "ElastiCache", "vpc": "Network",
	"loadbalancer": "Ingress", "load-balancer": "Ingress", "alb": "Ingress",
}

// Kinds are all kinds of component, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(usualName)) }

// Kind returns the kind that a user means, in any case, and its usual name.
func Kind(text string) (kind, name string, err error) {
	for kind, name := range usualName {
		if strings.EqualFold(kind, text) {
			return kind, name, nil
		}
	}
	next := diag.Candidates(text, Kinds())
	if meant := otherWords[strings.ToLower(text)]; meant != "" {
		next = fmt.Sprintf("Did you mean %q?", meant)
	}
	return "", "", diag.New(diag.Invalid, "Unknown kind", fmt.Sprintf("There is no kind %q.", text), next)
}

// Shared reports whether a stack has one component of the kind, which all others share.
func Shared(kind string) bool { return kind == "Network" || kind == "Ingress" || kind == "Cluster" }

// Runs reports whether a kind runs an image, and whether it listens on a port.
func Runs(kind string) (image, port bool) {
	return kind == "MicroService" || kind == "Worker", kind == "MicroService"
}

// Place is the path of a component's file below the stack's folder.
func (c Component) Place() string {
	if c.Service == manifest.Infra {
		return path.Join(manifest.Infra, c.Name+".yaml")
	}
	return path.Join("services", c.Service, c.Name+".yaml")
}

// File is the file of a new component.
func (c Component) File() (File, error) {
	variables, err := checkImage(c.Image)
	if err != nil {
		return File{}, err
	}
	sample := c.Image == ""
	image, port := c.Image, c.Port
	switch {
	case sample && c.Kind == "Worker":
		image = sampleWorker
	case sample:
		image = SampleService
	}
	switch {
	case port != 0:
	case sample:
		port = SamplePort
	default:
		port = UsualPort
	}
	if port < 1 || port > 65535 {
		return File{}, diag.New(diag.Invalid, "Invalid --port", fmt.Sprintf("%d is not between 1 and 65535.", port), "")
	}
	use, ref := c.Name, c.Name
	if c.Service == manifest.Infra {
		use, ref = manifest.Infra+"/"+c.Name, manifest.Infra+"."+c.Name
	}
	requests := c.Path
	if requests == "" {
		requests = "/"
	}
	return File{c.Place(), fill("component/"+c.Kind+".yaml", map[string]any{
		"Name": c.Name, "Address": c.Service + "/" + c.Name, "Use": use, "Ref": ref,
		"Image": strconv.Quote(image), "Port": strconv.Itoa(port), "Path": requests, "Sample": sample,
		"Variables": variables, "Queue": c.Queue, "Database": c.Database,
	})}, nil
}

// Environment is what a user says of a new environment.
type Environment struct {
	Name       string
	Production bool
	Example    Example // a component for the example of an overlay; the zero value is none
	overlays   []overlay
}

// Example is a component of the stack.
type Example struct{ Kind, Service, Name string }

// APIVersion is that of the component's kind.
func (Example) APIVersion() string { return componentGroup }

// File is the file of a new environment.
func (e Environment) File() File {
	return File{"environments/" + e.Name + ".yaml", fill("document/environment.yaml", map[string]any{
		"Name": e.Name, "Production": e.Production, "Overlays": e.overlays, "Example": e.Example,
	})}
}

// variable is compiled when an image is checked: most commands check none.
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`) })

// Variables are the variables in the name of an image.
func Variables(image string) []string {
	var out []string
	for _, m := range variable().FindAllStringSubmatch(image, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// checkImage refuses what is not the name of an image, and returns the variables in it.
func checkImage(image string) ([]string, error) {
	if image == "" {
		return nil, nil
	}
	if why := container.CheckImage(variable().ReplaceAllString(image, "1")); why != nil {
		return nil, diag.New(diag.Invalid, "Invalid --image", why.Error()+".", "")
	}
	return Variables(image), nil
}

// fill makes a text from a template. The templates are part of the program, so an error is a mistake in the program.
func fill(name string, data any) string {
	pad := func(text string, width int) string { return strings.Repeat(" ", max(2, width-len(text))) }
	t := template.Must(template.New(path.Base(name)).Funcs(template.FuncMap{"pad": pad}).
		ParseFS(templates, "templates/"+name))
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		panic(err)
	}
	return b.String()
}
