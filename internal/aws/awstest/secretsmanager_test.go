package awstest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	awssecrets "github.com/company/deployer/internal/aws/secretsmanager"
	"github.com/company/deployer/internal/resource"
	model "github.com/company/deployer/internal/resource/secretsmanager"
	"github.com/company/deployer/internal/testkit/resourcetest"
	"github.com/company/deployer/internal/value"
)

func TestPassword(t *testing.T) {
	h := start(t)
	props := model.Password{
		Name:        "suite-password",
		Description: "Of the suite",
		Username:    "app",
		Tags:        map[string]string{"team": "a"},
	}
	update, replace := props, props
	update.Generation, update.Description, update.Tags = 1, "For the suite", nil
	replace.Name = "suite-other"
	resourcetest.Run(t, resourcetest.Case{
		Behaviour: behaviour(t, awssecrets.Behaviours(h.Config), model.PasswordType), Props: props, Update: update,
		Replace: replace, LoseAnswer: h.LoseAnswer, Actions: h.Actions,
		Extend: func(ctx context.Context, t *testing.T, state resource.State) (string, func()) {
			client := secretsmanager.NewFromConfig(h.Plain)
			_, err := client.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{
				SecretId: &state.ID, ResourcePolicy: pointer(anyObject),
			})
			require.NoError(t, err)
			return state.ID, func() {
				_, err := client.DeleteResourcePolicy(ctx,
					&secretsmanager.DeleteResourcePolicyInput{SecretId: &state.ID})
				require.NoError(t, err)
			}
		},
	})
}

// Another generation is another password, once, and no state has either.
func TestPasswordGenerations(t *testing.T) {
	h := start(t)
	client := secretsmanager.NewFromConfig(h.Plain)
	b := behaviour(t, awssecrets.Behaviours(h.Config), model.PasswordType)
	inputs, problems := b.Check(value.Encode(model.Password{Name: "generations", Description: "x", Username: "app"}))
	require.Empty(t, problems)
	req := request(model.PasswordType)
	req.Inputs, req.Tags = inputs, resourcetest.Tags("generations")
	state, err := b.Create(t.Context(), req)
	require.NoError(t, err)
	held := func(state resource.State) string {
		out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &state.ID})
		require.NoError(t, err)
		require.Equal(t, aws.ToString(out.VersionId), state.Outputs.Get("version").Str())
		var keys map[string]string
		require.NoError(t, json.Unmarshal([]byte(*out.SecretString), &keys))
		require.Equal(t, "app", keys["username"])
		require.Regexp(t, "^[A-Za-z0-9]{64}$", keys["password"])
		require.NotContains(t, value.Encode(map[string]value.Value{"i": state.Inputs, "o": state.Outputs}).String(),
			keys["password"])
		return keys["password"]
	}
	first := held(state)
	req.ID, req.Old, req.Inputs = state.ID, state, inputs.With("generation", value.NewNumber(1))
	req.Token = "the next intent"
	next, err := b.Update(t.Context(), req)
	require.NoError(t, err)
	second := held(next)
	require.NotEqual(t, first, second)
	_, err = b.Update(t.Context(), req) // its answer was lost
	require.NoError(t, err)
	require.Equal(t, second, held(next))
}
