package cloudtrail

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/resource"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// trail answers lookups by the name of the object.
func trail(t *testing.T, byName map[string][]string) (aws.Config, *sync.Map) {
	t.Helper()
	asked := &sync.Map{} // names, each with the Authorization header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			LookupAttributes []struct{ AttributeValue string }
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &in)
		name := in.LookupAttributes[0].AttributeValue
		asked.Store(name, r.Header.Get("Authorization"))
		if name == "denied" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type": "AccessDeniedException", "message": "no"}`)
			return
		}
		events := "["
		for i, e := range byName[name] {
			if i > 0 {
				events += ","
			}
			events += e
		}
		fmt.Fprint(w, `{"Events": `+events+`]}`)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AK", "SK", ""),
	}, asked
}

// event is one that happened some minutes after noon.
func event(id, action string, minutes int, more string) string {
	quoted, _ := json.Marshal(more)
	return fmt.Sprintf(`{"EventId": %q, "EventName": %q, "EventTime": %d, "Username": "plain", "ReadOnly": "false",
		"CloudTrailEvent": %s}`, id, action, noon.Unix()+int64(minutes)*60, quoted)
}

func TestWhoDidIt(t *testing.T) {
	read := `{"EventId": "r", "EventName": "DescribeRules", "ReadOnly": "true"}`
	cfg, asked := trail(t, map[string][]string{
		"sg-1": {
			read,
			event("1", "AuthorizeSecurityGroupIngress", 1, `{"userIdentity": {"type": "IAMUser", "userName": "ann"},
				"sourceIPAddress": "203.0.113.7", "userAgent": "SomeTool/1"}`),
			event("2", "RevokeSecurityGroupIngress", 3, `{"userIdentity": {"type": "AssumedRole",
				"arn": "arn:aws:sts::1:assumed-role/Admin/bob@example.com",
				"sessionContext": {"sessionIssuer": {"userName": "Admin"}}}, "userAgent": "aws-cli/2.1"}`),
			event("3", "DeleteSecurityGroup", 4, `{"userIdentity": {"type": "IAMUser"}, "errorCode": "Client.DryRun"}`),
		},
		"role": {
			event("4", "PutRolePolicy", 1, `{"userIdentity": {"type": "Root"}, "userAgent": "console.amazonaws.com"}`),
			event("5", "TagRole", 2, `{"userIdentity": {"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}}`),
			event("6", "DetachRolePolicy", 3, `not JSON`),
			event("7", "AttachRolePolicy", 4, `{}`),
		},
	})
	found, err := Read(t.Context(), cfg, []resource.Subject{
		{Names: []string{"sg-1", "nothing"}},
		{Names: []string{"role", "role"}, Global: true},
		{Names: []string{"none"}},
	}, noon)
	require.NoError(t, err)
	require.Len(t, found, 3)
	require.Len(t, found[0], 2) // no read, no failure
	require.Equal(t, "bob@example.com with the role Admin", found[0][0].Who)
	require.Equal(t, "the AWS CLI", found[0][0].From)
	require.Equal(t, noon.Add(3*time.Minute), found[0][0].At)
	require.Equal(t, []string{"ann", "203.0.113.7"}, []string{found[0][1].Who, found[0][1].From})
	require.Len(t, found[1], 3) // the newest ones, each once
	require.Equal(t, []string{"plain", "plain", "ecs.amazonaws.com"},
		[]string{found[1][0].Who, found[1][1].Who, found[1][2].Who})
	require.Empty(t, found[2])
	here, _ := asked.Load("sg-1")
	global, _ := asked.Load("role")
	require.Contains(t, here, "/eu-central-1/cloudtrail/")
	require.Contains(t, global, "/us-east-1/cloudtrail/")
}

func TestNobodySaysWhoDidIt(t *testing.T) {
	cfg, asked := trail(t, map[string][]string{"a": {event("1", "Change", 1, `{}`)}})
	found, err := Read(t.Context(), cfg, []resource.Subject{{Names: []string{"a"}}, {Names: []string{"denied"}}}, noon)
	require.Equal(t, "cloudtrail:LookupEvents is not allowed", resource.Unanswered(err))
	require.Len(t, found[0], 1)
	require.Empty(t, found[1])

	var many []resource.Subject
	for i := range most + 2 {
		many = append(many, resource.Subject{Names: []string{fmt.Sprint("object ", i)}})
	}
	_, err = Read(t.Context(), cfg, many, noon)
	require.ErrorIs(t, err, ErrPartly)
	_, last := asked.Load(fmt.Sprint("object ", most))
	require.False(t, last, "AWS would throttle the lookups of everybody in the account")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Read(ctx, cfg, many[:1], noon)
	require.Error(t, err)
}
