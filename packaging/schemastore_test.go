package packaging

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/component/kinds"
	"github.com/company/deployer/internal/schema"
)

// What SchemaStore is to list are files that a release has, at the address that follows each release.
func TestSchemaStoreListsFilesOfTheRelease(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(text)
	}
	var list struct {
		Schemas []struct {
			Name, Description, URL string
			FileMatch              []string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read("schemastore.json")), &list))
	require.Equal(t, 2, strings.Count(read("../.goreleaser.yaml"), "- glob: .cache/release/schema/*.json"),
		"in the checksums and in the release")
	loop := regexp.MustCompile(`for schema in (.*); do`).FindStringSubmatch(read("assets.sh"))
	require.NotNil(t, loop)
	made := schema.All(kinds.Registry(), catalog.New(aws.Config{}))
	const address = "https://github.com/company/deployer/releases/latest/download/"
	var want []string
	for name := range strings.FieldsSeq(loop[1]) {
		require.Contains(t, made, name+".json")
		want = append(want, address+"deployer-"+name+".schema.json")
	}
	var got []string
	for _, s := range list.Schemas {
		require.NotEmpty(t, s.Name)
		require.NotEmpty(t, s.Description)
		got = append(got, s.URL)
		if strings.Contains(s.URL, "-config.") {
			require.Equal(t, []string{"**/.deployer/config.yaml"}, s.FileMatch)
			continue
		}
		require.Empty(t, s.FileMatch, "other programs have files of these names, too")
	}
	require.ElementsMatch(t, want, got)
}
