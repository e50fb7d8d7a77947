package aws_test

import (
	"crypto/sha1"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws"
)

// places plays all that gives credentials away: STS, the portal of SSO, the endpoint of containers, and the metadata of
// instances. GetCallerIdentity answers with the access key and the session token that signed the call.
func places(w http.ResponseWriter, r *http.Request) {
	const never = "2099-01-01T00:00:00Z"
	answer := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	switch path := r.URL.Path; {
	case path == "/latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		answer("imds-token")
		return
	case strings.HasPrefix(path, "/latest/") && r.Header.Get("X-Aws-Ec2-Metadata-Token") != "imds-token":
		w.WriteHeader(http.StatusUnauthorized) // only the second version of the protocol
		return
	case strings.HasSuffix(path, "/security-credentials/"):
		answer("deploy-role")
		return
	case strings.HasSuffix(path, "/security-credentials/deploy-role"):
		answer(`{"Code": "Success", "AccessKeyId": "INSTANCE", "SecretAccessKey": "s", "Token": "t",
			"Expiration": %q}`, never)
		return
	case path == "/container" && r.Header.Get("Authorization") == "Bearer container":
		answer(`{"AccessKeyId": "CONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": %q}`, never)
		return
	case path == "/federation/credentials" && r.Header.Get("X-Amz-Sso_bearer_token") == "portal-token":
		q := r.URL.Query()
		answer(`{"roleCredentials": {"accessKeyId": "SSO.%s.%s", "secretAccessKey": "s", "sessionToken": "t",
			"expiration": 4070908800000}}`, q.Get("account_id"), q.Get("role_name"))
		return
	}
	signed := regexp.MustCompile(`Credential=([^/]*)/`).FindStringSubmatch(r.Header.Get("Authorization"))
	_ = r.ParseForm()
	given := func(action, key string) {
		answer(`<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>t</SessionToken><Expiration>%[3]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, key, never)
	}
	name := r.Form.Get("RoleArn")[strings.LastIndex(r.Form.Get("RoleArn"), "/")+1:]
	switch action := r.Form.Get("Action"); {
	case action == "AssumeRoleWithWebIdentity" && r.Form.Get("WebIdentityToken") == "oidc":
		given(action, "WEB."+name)
	case action == "AssumeRole" && signed != nil:
		given(action, "ROLE."+name+".BY."+signed[1])
	case action == "GetCallerIdentity" && signed != nil:
		answer(`<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>%s %s</Arn>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`, signed[1], r.Header.Get("X-Amz-Security-Token"))
	default:
		w.WriteHeader(http.StatusForbidden)
		answer(`<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>`)
	}
}

// TestSigningIn: each way to sign in reaches the call.
func TestSigningIn(t *testing.T) {
	const config = team + `
[profile other]
region = eu-west-1
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = team

[profile portal]
region = eu-west-1
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Deployer

[profile legacy]
region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Deployer

[profile process]
region = eu-west-1
credential_process = echo '{"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s", "SessionToken": "t"}'

[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
sso_registration_scopes = sso:account:access
`
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
	for name, test := range map[string]struct {
		env      map[string]string // URL is the server, HOME a folder with the tokens
		settings aws.Settings
		want     string
	}{
		"keys in the environment":  {keys, aws.Settings{}, "ENV t"},
		"aws.profile":              {nil, aws.Settings{Profile: "team"}, "FROMPROFILE "},
		"AWS_PROFILE":              {map[string]string{"AWS_PROFILE": "team"}, aws.Settings{}, "FROMPROFILE "},
		"a profile with a role":    {nil, aws.Settings{Profile: "other"}, "ROLE.deploy.BY.FROMPROFILE t"},
		"a profile with a process": {nil, aws.Settings{Profile: "process"}, "PROCESS t"},
		"SSO": {
			map[string]string{"AWS_ENDPOINT_URL_SSO": "URL", "HOME": "HOME"},
			aws.Settings{Profile: "portal"},
			"SSO.123456789012.Deployer t",
		},
		"SSO without a session": {
			map[string]string{"AWS_ENDPOINT_URL_SSO": "URL", "HOME": "HOME"},
			aws.Settings{Profile: "legacy"},
			"SSO.123456789012.Deployer t",
		},
		"web identity": {
			map[string]string{
				"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/oidc", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci",
			},
			aws.Settings{},
			"WEB.ci t",
		},
		"container": {
			map[string]string{
				"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container",
				"AWS_CONTAINER_AUTHORIZATION_TOKEN":  "Bearer container",
			},
			aws.Settings{},
			"CONTAINER t",
		},
		"EKS pod identity": {
			map[string]string{
				"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "URL/container",
				"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "HOME/pod",
			},
			aws.Settings{},
			"CONTAINER t",
		},
		"instance": {
			map[string]string{"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "URL"},
			aws.Settings{},
			"INSTANCE t",
		},
		"aws.assumeRole": {
			keys, aws.Settings{AssumeRole: aws.AssumeRole{RoleARN: "arn:aws:iam::2:role/tools"}}, "ROLE.tools.BY.ENV t",
		},
		"aws.assumeRole after web identity": {
			map[string]string{
				"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/oidc", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci",
			},
			aws.Settings{AssumeRole: aws.AssumeRole{RoleARN: "arn:aws:iam::2:role/tools"}},
			"ROLE.tools.BY.WEB.ci t",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, home := serve(t, places), signedIn(t)
			// The chain of the SDK obeys only the variable of the service.
			env := map[string]string{"AWS_ENDPOINT_URL": server, "AWS_ENDPOINT_URL_STS": server}
			for k, v := range test.env {
				env[k] = strings.NewReplacer("URL", server, "HOME", home).Replace(v)
			}
			get := isolate(t, config, env)
			test.settings.Region, test.settings.Now = "eu-west-1", time.Now
			s, err := aws.NewSession(t.Context(), test.settings, get)
			require.NoError(t, err)
			who, err := s.Identity(t.Context())
			require.NoError(t, err)
			require.Equal(t, aws.Identity{Account: "123456789012", ARN: test.want}, who)
		})
	}
}

// signedIn is a home directory after `aws sso login`, with the tokens that CI and EKS write to files.
func signedIn(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	cache := filepath.Join(home, ".aws", "sso", "cache")
	require.NoError(t, os.MkdirAll(cache, 0o700))
	for _, key := range []string{"corp", "https://corp.awsapps.com/start"} {
		hash := sha1.New()
		_, _ = io.WriteString(hash, key)
		require.NoError(t, os.WriteFile(filepath.Join(cache, fmt.Sprintf("%x.json", hash.Sum(nil))),
			[]byte(`{"accessToken": "portal-token", "expiresAt": "2099-01-01T00:00:00Z"}`), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(home, "oidc"), []byte("oidc"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, "pod"), []byte("Bearer container"), 0o600))
	return home
}
