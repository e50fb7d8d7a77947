package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/plan"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/value"
)

// abreast is how many images are asked about at once.
const abreast = 16

// used is an image of a component.
type used struct {
	image.Use
	address string
	ref     image.Ref
	found   image.Found
	err     error
	known   bool // the registry has answered
	runs    bool // the same image is deployed for the same architecture, and the deployment has succeeded
}

func (i *used) position(u *run) *diag.Position {
	return u.stack.Locate(i.address, append([]string{}, i.Path...)...)
}

// pin replaces the tags of images by what they mean now: tag and digest. A tag that has moved is a change then, and all
// tasks of a revision run the same image. Where a registry is not asked, an image keeps the digest that was deployed
// under the same tag.
//
// What it could not ask is one warning. In the background it checks that images fit the architecture of their tasks.
// The returned function waits for that, and returns all problems: images that do not exist, and those that do not fit.
func (u *run) pin(ctx context.Context) (check func() error, err error) {
	none := func() error { return nil }
	if u.stack == nil || u.approved != nil {
		return none, nil
	}
	images, err := u.images()
	if err != nil || len(images) == 0 {
		return none, err
	}
	u.tags = floating(u, images)
	finder := u.finder()
	if finder != nil {
		find(ctx, finder, images)
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	pinned, err := u.pinned()
	if err != nil {
		return none, err
	}
	missing, gone := missingImages(u, images, pinned)
	if finder != nil {
		u.tags.Add(unaskedImages(images)...)
	}
	for _, i := range images {
		digest, deployed := i.found.Digest, pinned.of(i)
		i.runs = digest != "" && digest == deployed && u.Stored != nil && u.Stored.Payload.Status == state.Succeeded &&
			strings.EqualFold(pinned.architectures[i.address], fields[i.Architecture])
		if digest == "" {
			digest = deployed
		}
		if digest != "" && i.ref.Digest == "" {
			c := u.stack.Component(i.address)
			c.Spec = with(c.Spec, i.Path, value.NewString(i.Image+"@"+digest))
		}
	}
	graph, problems := component.Expand(registry(), u.instances())
	if graph == nil {
		return none, diagnose(u.stack, problems).Err()
	}
	u.graph = graph
	if finder == nil {
		return none, nil
	}
	done := make(chan error, 1)
	go func() { done <- u.fitting(ctx, finder, images) }()
	return func() error { return diag.Join(missing.Err(), <-done, u.settle(gone)) }, nil
}

// finder is who is asked about images; nil: nobody.
func (u *run) finder() image.Finder {
	w := u.back.World
	if u.req.Offline || u.req.NoResolve || w.Images == nil || !w.Settings.Preferences.ResolveImages {
		return nil
	}
	return w.Images(u.where.Reading())
}

// images are the images of the components that the run is about.
func (u *run) images() ([]*used, error) {
	chosen, err := u.chosen()
	if err != nil {
		return nil, err
	}
	var out []*used
	for _, in := range u.stack.Instances() {
		if len(u.req.Targets) > 0 && !slices.ContainsFunc(chosen,
			func(id string) bool { return resource.ComponentOf(id) == in.Address }) {
			continue
		}
		kind, ok := registry().Kind(in.Kind)
		if !ok {
			continue
		}
		for _, use := range kind.Images(in) {
			out = append(out, &used{Use: use, address: in.Address, ref: image.Parse(use.Image)})
		}
	}
	return out, nil
}

// imagePatience is how long registries may take for all their answers. A plan without them is better than none.
const imagePatience = 30 * time.Second

// find asks for each image once.
func find(ctx context.Context, finder image.Finder, images []*used) {
	ctx, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	byName := map[string][]*used{}
	for _, i := range images {
		byName[i.Image] = append(byName[i.Image], i)
	}
	var all errgroup.Group
	all.SetLimit(abreast)
	for _, same := range byName {
		all.Go(func() error {
			found, err := finder.Find(ctx, same[0].ref)
			for _, i := range same {
				i.found, i.err, i.known = found, err, err == nil
			}
			return nil
		})
	}
	_ = all.Wait() // errors are in the images
}

// missingImages are images that no registry has. gone are those of them that are deployed.
func missingImages(u *run, images []*used, pinned pinned) (missing, gone diag.List) {
	for _, i := range images {
		var none *image.MissingError
		if !errors.As(i.err, &none) {
			continue
		}
		if deployed := pinned.of(i); deployed != "" && (i.ref.Digest == "" || i.ref.Digest == deployed) {
			d := diag.New(diag.Invalid, "Image does not exist any more",
				fmt.Sprintf("%q: %s. %s is deployed with it, by its digest %s: if the registry does not have that "+
					"either, no new tasks can start.", i.Image, none.What, i.address, deployed),
				"Push the image again, or deploy another one.").For(i.address)
			d.Position = i.position(u)
			gone.Add(d)
			continue
		}
		d := diag.New(diag.Invalid, "Image does not exist",
			fmt.Sprintf("%q: %s.", i.Image, none.What), diag.Sentence(none.Next)).For(i.address)
		if u.rollback != nil {
			d.Detail += fmt.Sprintf(" The configuration of v%d needs this image. Nothing was changed.",
				u.rollback.to.Payload.Deployment)
			d.Next = "Go back to another version, or push the image again: " +
				u.back.CommandLine(u.req.Key, "history")
		}
		d.Position = i.position(u)
		missing.Add(d)
	}
	return missing, gone
}

// settle makes errors of images that do not exist any more where the plan starts new tasks with them. All others are
// warnings: the run changes nothing about them.
func (u *run) settle(gone diag.List) error {
	var refused diag.List
	for _, d := range gone {
		if u.plan != nil && slices.ContainsFunc(u.plan.Components, func(c plan.Component) bool {
			return c.Address == d.Component && slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
				return ch.Action != plan.Delete && (ch.Type == ecs.TaskDefinitionType || ch.Type == ecs.ServiceType)
			})
		}) {
			refused.Add(d)
			continue
		}
		d.Severity = diag.Warning
		u.tags.Add(d)
	}
	return refused.Err()
}

