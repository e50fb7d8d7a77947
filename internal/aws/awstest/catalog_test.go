package awstest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/value"
)

func TestCatalogNeedsNoAWSUntilItIsUsed(t *testing.T) {
	c := catalog.New(aws.Config{}) // without region and credentials no client could make a call
	definitions := c.Definitions()
	require.NotEmpty(t, definitions)
	for _, d := range definitions {
		b, err := c.Behaviour(d.Type)
		require.NoError(t, err)
		require.Same(t, d, b.Definition())
		_, problems := b.Check(value.NewMap(map[string]value.Value{"no-such-property": value.NewBool(true)}))
		require.NotEmpty(t, problems, "%s takes a property that it does not have", d.Type)
	}
	_, err := c.Behaviour("no/such-type")
	require.ErrorContains(t, err, "no/such-type")
	_, err = c.Read(t.Context(), "no/such-lookup", value.NullValue)
	require.ErrorContains(t, err, "no/such-lookup")
}
