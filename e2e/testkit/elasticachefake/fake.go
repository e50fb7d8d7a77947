package elasticachefake

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// polls is how many descriptions show an object in change before the change has its effect.
const polls = 2

// Fake is the ElastiCache of all accounts and regions of a proxy.
type Fake struct {
	mu       sync.Mutex
	accounts map[string]string // by access key
	regions  map[string]*region
	clock    time.Time
}

// region is what exists in one region of one account.
type region struct {
	name, account string

	subnets    map[string]*subnetGroup
	parameters map[string]*parameterGroup
	groups     map[string]*replicationGroup
	clusters   map[string]*cacheCluster
	serverless map[string]*serverlessCache
	users      map[string]*user
	userGroups map[string]*userGroup
	snapshots  map[string]*snapshot
	tags       map[string]map[string]string // by ARN
}

// call is one request, with the region that it is about.
type call struct {
	*proxy.Call
	*region
	fake *Fake
}

// apiError is an error answer of ElastiCache.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(code, format string, args ...any) error {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func missing(code, format string, args ...any) error {
	return &apiError{http.StatusNotFound, code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return refuse("InvalidParameterValue", format, args...)
}

func combination(format string, args ...any) error {
	return refuse("InvalidParameterCombination", format, args...)
}

// Install registers the fake's operations with a proxy.
func Install(p *proxy.Proxy) *Fake {
	f := &Fake{accounts: map[string]string{}}
	f.Reset()
	for operation, answer := range map[string]func(*call) (any, error){
		"CreateCacheSubnetGroup":                   createSubnetGroup,
		"DescribeCacheSubnetGroups":                describeSubnetGroups,
		"ModifyCacheSubnetGroup":                   modifySubnetGroup,
		"DeleteCacheSubnetGroup":                   deleteSubnetGroup,
		"CreateCacheParameterGroup":                createParameterGroup,
		"DescribeCacheParameterGroups":             describeParameterGroups,
		"DescribeCacheParameters":                  describeParameters,
		"ModifyCacheParameterGroup":                modifyParameters,
		"ResetCacheParameterGroup":                 resetParameters,
		"DeleteCacheParameterGroup":                deleteParameterGroup,
		"CreateReplicationGroup":                   createReplicationGroup,
		"DescribeReplicationGroups":                describeReplicationGroups,
		"ModifyReplicationGroup":                   modifyReplicationGroup,
		"ModifyReplicationGroupShardConfiguration": reshard,
		"IncreaseReplicaCount":                     increaseReplicas,
		"DecreaseReplicaCount":                     decreaseReplicas,
		"DeleteReplicationGroup":                   deleteReplicationGroup,
		"CreateCacheCluster":                       createCacheCluster,
		"DescribeCacheClusters":                    describeCacheClusters,
		"ModifyCacheCluster":                       modifyCacheCluster,
		"DeleteCacheCluster":                       deleteCacheCluster,
		"CreateServerlessCache":                    createServerless,
		"DescribeServerlessCaches":                 describeServerless,
		"ModifyServerlessCache":                    modifyServerless,
		"DeleteServerlessCache":                    deleteServerless,
		"CreateUser":                               createUser,
		"DescribeUsers":                            describeUsers,
		"ModifyUser":                               modifyUser,
		"DeleteUser":                               deleteUser,
		"CreateUserGroup":                          createUserGroup,
		"DescribeUserGroups":                       describeUserGroups,
		"ModifyUserGroup":                          modifyUserGroup,
		"DeleteUserGroup":                          deleteUserGroup,
		"DescribeSnapshots":                        describeSnapshots,
		"DeleteSnapshot":                           deleteSnapshot,
		"ListTagsForResource":                      listTags,
		"AddTagsToResource":                        addTags,
		"RemoveTagsFromResource":                   removeTags,
	} {
		p.Handle("elasticache", operation, f.handler(operation, answer))
	}
	p.Interpose(f.guardNetwork)
	p.Watch(f.showInterfaces)
	p.OnReset(f.Reset)
	return f
}

// Reset forgets everything.
func (f *Fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.regions = map[string]*region{}
	f.clock = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
}

// Passwords returns the tokens with which clients may connect to a replication group, the newest first.
func (f *Fake) Passwords(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.regions {
		if g := r.groups[id]; g != nil {
			for _, token := range []string{g.token, g.spare} {
				if token != "" {
					out = append(out, token)
				}
			}
		}
	}
	return out
}

// Busy lets the changes in progress of replication groups take that many descriptions more.
func (f *Fake) Busy(descriptions int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.regions {
		for _, g := range r.groups {
			g.left = descriptions
		}
	}
}

func (f *Fake) handler(operation string, answer func(*call) (any, error)) proxy.Handler {
	return func(pc *proxy.Call) *proxy.Response {
		f.mu.Lock()
		defer f.mu.Unlock()
		in, err := f.regionOf(pc)
		if err != nil {
			return pc.Failure(http.StatusInternalServerError, "InternalFailure", err.Error())
		}
		in.settle()
		f.clock = f.clock.Add(time.Second)
		out, err := answer(&call{pc, in, f})
		var refused *apiError
		if errors.As(err, &refused) {
			return pc.Failure(refused.status, refused.code, refused.message)
		}
		if err != nil {
			return pc.Failure(http.StatusInternalServerError, "InternalFailure", err.Error())
		}
		return proxy.XMLResponse(document(operation, out))
	}
}

