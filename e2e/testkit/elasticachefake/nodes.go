package elasticachefake

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
)

// The statuses.
const (
	available = "available"
	creating  = "creating"
	modifying = "modifying"
	deleting  = "deleting"
)

// versions are the engine versions that AWS offers, the newest last.
var versions = map[string][]string{
	"redis": {"4.0.10", "5.0.0", "5.0.3", "5.0.4", "5.0.5", "5.0.6", "6.0.5", "6.2.6", "7.0.7", "7.1.0"},
	"valkey": {
		"7.2.6", "8.0.1", "8.1.0", "8.2.0", "9.0.0", "9.1.0",
	},
	"memcached": {
		"1.4.34", "1.5.10", "1.5.16", "1.6.6", "1.6.12", "1.6.17", "1.6.22",
	},
}

// fullVersion is the version that AWS makes of the asked one: "7.1" becomes "7.1.0". An empty one is the newest.
func fullVersion(engine, asked string) (string, error) {
	known := versions[engine]
	if known == nil {
		return "", invalid("Invalid engine name: %s", engine)
	}
	prefix, minor := strings.CutSuffix(asked, ".x")
	for _, v := range slices.Backward(known) {
		if asked == "" || v == asked || strings.HasPrefix(v, prefix+".") && (minor || strings.Count(asked, ".") == 1) {
			return v, nil
		}
	}
	return "", combination("Cannot find version %s for %s", asked, engine)
}

// familyOf is the family of parameter groups of a version.
func familyOf(engine, version string) string {
	parts := strings.Split(version, ".")
	switch {
	case engine == "valkey", engine == "redis" && number(parts[0]) >= 7:
		return engine + parts[0]
	case engine == "redis" && parts[0] == "6":
		return "redis6.x"
	}
	return engine + parts[0] + "." + parts[1]
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // the versions above are numbers
	return n
}

// before reports whether a version is older than another.
func before(a, b string) bool {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return number(x) - number(y)
	}) < 0
}

// nodes is what replication groups and clusters have in common.
type nodes struct {
	change
	state string // while a change runs; else available

	engine, version, nodeType   string
	parameterGroup, subnetGroup string
	securityGroups              []string
	maintenance                 string
	snapshotWindow              string
	retention                   int32
	port                        int32
	minorUpgrades               bool
	logs                        []types.LogDeliveryConfiguration
}

func (n *nodes) status() string {
	if n.running() {
		return n.state
	}
	return available
}

func (n *nodes) busy() bool { return n.running() }

// start begins a change.
func (n *nodes) start(state string, then func()) {
	n.state = state
	n.begin(then)
}

var sizes = []string{"micro", "small", "medium", "large", "xlarge"}

// newNodes reads what a create says about nodes.
func (c *call) newNodes(engine string) (*nodes, error) {
	version, err := fullVersion(engine, c.text("EngineVersion"))
	if err != nil {
		return nil, err
	}
	port := int32(6379)
	if engine == "memcached" {
		port = 11211
	}
	n := &nodes{
		engine: engine, version: version, nodeType: c.text("CacheNodeType"),
		parameterGroup: lower(c.text("CacheParameterGroupName")),
		subnetGroup:    lower(first(c.text("CacheSubnetGroupName"), "default")),
		securityGroups: c.list("SecurityGroupIds"),
		maintenance:    first(c.text("PreferredMaintenanceWindow"), "sat:03:00-sat:04:00"),
		snapshotWindow: first(c.text("SnapshotWindow"), "07:30-08:30"),
		retention:      c.number("SnapshotRetentionLimit", 0), port: c.number("Port", port),
		minorUpgrades: c.yes("AutoMinorVersionUpgrade", true),
		logs:          c.logs(nil),
	}
	if err := c.fits(n.nodeType); err != nil {
		return nil, err
	}
	if c.subnets[n.subnetGroup] == nil && n.subnetGroup != "default" {
		return nil, noSubnetGroup(n.subnetGroup)
	}
	return n, c.parametersFit(n.parameterGroup, engine, version)
}

