package rollout

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"
)

// A status shows the images of the service, and not that of the agent which GuardDuty adds to each task.
func TestImagesAreThoseOfTheTaskDefinition(t *testing.T) {
	running := types.Task{Containers: []types.Container{
		{Name: aws.String("api"), Image: aws.String("registry/api:1")},
		{Name: aws.String("aws-guardduty-agent-mfjGLB"), Image: aws.String("registry/agent:1")},
	}}
	require.Equal(t, []Image{{Container: "api", Image: "registry/api:1", Tasks: 1}}, images([]types.Task{running}))
	require.Len(t, running.Containers, 2, "the answer of AWS stays as it is")
}