// regionOf returns what exists where the call goes. The emulator knows the account of an access key.
func (f *Fake) regionOf(c *proxy.Call) (*region, error) {
	account, known := f.accounts[c.AccessKey]
	if !known {
		answer, err := c.PostForm("sts", url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})
		if err != nil {
			return nil, err
		}
		var caller struct {
			Account string `xml:"GetCallerIdentityResult>Account"`
		}
		if err := xml.Unmarshal(answer.Body, &caller); err != nil {
			return nil, err
		}
		account = caller.Account
		f.accounts[c.AccessKey] = account
	}
	key := account + " " + c.Region
	if f.regions[key] == nil {
		f.regions[key] = &region{
			name: c.Region, account: account,
			subnets: map[string]*subnetGroup{}, parameters: map[string]*parameterGroup{},
			groups: map[string]*replicationGroup{}, clusters: map[string]*cacheCluster{},
			serverless: map[string]*serverlessCache{}, users: map[string]*user{},
			userGroups: map[string]*userGroup{}, snapshots: map[string]*snapshot{},
			tags: map[string]map[string]string{},
		}
	}
	return f.regions[key], nil
}

func (r *region) arn(kind, name string) string {
	return "arn:aws:elasticache:" + r.name + ":" + r.account + ":" + kind + ":" + name
}

// change is a change that takes some polls.
type change struct {
	left int
	then func()
}

// begin starts a change. then is its effect.
func (c *change) begin(then func()) { c.left, c.then = polls, then }

// running reports whether a change is in progress.
func (c *change) running() bool { return c.then != nil }

// poll brings the change one description nearer to its end.
func (c *change) poll() {
	if c.then == nil {
		return
	}
	if c.left--; c.left >= 0 {
		return
	}
	then := c.then
	c.then = nil
	then()
}

// settle lets the users of user groups and the like reach their end without a description: AWS does not wait to be
// asked. Objects that deployer waits for change with their descriptions only, so that a test can see the wait.
func (r *region) settle() {
	for _, g := range r.userGroups {
		g.poll()
	}
	for _, u := range r.users {
		u.poll()
	}
}

// elapse brings the caches that are being deleted nearer to their end: AWS does not wait to be asked about them. A call
// that is about what they use takes as much time as a description of them.
func (r *region) elapse() {
	for _, g := range r.groups {
		if g.status() == deleting {
			g.poll()
		}
	}
	for _, c := range r.clusters {
		if c.status() == deleting {
			c.poll()
		}
	}
	for _, s := range r.serverless {
		if *s.Status == deleting {
			s.poll()
		}
	}
}

// guardNetwork refuses to delete a security group or a subnet in which a cache has network interfaces, as EC2 does.
func (f *Fake) guardNetwork(c *proxy.Call) *proxy.Response {
	if c.Service != "ec2" || c.Operation != "DeleteSecurityGroup" && c.Operation != "DeleteSubnet" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	in, err := f.regionOf(c)
	if err != nil {
		return c.Failure(http.StatusInternalServerError, "InternalError", err.Error())
	}
	in.elapse()
	if subnet := c.Form.Get("SubnetId"); subnet != "" {
		if in.occupies(subnet) {
			return c.Failure(http.StatusBadRequest, "DependencyViolation",
				"The subnet '"+subnet+"' has dependencies and cannot be deleted.")
		}
		return nil
	}
	id := c.Form.Get("GroupId")
	for _, users := range in.securityGroups() {
		for _, group := range users {
			if group == id {
				return c.Failure(http.StatusBadRequest, "DependencyViolation",
					"resource "+id+" has a dependent object")
			}
		}
	}
	return nil
}

// showInterfaces lists the network interfaces of caches, as EC2 describes them. Those of a serverless cache belong to
// an endpoint that ElastiCache has made.
func (f *Fake) showInterfaces(c *proxy.Call, answer *proxy.Response) {
	if c.InterfacesOf() == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	in, err := f.regionOf(c)
	if err != nil {
		return
	}
	for description, groups := range in.securityGroups() {
		for _, group := range groups {
			c.ShowInterface(answer, group, description)
		}
	}
}

// securityGroups are the security groups of all caches, by the description of a network interface.
func (r *region) securityGroups() map[string][]string {
	out := map[string][]string{}
	for id, g := range r.groups {
		out["ElastiCache "+id+"-001"] = g.nodes.securityGroups
	}
	for id, c := range r.clusters {
		out["ElastiCache "+id] = c.nodes.securityGroups
	}
	for id, s := range r.serverless {
		out["VPC Endpoint Interface vpce-of-"+id] = s.SecurityGroupIds
	}
	return out
}

// occupies reports whether a cache has a node in a subnet.
func (r *region) occupies(subnet string) bool {
	for _, s := range r.serverless {
		if slices.Contains(s.SubnetIds, subnet) {
			return true
		}
	}
	in := func(n *nodes, zones ...string) bool {
		g := r.subnets[n.subnetGroup]
		return g != nil && slices.ContainsFunc(g.Subnets, func(s types.Subnet) bool {
			return *s.SubnetIdentifier == subnet && slices.Contains(zones, *s.SubnetAvailabilityZone.Name)
		})
	}
	for _, g := range r.groups {
		zones := []string{r.name + "a", r.name + "b"}[:min(2, g.replicas+1)]
		if in(g.nodes, zones...) {
			return true
		}
	}
	for _, c := range r.clusters {
		zones := []string{r.name + "a", r.name + "b"}[:min(2, c.count)]
		if in(c.nodes, zones...) {
			return true
		}
	}
	return false
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func lower(text string) string { return strings.ToLower(text) }
