// Package ecr asks private ECR registries about images.
//
// In: an AWS configuration and the name of an image. Out: its digest and platforms. It must not pull or change
// anything. Package registry asks other registries.
package ecr

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/resource"
)

const (
	most      = 100     // images of one call, as the API documents
	maxConfig = 4 << 20 // bytes of the configuration of an image
)

// methods is an image.Finder that holds functions: an interface value must not reach a client (ADR 20).
type methods struct {
	find     func(context.Context, image.Ref) (image.Found, error)
	describe func(context.Context, image.Ref, image.Found) (image.Found, error)
}

// Find implements image.Finder.
func (m methods) Find(ctx context.Context, ref image.Ref) (image.Found, error) {
	return m.find(ctx, ref)
}

// Describe implements image.Finder.
func (m methods) Describe(ctx context.Context, ref image.Ref, found image.Found) (image.Found, error) {
	return m.describe(ctx, ref, found)
}

// finder asks private ECR registries itself, and for all other images another Finder.
type finder struct {
	cfg   aws.Config
	other image.Finder

	mu           sync.Mutex
	repositories map[string]*repository
}

// New returns a Finder that asks private ECR registries itself, and other for all other images.
func New(cfg aws.Config, other image.Finder) image.Finder {
	f := &finder{cfg: cfg, other: other, repositories: map[string]*repository{}}
	return methods{f.find, f.describe}
}

// repository is one repository; questions about its images are asked together.
type repository struct {
	api           *ecr.Client
	account, name string
	images        *call.Batch[string, types.Image] // by tag or digest
}

func (f *finder) repository(ref image.Ref) *repository {
	account, region, ok := ref.Private()
	if !ok {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := account + " " + region + " " + ref.Repository
	if r := f.repositories[key]; r != nil {
		return r
	}
	cfg := f.cfg.Copy()
	cfg.Region = region
	r := &repository{api: ecr.NewFromConfig(cfg), account: account, name: ref.Repository}
	r.images = &call.Batch[string, types.Image]{Size: most, Ask: r.ask}
	f.repositories[key] = r
	return r
}

func (r *repository) ask(ctx context.Context, versions []string) (map[string]types.Image, error) {
	in := &ecr.BatchGetImageInput{
		RegistryId: &r.account, RepositoryName: &r.name, AcceptedMediaTypes: image.MediaTypes,
	}
	for _, version := range versions {
		id := types.ImageIdentifier{ImageTag: aws.String(version)}
		if strings.HasPrefix(version, "sha256:") {
			id = types.ImageIdentifier{ImageDigest: aws.String(version)}
		}
		in.ImageIds = append(in.ImageIds, id)
	}
	out, err := r.api.BatchGetImage(ctx, in)
	if err != nil {
		return nil, call.Error(err)
	}
	found := map[string]types.Image{}
	for _, i := range out.Images {
		found[aws.ToString(i.ImageId.ImageTag)] = i
		found[aws.ToString(i.ImageId.ImageDigest)] = i
	}
	for _, f := range out.Failures {
		if f.FailureCode != types.ImageFailureCodeImageNotFound && f.ImageId != nil {
			return nil, &resource.OpError{
				Operation: "ecr:BatchGetImage", Code: string(f.FailureCode), Message: aws.ToString(f.FailureReason),
			}
		}
	}
	return found, nil
}

func (f *finder) find(ctx context.Context, ref image.Ref) (image.Found, error) {
	r := f.repository(ref)
	if r == nil {
		return f.other.Find(ctx, ref)
	}
	got, found, err := r.images.Get(ctx, ref.Version())
	switch {
	case call.HasCode(err, "RepositoryNotFoundException"):
		return image.Found{}, r.missing(ctx, "there is no repository "+r.name+" in "+ref.Host)
	case err != nil:
		return image.Found{}, err
	case !found:
		return image.Found{}, r.missing(ctx, "the repository "+r.name+" in "+ref.Host+" has no image "+ref.Version())
	}
	return image.Read(aws.ToString(got.ImageId.ImageDigest), []byte(aws.ToString(got.ImageManifest)))
}

// missing is the error for an image that is not there. A pull-through cache imports an image at its first pull, so the
// image may still exist.
func (r *repository) missing(ctx context.Context, what string) error {
	prefix, _, nested := strings.Cut(r.name, "/")
	if nested {
		out, err := r.api.DescribePullThroughCacheRules(ctx, &ecr.DescribePullThroughCacheRulesInput{
			RegistryId: &r.account, EcrRepositoryPrefixes: []string{prefix},
		})
		switch {
		case call.HasCode(err, "PullThroughCacheRuleNotFoundException"):
		case err != nil:
			return fmt.Errorf("%s, and whether it is a pull-through cache is not known: %w", what, call.Error(err))
		case len(out.PullThroughCacheRules) > 0:
			return fmt.Errorf("%s yet: it is a pull-through cache, which imports an image at its first pull", what)
		}
	}
	return &image.MissingError{What: what, Next: "push it first, or correct the name"}
}

func (f *finder) describe(ctx context.Context, ref image.Ref, found image.Found) (image.Found, error) {
	r := f.repository(ref)
	if r == nil {
		return f.other.Describe(ctx, ref, found)
	}
	if found.Platforms != nil || found.Config == "" || found.Artifact != "" {
		return found, nil
	}
	platforms, err := f.platforms(ctx, r, found)
	found.Platforms = platforms
	return found, err
}

// platforms reads the configuration of an image for one platform.
func (f *finder) platforms(ctx context.Context, r *repository, found image.Found) ([]string, error) {
	out, err := r.api.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{
		RegistryId: &r.account, RepositoryName: &r.name, LayerDigest: &found.Config,
	})
	if err != nil {
		return nil, call.Error(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, aws.ToString(out.DownloadUrl), nil)
	if err != nil {
		return nil, err
	}
	answer, err := f.cfg.HTTPClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxConfig))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the configuration of the image cannot be read: %s", answer.Status)
	}
	if err != nil {
		return nil, err
	}
	return image.ReadPlatforms(body)
}

// Permissions are what Find and Describe need for images. Only private ECR images of this partition need any.
func Permissions(scope resource.Scope, images []string) []resource.Statement {
	var out []resource.Statement
	prefixed := false
	for _, text := range images {
		ref := image.Parse(text)
		account, region, ok := ref.Private()
		if !ok {
			continue
		}
		prefixed = prefixed || strings.Contains(ref.Repository, "/")
		out = append(out, resource.Statement{
			Actions: []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			On: []string{fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", resource.PartitionOf(scope.Region).Name, region,
				account, ref.Repository)},
		})
	}
	if prefixed {
		out = append(out, resource.Statement{Actions: []string{"ecr:DescribePullThroughCacheRules"}})
	}
	return out
}