// mostReasons is how many reasons one warning has.
const mostReasons = 4

// unaskedImages says once which registries could not be asked, and why.
func unaskedImages(images []*used) diag.List {
	byReason := map[string][]string{} // images
	var next []string
	for _, i := range images {
		var missing *image.MissingError // the registry was asked
		if i.err == nil || errors.As(i.err, &missing) {
			continue
		}
		why := strings.TrimSuffix(i.err.Error(), ".")
		if !slices.Contains(byReason[why], i.Image) {
			byReason[why] = append(byReason[why], i.Image)
		}
		if advice := adviceOn(i.err); advice != "" && !slices.Contains(next, advice) {
			next = append(next, advice)
		}
	}
	if len(byReason) == 0 {
		return nil
	}
	reasons := slices.Sorted(maps.Keys(byReason))
	var parts []string
	for _, why := range reasons[:min(mostReasons, len(reasons))] {
		slices.Sort(byReason[why])
		parts = append(parts, some(byReason[why], 5)+" ("+why+")")
	}
	if more := len(reasons) - mostReasons; more > 0 {
		parts = append(parts, fmt.Sprintf("and other images, for %d other reasons", more))
	}
	what := "Whether these images exist and what their tags mean now is not known, so a tag that has moved is not " +
		"seen: " + strings.Join(parts, "; ") + "."
	slices.Sort(next)
	next = append(next, "An image keeps the digest that is deployed under the same tag. The tag of another image is "+
		"resolved by ECS when it starts the tasks. With --no-resolve no registry is asked.")
	d := diag.New(diag.Failed, "Registry was not asked", what, strings.Join(next, " "))
	d.Severity = diag.Warning
	var op *resource.OpError
	for _, i := range images {
		if errors.As(i.err, &op) {
			d.Operation, d.RequestID = op.Operation, op.RequestID
			break
		}
	}
	return diag.List{d}
}

// adviceOn is what to do about a registry that gave no answer.
func adviceOn(err error) string {
	var unasked *image.UnaskedError
	var op *resource.OpError
	switch {
	case errors.As(err, &unasked):
		return diag.Sentence(unasked.Next)
	case errors.As(err, &op) && op.Denied():
		return resource.DeniedAdvice(op.Operation, op.Message)
	}
	return ""
}

