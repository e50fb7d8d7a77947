package scaffold_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/scaffold"
	"github.com/company/deployer/internal/testkit/page"
)

var _ = flag.Bool("update", false, "write the golden files")

// text is files one after the other, as in an archive of testscript.
func text(files ...scaffold.File) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString("-- " + f.Path + " --\n" + f.Text)
	}
	return b.String()
}

func TestTemplates(t *testing.T) {
	for _, template := range scaffold.Templates() {
		files, err := template.Files(scaffold.Stack{Name: "shop", Region: "eu-central-1"})
		require.NoError(t, err)
		page.Compare(t, "testdata/"+template.Name+".golden", text(files...))
	}
}

// Nobody can add a kind and forget what component add writes for it.
func TestEveryKindHasAComponent(t *testing.T) {
	require.Equal(t, kinds.Registry().Names(), scaffold.Kinds())
	var files []scaffold.File
	for _, name := range scaffold.Kinds() {
		kind, usual, err := scaffold.Kind(strings.ToUpper(name))
		require.NoError(t, err)
		require.Equal(t, name, kind)
		c := scaffold.Component{Kind: kind, Service: "web", Name: usual}
		known, _ := kinds.Registry().Kind(kind)
		require.Equal(t, known.Synthetic != "", scaffold.Shared(kind), kind)
		if scaffold.Shared(kind) {
			c.Service = manifest.Infra
		}
		file, err := c.File()
		require.NoError(t, err)
		require.Contains(t, file.Text, "apiVersion: "+known.Group+"\nkind: "+kind+"\n")
		files = append(files, file)
	}
	page.Compare(t, "testdata/components.golden", text(files...))
}

func TestAnImageOfTheUsersOwn(t *testing.T) {
	web, err := scaffold.Find("web")
	require.NoError(t, err)
	files, err := web.Files(scaffold.Stack{Name: "shop", Region: "eu-central-1", Image: "acme/shop:${VERSION}"})
	require.NoError(t, err)
	all := text(files...)
	require.Contains(t, all, "  variables:\n    VERSION:\n")
	require.Contains(t, all, `image: "acme/shop:${VERSION}"`)
	require.Contains(t, all, "port: 8080 ")

	jobs, err := scaffold.Find("worker-queue")
	require.NoError(t, err)
	files, err = jobs.Files(scaffold.Stack{Name: "mails", Image: "acme/mails:1"})
	require.NoError(t, err)
	require.NotContains(t, text(files...), "command:", "the image's own command runs")

	for _, image := range []string{"acme/Shop", "https://acme/shop", "acme/shop:", "a b", "acme/shop:${queue.url}"} {
		_, err = web.Files(scaffold.Stack{Name: "shop", Image: image})
		require.ErrorContains(t, err, "is not an image", image)
	}
}

func TestWordsForKinds(t *testing.T) {
	for word, want := range map[string]string{
		"queue": `Did you mean "SQS"?`, "Postgres": `Did you mean "RDS"?`, "MicroServce": `Did you mean "MicroService"?`,
		"lambda": "There are: Cluster, ElastiCache,",
	} {
		_, _, err := scaffold.Kind(word)
		require.ErrorContains(t, err, "There is no kind", word)
		require.Contains(t, diag.From(err)[0].Next, want, word)
	}
}
