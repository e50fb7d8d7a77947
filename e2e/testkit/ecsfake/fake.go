package ecsfake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/company/deployer/e2e/testkit/proxy"
	"github.com/company/deployer/e2e/testkit/ssmfake"
)

// Options configure a Fake; the zero value is ready for use.
type Options struct {
	// Now stamps events, tasks and log lines; time.Now when nil. No behaviour
	// depends on it.
	Now func() time.Time
}

// Fake is the state of all faked services, by cluster ARN, which contains account and region.
type Fake struct {
	now func() time.Time

	mu          sync.Mutex
	clusters    map[string]*cluster
	rules       []Rule
	serial      int
	gateway     *ssmfake.Gateway
	gatewayURL  string
	agent       string // status of the agents of ECS Exec
	agentReason string
}

type cluster struct {
	arn      string
	name     string
	services []*service
	tasks    []*task // started by RunTask
}

// Install registers the fake's operations with a proxy, and its admin
// endpoints under /_proxy/ecs/.
func Install(p *proxy.Proxy, opts Options) *Fake {
	f := &Fake{now: opts.Now, clusters: map[string]*cluster{}, gateway: ssmfake.New(), agent: taskRunning}
	if f.now == nil {
		f.now = time.Now
	}
	for operation, handler := range map[string]func(*call) (any, error){
		"CreateService":              f.createService,
		"DescribeServices":           f.describeServices,
		"UpdateService":              f.updateService,
		"DeleteService":              f.deleteService,
		"ListServices":               f.listServices,
		"ListTasks":                  f.listTasks,
		"DescribeTasks":              f.describeTasks,
		"StopTask":                   f.stopTask,
		"RunTask":                    f.runTask,
		"ExecuteCommand":             f.executeCommand,
		"TagResource":                f.tagResource,
		"UntagResource":              f.untagResource,
		"ListTagsForResource":        f.listTags,
		"ListServiceDeployments":     f.listServiceDeployments,
		"DescribeServiceDeployments": f.describeServiceDeployments,
		"DescribeServiceRevisions":   f.describeServiceRevisions,
		"StopServiceDeployment":      f.stopServiceDeployment,
		"CreateCluster":              f.createCluster,
		"DescribeClusters":           f.describeClusters,
		"DeleteCluster":              f.deleteCluster,
	} {
		p.Handle("ecs", operation, f.handler(handler))
	}
	p.Handle("elasticloadbalancing", "DescribeTargetHealth", f.describeTargetHealth)
	p.Handle("servicediscovery", "DeleteService", f.deleteRegistry)
	p.Handle("ssm", "StartSession", f.handler(f.startSession))
	p.Interpose(f.guardNetwork)
	p.Mount("ecs", f.admin())
	p.Mount("ssmmessages", f.gateway)
	f.gatewayURL = "ws" + strings.TrimPrefix(p.URL(), "http") + "/_proxy/ssmmessages"
	p.OnReset(f.Reset)
	return f
}

// Reset forgets all services, tasks and rules.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clusters = map[string]*cluster{}
	f.rules = nil
	f.agent, f.agentReason = taskRunning, ""
	f.gateway.Reset()
}

// call is one request to the fake, with the emulator behind it.
type call struct {
	*proxy.Call
}

// ecs asks the emulator's ECS.
func (c *call) ecs(operation string, in, out any) error {
	return c.JSON("ecs", "AmazonEC2ContainerServiceV20141113."+operation, in, out)
}

// errDecline makes the proxy forward the call to the emulator.
var errDecline = errors.New("not the fake's call")

// apiError is an error answer of ECS.
type apiError struct {
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalid(format string, args ...any) error {
	return &apiError{"InvalidParameterException", fmt.Sprintf(format, args...)}
}

func clientError(format string, args ...any) error {
	return &apiError{"ClientException", fmt.Sprintf(format, args...)}
}

var (
	errClusterNotFound   = &apiError{"ClusterNotFoundException", "Cluster not found."}
	errServiceNotFound   = &apiError{"ServiceNotFoundException", "Service not found."}
	errServiceNotActive  = &apiError{"ServiceNotActiveException", "Service was not ACTIVE."}
	errTaskNotFound      = &apiError{"InvalidParameterException", "The referenced task was not found."}
	errDeploymentMissing = &apiError{
		"ServiceDeploymentNotFoundException",
		"The specified service deployment was not found.",
	}
)

func (f *Fake) handler(h func(*call) (any, error)) proxy.Handler {
	return func(pc *proxy.Call) *proxy.Response {
		f.mu.Lock()
		defer f.mu.Unlock()
		out, err := h(&call{pc})
		var refused *apiError
		var passed *proxy.APIError
		switch {
		case err == nil:
			if resp, ok := out.(*proxy.Response); ok {
				return resp
			}
			return proxy.JSONResponse(out)
		case errors.Is(err, errDecline):
			return nil
		case errors.As(err, &refused):
			return pc.Failure(http.StatusBadRequest, refused.code, refused.message)
		case errors.As(err, &passed):
			return pc.Failure(passed.Status, passed.Code, passed.Message)
		}
		return pc.Failure(http.StatusBadRequest, "ClientException", err.Error())
	}
}

// bind decodes the request.
func bind(c *call, in any) error {
	if err := c.Bind(in); err != nil {
		return &apiError{"SerializationException", err.Error()}
	}
	return nil
}

// cluster returns the state of a cluster that exists and is active in the
// emulator, by name or ARN; the empty name is "default".
func (f *Fake) cluster(c *call, name string) (*cluster, error) {
	if name == "" {
		name = "default"
	}
	var out struct {
		Clusters []struct {
			ClusterArn  string `json:"clusterArn"`
			ClusterName string `json:"clusterName"`
			Status      string `json:"status"`
		} `json:"clusters"`
	}
	if err := c.ecs("DescribeClusters", map[string]any{"clusters": []string{name}}, &out); err != nil {
		return nil, err
	}
	if len(out.Clusters) == 0 || out.Clusters[0].Status != "ACTIVE" {
		return nil, errClusterNotFound
	}
	return f.clusterByARN(out.Clusters[0].ClusterArn), nil
}

func (f *Fake) clusterByARN(arn string) *cluster {
	cl := f.clusters[arn]
	if cl == nil {
		cl = &cluster{arn: arn, name: arn[strings.LastIndex(arn, "/")+1:]}
		f.clusters[arn] = cl
	}
	return cl
}

// service finds a service by name or ARN, an active one before an earlier one of the same name.
func (cl *cluster) service(nameOrARN string) *service {
	name := nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]
	var found *service
	for _, s := range cl.services {
		if s.name == name {
			found = s // the last one of a name is the newest
		}
	}
	return found
}

// serviceByARN finds a service in any cluster.
func (f *Fake) serviceByARN(arn string) *service {
	for _, cl := range f.clusters {
		if s := cl.service(arn); s != nil && s.arn == arn {
			return s
		}
	}
	return nil
}

// id returns a new id of n hex digits, the same in every run.
func (f *Fake) id(n int) string {
	f.serial++
	return digest(fmt.Sprintf("id-%d", f.serial))[:n]
}

// deploymentID returns an id such as ecs-svc/0000000000000000042.
func (f *Fake) deploymentID() string {
	f.serial++
	return fmt.Sprintf("ecs-svc/%019d", 1000000000000000000+f.serial)
}

// arn builds an ARN in the account and region of the cluster.
func (cl *cluster) resourceARN(kind, rest string) string {
	prefix := cl.arn[:strings.LastIndex(cl.arn, ":")]
	return prefix + ":" + kind + "/" + rest
}
