package config

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
)

func file(t *testing.T, name, text string) Layer {
	t.Helper()
	layer, problems := parse(name, text, map[string]string{"REGION": "eu-west-1"})
	require.Empty(t, problems)
	return layer
}

func parse(name, text string, env map[string]string) (Layer, diag.List) {
	read, problems := manifest.ReadPlain(name, []byte(text))
	layer, more := File(name, read.Tree, read.Locate, env)
	return layer, append(problems, more...)
}

func TestHigherLayersWinAndOriginsAreKept(t *testing.T) {
	home := file(t, "home.yaml", "version: v1\nbackend: {bucket: home-state, region: us-east-1}\nlocks: {table: "+
		"home-locks}\npreferences: {parallelism: 3}\n")
	repo := file(t, "repo.yaml", "backend: {bucket: repo-state, region: \"${REGION}\"}\n")
	env := Environment(map[string]string{
		"DEPLOYER_LOCKS_TTL":                "900",
		"DEPLOYER_AWS_ASSUME_ROLE_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "DEPLOYER_UNRELATED": "1",
	})
	flags := Flags(Flag{"--backend-bucket", "backend.bucket", "flag-state"}, Flag{"--lock-table", "locks.table", ""})
	got, problems := Load(home, repo, env, flags)
	require.Empty(t, problems)
	require.Equal(t, Backend{Type: "s3", Region: "eu-west-1", Bucket: "flag-state", Path: ".deployer/state"},
		got.Settings.Backend)
	require.Equal(t, Locks{Type: "dynamodb", Region: "eu-west-1", Table: "home-locks", TTL: 900, Heartbeat: 30},
		got.Settings.Locks)
	require.Equal(t, "arn:aws:iam::123456789012:role/x", got.Settings.AWS.AssumeRole.RoleARN)
	require.Equal(t, 3, got.Settings.Preferences.Parallelism)
	for path, origin := range map[string]string{
		"backend.bucket": "--backend-bucket", "backend.region": "repo.yaml", "locks.ttl": "DEPLOYER_LOCKS_TTL",
		"locks.table": "home.yaml", "locks.heartbeat": "default", "locks.region": "from backend.region",
		"backend.type": "from backend.bucket",
	} {
		require.Equal(t, origin, got.Origin(path), path)
	}
}

func TestNothingConfiguredIsLocal(t *testing.T) {
	got, problems := Load()
	require.Empty(t, problems)
	require.Equal(t, "local", got.Settings.Backend.Type)
	require.Equal(t, "local", got.Settings.Locks.Type)
}

func TestAllProblemsAtOnceWithPlaces(t *testing.T) {
	layer := file(t, "c.yaml", "backend:\n  bukket: x\npreferences:\n  parallelism: lots\nlocks:\n  heartbeat: 1\n")
	_, problems := Load(layer)
	require.Len(t, problems, 3)
	byLine := map[int]*diag.Diagnostic{}
	for _, p := range problems {
		byLine[p.Position.Line] = p
	}
	require.Equal(t, `Did you mean "bucket"?`, byLine[2].Next)
	require.Contains(t, byLine[4].Detail, "must be a number")
	require.Equal(t, diag.Invalid, byLine[4].Code)
	require.Contains(t, byLine[6].Detail, "from 5 to 300")
}

func TestChecks(t *testing.T) {
	for text, want := range map[string]string{
		"backend: {bucket: bbb}":                          "no locks are configured",
		"locks: {heartbeat: 4}":                           "from 5 to 300",
		"locks: {heartbeat: 301}":                         "from 5 to 300",
		"backend: {bucket: UPPER}":                        `"UPPER" is not the name of an S3 bucket`,
		"locks: {table: a b}":                             `"a b" is not the name of a DynamoDB table`,
		"aws: {region: mars}":                             `"mars" is not an AWS region`,
		"aws: {assumeRole: {roleArn: me}}":                `"me" is not the ARN of an IAM role`,
		"backend: {prefix: \"a\\e[31m\"}":                 "is not a prefix of S3 keys",
		"logging: {maxSize: 0}":                           "must be at least 1, but is 0",
		"logging: {maxBackups: -1}":                       "must be at least 0, but is -1",
		"logging: {maxAge: -1}":                           "must be at least 0, but is -1",
		"locks: {ttl: 60}":                                "at least ten heartbeats",
		"backend: {type: s3}\nlocks: {table: ttt}":        "needs backend.bucket",
		"backend: {type: local}\nlocks: {table: ttt}":     "cannot be locked in DynamoDB",
		"backend: {bucket: bbb}\nlocks: {type: dynamodb}": "need locks.table",
		"preferences: {parallelism: 0}":                   "from 1 to 100",
		"backend: {type: gcs}":                            `"gcs" is not one of s3, local`,
	} {
		_, problems := Load(file(t, "c.yaml", text))
		require.NotEmpty(t, problems, text)
		require.Contains(t, problems.Error(), want)
	}
}

func TestBrokenFiles(t *testing.T) {
	for _, text := range []string{"a: [", "a: 1\na: 2\n", "backend: {bucket: \"${NOT_SET}\"}"} {
		_, problems := parse("c.yaml", text, nil)
		require.NotEmpty(t, problems, text)
		require.NotNil(t, problems[0].Position, text)
		require.Equal(t, "c.yaml", problems[0].Position.File)
		require.NotZero(t, problems[0].Position.Line, text)
	}
}

func TestVariablesThatAreNotThere(t *testing.T) {
	for text, want := range map[string]string{
		"backend: {bucket: \"${NOT_SET}\"}": "NOT_SET is not set",
		"backend: {bucket: \"${\"}":         "must end with }",
		"backend: {bucket: \"a-${A.b}\"}":   "must end with }",
	} {
		_, problems := parse("c.yaml", text, nil)
		require.Len(t, problems, 1, text)
		require.Contains(t, problems[0].Detail, want)
		require.Equal(t, 1, problems[0].Position.Line, text)
	}
}

func TestAKeyWithoutAValueHidesNothing(t *testing.T) {
	got, problems := Load(file(t, "home.yaml", "backend: {bucket: home-state}\nlocks: {table: home-locks}\n"),
		file(t, "repo.yaml", "backend:\nlocks: {table: null}\n"))
	require.Empty(t, problems)
	require.Equal(t, "home-state", got.Settings.Backend.Bucket)
	require.Equal(t, "home-locks", got.Settings.Locks.Table)
}

func TestNoProblemThatOnlyFollowsFromAnother(t *testing.T) {
	layer, problems := parse("c.yaml", "backend: {type: s3, bucket: \"${NOT_SET}\"}\nlocks: {ttl: 1}\n", nil)
	require.Len(t, problems, 1)
	_, more := Load(layer)
	require.Len(t, more, 1, "%s", more)
	require.Contains(t, more[0].Detail, "locks.ttl")
}

// The flag --parallelism has the limits of the setting.
func TestMaxParallelismIsThatOfTheTag(t *testing.T) {
	field, _ := reflect.TypeFor[Preferences]().FieldByName("Parallelism")
	require.Equal(t, strconv.Itoa(MaxParallelism), field.Tag.Get("max"))
}