// floating warns of images whose tag says nothing about their version.
func floating(u *run, images []*used) diag.List {
	var out diag.List
	for _, i := range images {
		if i.ref.Tag != "latest" || i.ref.Digest != "" {
			continue
		}
		what := "has no tag, which means latest"
		if i.ref.Tagged {
			what = "has the tag latest"
		}
		d := diag.New(diag.Invalid, "Tag says no version",
			fmt.Sprintf("%q %s: whoever pushes next decides what the next apply deploys.", i.Image, what),
			"Give each build a tag of its own, such as its commit.").For(i.address)
		d.Severity, d.Position = diag.Warning, i.position(u)
		out.Add(d)
	}
	return out
}

// pinned is what the state says about images.
type pinned struct {
	digests       map[string]string // that are deployed, by component and image without digest
	architectures map[string]string // of the tasks, by component
}

// of is the digest that is deployed of an image; "": none is.
func (p pinned) of(i *used) string {
	name, _, _ := strings.Cut(i.Image, "@")
	return p.digests[i.address+" "+name]
}

func (u *run) pinned() (pinned, error) {
	out := pinned{digests: map[string]string{}, architectures: map[string]string{}}
	if len(u.Engine) == 0 {
		return out, nil
	}
	resources, err := engine.Resources(u.Engine)
	if err != nil {
		return out, err
	}
	for _, r := range resources {
		if r.Deleting || r.Replacing {
			continue
		}
		r.Inputs.Walk(func(_ []string, v value.Value) {
			if name, digest, ok := strings.Cut(v.Str(), "@sha256:"); ok && !strings.ContainsAny(name, " \n") {
				out.digests[r.Component+" "+name] = "sha256:" + digest
			}
		})
		if architecture := r.Inputs.Get("architecture").Str(); architecture != "" {
			out.architectures[r.Component] = architecture
		}
	}
	return out, nil
}

// fitting finds images that do not run on the architecture of their tasks. What runs already is not asked about.
func (u *run) fitting(ctx context.Context, finder image.Finder, images []*used) error {
	byName := map[string][]*used{}
	for _, i := range images {
		if i.known && !i.runs && i.Architecture != "" {
			byName[i.Image] = append(byName[i.Image], i)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	var one sync.Mutex
	var out diag.List
	var all errgroup.Group
	all.SetLimit(abreast)
	for _, same := range byName {
		all.Go(func() error {
			found, err := finder.Describe(ctx, same[0].ref, same[0].found)
			if err != nil {
				return nil // the tasks will show it; a plan without this check is better than none
			}
			one.Lock()
			defer one.Unlock()
			for _, i := range same {
				if d := i.unfit(found); d != nil {
					d.Position = i.position(u)
					out.Add(d)
				}
			}
			return nil
		})
	}
	_ = all.Wait() // nothing returns an error
	return out.Sort().Err()
}

// unfit says why an image does not run in the tasks; nil: it does, or nobody knows.
func (i *used) unfit(found image.Found) *diag.Diagnostic {
	if found.Artifact != "" {
		return diag.New(diag.Invalid, "Not a container image",
			fmt.Sprintf("What the registry has as %q is no container image: its type is %s.", i.Image, found.Artifact),
			"Correct the name.").For(i.address)
	}
	platforms := found.Platforms
	if len(platforms) == 0 || image.Runs(platforms, i.Architecture) {
		return nil
	}
	next := "Build the image for linux/" + i.Architecture
	for other, field := range fields {
		if other != i.Architecture && image.Runs(platforms, other) {
			next += ", or set architecture: " + field + " in the component"
		}
	}
	return diag.New(diag.Invalid, "Image does not fit the architecture",
		fmt.Sprintf("The tasks of %s have the architecture %s (linux/%s), and %q is for %s.", i.address,
			fields[i.Architecture], i.Architecture, i.Image, strings.Join(platforms, ", ")), next+".").For(i.address)
}

// fields are the architectures of images, as the field architecture of components has them.
var fields = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// with returns a tree with another value at a path; items of lists are named by their index.
func with(v value.Value, path []string, to value.Value) value.Value {
	if len(path) == 0 {
		return to
	}
	if v.Kind() == value.List {
		items := slices.Clone(v.Items())
		if n, err := strconv.Atoi(path[0]); err == nil && n < len(items) {
			items[n] = with(items[n], path[1:], to)
		}
		return value.NewList(items...)
	}
	return v.With(path[0], with(v.Get(path[0]), path[1:], to))
}
