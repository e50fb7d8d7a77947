package testkit

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Credentials are keys that the emulator accepts.
type Credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
}

// StaticCredentials belong to DefaultAccount.
func StaticCredentials() Credentials {
	return Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
}

// CredentialsFor assumes a role of another account. The emulator takes the account from such keys.
func CredentialsFor(ctx context.Context, upstream, account string) (Credentials, error) {
	form := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"},
		"RoleArn": {"arn:aws:iam::" + account + ":role/test"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, upstream+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return Credentials{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Credentials{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Credentials{}, err
	}
	var out struct {
		Credentials Credentials `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(body, &out); err != nil || out.Credentials.AccessKeyID == "" {
		return Credentials{}, fmt.Errorf("assume a role of account %s in the emulator: HTTP %d: %s", account,
			resp.StatusCode, body)
	}
	return out.Credentials, nil
}

// ResolveVariable says whether registries are asked about images. The images of most tests exist nowhere; a test of
// images turns it on again, and has a registry of its own.
const ResolveVariable = "DEPLOYER_PREFERENCES_RESOLVE_IMAGES"

// Environment are the variables, as "KEY=value", that direct a process to the emulator and away from any real account.
func Environment(endpoint, region string, creds Credentials) []string {
	env := []string{
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + creds.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + creds.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		ResolveVariable + "=false",
	}
	if creds.SessionToken != "" {
		env = append(env, "AWS_SESSION_TOKEN="+creds.SessionToken)
	}
	return env
}