// fits refuses node types that AWS does not have.
func (c *call) fits(nodeType string) error {
	parts := strings.Split(nodeType, ".")
	if len(parts) != 3 || parts[0] != "cache" ||
		!slices.ContainsFunc(sizes, func(s string) bool { return strings.HasSuffix(parts[2], s) }) {
		return invalid("The cache node type %s is invalid.", nodeType)
	}
	return nil
}

// parametersFit refuses a parameter group of another family.
func (c *call) parametersFit(name, engine, version string) error {
	if name == "" || strings.HasPrefix(name, "default.") {
		return nil
	}
	g := c.parameters[name]
	if g == nil {
		return noParameterGroup(name)
	}
	if want := familyOf(engine, version); *g.CacheParameterGroupFamily != want {
		return combination("Expected a parameter group of family %s but found one of family %s", want,
			*g.CacheParameterGroupFamily)
	}
	return nil
}

// logs returns the log deliveries after a request.
func (c *call) logs(old []types.LogDeliveryConfiguration) []types.LogDeliveryConfiguration {
	out := slices.Clone(old)
	for _, asked := range c.structs("LogDeliveryConfigurations") {
		kind := types.LogType(asked["LogType"])
		out = slices.DeleteFunc(out, func(l types.LogDeliveryConfiguration) bool { return l.LogType == kind })
		if asked["Enabled"] == "false" {
			continue
		}
		l := types.LogDeliveryConfiguration{
			LogType: kind, DestinationType: types.DestinationType(asked["DestinationType"]),
			LogFormat: types.LogFormat(asked["LogFormat"]), Status: types.LogDeliveryConfigurationStatusActive,
			DestinationDetails: &types.DestinationDetails{
				CloudWatchLogsDetails: &types.CloudWatchLogsDestinationDetails{
					LogGroup: new(asked["DestinationDetails.CloudWatchLogsDetails.LogGroup"]),
				},
			},
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b types.LogDeliveryConfiguration) int {
		return strings.Compare(string(a.LogType), string(b.LogType))
	})
	return out
}

// newValues reads what a modification says about nodes. It returns the effect, which comes when the change ends.
func (c *call) newValues(n *nodes) (func(), error) {
	next := *n
	next.nodeType = first(c.text("CacheNodeType"), n.nodeType)
	if err := c.fits(next.nodeType); err != nil {
		return nil, err
	}
	next.engine = first(lower(c.text("Engine")), n.engine)
	if next.engine != n.engine && !(n.engine == "redis" && next.engine == "valkey") {
		return nil, combination("Cross-engine upgrade from %s to %s is not supported.", n.engine, next.engine)
	}
	if asked := c.text("EngineVersion"); asked != "" {
		var err error
		if next.version, err = fullVersion(next.engine, asked); err != nil {
			return nil, err
		}
	} else if next.engine != n.engine {
		return nil, combination("The engine version is required for an upgrade to another engine.")
	}
	if before(next.version, n.version) {
		return nil, combination("Can't downgrade from version %s to %s", n.version, next.version)
	}
	next.parameterGroup = lower(first(c.text("CacheParameterGroupName"), n.parameterGroup))
	if err := c.parametersFit(next.parameterGroup, next.engine, next.version); err != nil {
		return nil, err
	}
	if groups := c.list("SecurityGroupIds"); groups != nil {
		next.securityGroups = groups
	}
	next.maintenance = first(c.text("PreferredMaintenanceWindow"), n.maintenance)
	next.snapshotWindow = first(c.text("SnapshotWindow"), n.snapshotWindow)
	next.retention = c.number("SnapshotRetentionLimit", n.retention)
	next.minorUpgrades = c.yes("AutoMinorVersionUpgrade", n.minorUpgrades)
	next.logs = c.logs(n.logs)
	return func() {
		running := n.change
		*n = next
		n.change = running
	}, nil
}

// settings are the parameters of a modification that change something.
func (c *call) settings() int {
	known := 0
	for key := range c.Form {
		switch key {
		case "Action", "Version", "ReplicationGroupId", "CacheClusterId", "ApplyImmediately":
		default:
			known++
		}
	}
	return known
}
