package service

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// keepDatabases makes RDS take its time and refuse what AWS refuses. The emulator's databases are available and gone at
// once, groups in use are deleted, and upgrades need neither permission nor a fitting parameter group.
//
//   - A new database is "creating" for some reads, without an endpoint; a changed one is "modifying", with the change
//     pending; a deleted one is "deleting", and only then gone. Calls meanwhile fail.
//   - A change of the class that is not made at once is pending until the next change that is. While a person takes a
//     snapshot, the database is "backing-up" and refuses changes, and so does a stopped one.
//   - Subnet groups, parameter groups, security groups and the subnet of a database cannot be deleted, and the subnet
//     cannot leave its group.
//   - A major upgrade needs AllowMajorVersionUpgrade and a parameter group of its family. Storage does not shrink.
//     gp3 below 400 GiB has 3000 IOPS, which no call names; from there on each change of the storage names them.
//   - "16" becomes a version that runs, EngineLifecycleSupport is remembered, parameters can be reset, and there are
//     events. What RDS offers and the quotas of the account can be asked for. A second subnet
//     group of a name is refused, and a changed one does not disappear.
func keepDatabases(p *proxy.Proxy) {
	d := &databases{all: map[string]*database{}, reset: map[string]bool{}}
	p.OnReset(func() { clear(d.all); clear(d.reset) })
	for _, kind := range []string{"Instance", "Cluster"} {
		p.Handle("rds", "CreateDB"+kind, func(c *proxy.Call) *proxy.Response { return d.create(c, kind) })
		p.Handle("rds", "ModifyDB"+kind, func(c *proxy.Call) *proxy.Response { return d.modify(c, kind) })
		p.Handle("rds", "DeleteDB"+kind, func(c *proxy.Call) *proxy.Response { return d.delete(c, kind) })
		p.Handle("rds", "DescribeDB"+kind+"s", func(c *proxy.Call) *proxy.Response { return d.describe(c, kind) })
	}
	p.Watch(showDatabases)
	p.Handle("rds", "RestoreDBInstanceFromDBSnapshot", func(c *proxy.Call) *proxy.Response {
		return d.create(c, "Instance")
	})
	p.Handle("rds", "RestoreDBClusterFromSnapshot", func(c *proxy.Call) *proxy.Response {
		return d.create(c, "Cluster")
	})
	p.Handle("rds", "CreateDBSnapshot", d.snapshot)
	p.Handle("rds", "DescribeEvents", d.events)
	p.Handle("rds", "DescribeDBEngineVersions", offeredVersions)
	p.Handle("rds", "DescribeOrderableDBInstanceOptions", offeredClasses)
	p.Handle("rds", "DescribeAccountAttributes", accountQuotas)
	p.Handle("rds", "CreateDBSubnetGroup", func(c *proxy.Call) *proxy.Response {
		name := c.Form.Get("DBSubnetGroupName")
		if _, err := c.Ask("rds", rdsVersion, "DescribeDBSubnetGroups", "DBSubnetGroupName", name); err == nil {
			return c.Failure(http.StatusBadRequest, "DBSubnetGroupAlreadyExists",
				"The DB subnet group '"+name+"' already exists.")
		}
		return nil
	})
	p.Handle("rds", "ModifyDBSubnetGroup", modifySubnetGroup)
	p.Handle("rds", "DeleteDBSubnetGroup", func(c *proxy.Call) *proxy.Response {
		return d.inUse(c, "DBSubnetGroupName", "InvalidDBSubnetGroupStateFault", "DBSubnetGroupName", "DBSubnetGroup")
	})
	p.Handle("rds", "DeleteDBParameterGroup", func(c *proxy.Call) *proxy.Response {
		return d.inUse(c, "DBParameterGroupName", "InvalidDBParameterGroupState", "DBParameterGroupName")
	})
	p.Handle("rds", "DeleteDBClusterParameterGroup", func(c *proxy.Call) *proxy.Response {
		return d.inUse(c, "DBClusterParameterGroupName", "InvalidDBParameterGroupState", "DBClusterParameterGroup")
	})
	for _, kind := range []string{"", "Cluster"} {
		p.Handle("rds", "ResetDB"+kind+"ParameterGroup", func(c *proxy.Call) *proxy.Response {
			return d.resetParameters(c, kind)
		})
		p.Handle("rds", "ModifyDB"+kind+"ParameterGroup", func(c *proxy.Call) *proxy.Response {
			return d.setParameters(c, kind)
		})
		p.Handle("rds", "DescribeDB"+kind+"Parameters", func(c *proxy.Call) *proxy.Response {
			return d.parameters(c, kind)
		})
	}
	p.Interpose(func(c *proxy.Call) *proxy.Response {
		switch {
		case c.Service == "ec2" && c.Operation == "DeleteSecurityGroup":
			return d.inUse(c, "GroupId", "DependencyViolation", "VpcSecurityGroupId")
		case c.Service == "ec2" && c.Operation == "DeleteSubnet":
			d.elapse(c)
			if !databaseIn(c, c.Form.Get("SubnetId")) {
				return nil
			}
			return dependency(c, "The subnet '"+c.Form.Get("SubnetId")+"'", "a database")
		}
		return nil
	})
}

// modifySubnetGroup makes the group again, because the emulator loses a group that it modifies.
func modifySubnetGroup(c *proxy.Call) *proxy.Response {
	name := c.Form.Get("DBSubnetGroupName")
	document, err := c.Ask("rds", rdsVersion, "DescribeDBSubnetGroups", "DBSubnetGroupName", name)
	if err != nil {
		return c.Failure(http.StatusNotFound, "DBSubnetGroupNotFoundFault",
			"DB subnet group '"+name+"' does not exist.")
	}
	tags, err := c.Ask("rds", rdsVersion, "ListTagsForResource", "ResourceName",
		element(document, "DBSubnetGroupArn"))
	if err != nil {
		return c.Failed(err)
	}
	list, err := proxy.Flatten(tags, "TagList", "Tag")
	if err != nil {
		return c.Failed(err)
	}
	form := cloneForm(c.Form)
	var stay []string
	for key := range form {
		if strings.HasPrefix(key, "SubnetIds.") {
			stay = append(stay, form.Get(key))
		}
	}
	for _, subnet := range elements(document, "SubnetIdentifier") {
		if !slices.Contains(stay, subnet) && databaseIn(c, subnet) {
			return c.Failure(http.StatusBadRequest, "SubnetAlreadyInUse", "Subnet "+subnet+" is in use by a database.")
		}
	}
	form.Set("Action", "CreateDBSubnetGroup")
	if form.Get("DBSubnetGroupDescription") == "" {
		form.Set("DBSubnetGroupDescription", element(document, "DBSubnetGroupDescription"))
	}
	for i, tag := range list {
		member := "Tags.Tag." + strconv.Itoa(i+1)
		form.Set(member+".Key", tag["Key"])
		form.Set(member+".Value", tag["Value"])
	}
	answer, err := c.PostForm("rds", form)
	if err != nil {
		return c.Failed(err)
	}
	return proxy.Renamed(answer.Body, "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
}

// databaseIn reports whether an instance has its network interface in a subnet: that of its group which is in its zone.
func databaseIn(c *proxy.Call, subnet string) bool {
	document, err := c.Ask("rds", rdsVersion, "DescribeDBInstances")
	if err != nil {
		return false
	}
	var found struct {
		Instances []struct {
			Zone    string `xml:"AvailabilityZone"`
			Subnets []struct {
				ID   string `xml:"SubnetIdentifier"`
				Zone string `xml:"SubnetAvailabilityZone>Name"`
			} `xml:"DBSubnetGroup>Subnets>Subnet"`
		} `xml:"DescribeDBInstancesResult>DBInstances>DBInstance"`
	}
	if xml.Unmarshal(document, &found) != nil {
		return false
	}
	for _, instance := range found.Instances {
		for _, s := range instance.Subnets {
			if s.ID == subnet && s.Zone == instance.Zone {
				return true
			}
		}
	}
	return false
}

// databases is what the emulator does not know of databases.
type databases struct {
	all   map[string]*database // by caller, region, kind and identifier
	reset map[string]bool      // parameters that were reset, by caller, region, group and name
}

type database struct {
	status   string
	reads    int               // in which it still has that status
	pending  []string          // names of pending changes, with values: "DBInstanceClass=db.t4g.small"
	deleting url.Values        // the call to make when it is gone; nil: it is not being deleted
	facts    map[string]string // elements that the emulator has wrong, by name, with their content; "" is none
	events   []string

	scheduled string // the class that it gets in its maintenance window; "" is none
}

// How many reads see a status that passes.
const (
	creatingReads = 2
	changingReads = 1
	backingReads  = 4
)

// stopped is the status of an instance that somebody has stopped, which the emulator knows.
const stopped = "stopped"

func (d *databases) key(c *proxy.Call, kind, id string) string {
	return c.AccessKey + " " + c.Region + " " + kind + " " + strings.ToLower(id)
}

func (d *databases) of(c *proxy.Call, kind, id string) *database {
	key := d.key(c, kind, id)
	if d.all[key] == nil {
		d.all[key] = &database{facts: map[string]string{}}
		d.all[key].remember(kind, url.Values{"EngineLifecycleSupport": {"open-source-rds-extended-support"}}, nil)
	}
	return d.all[key]
}

// auroraStorage takes a storage type of Aurora out of a call, because the emulator knows only those of instances.
func auroraStorage(form url.Values) {
	if strings.HasPrefix(form.Get("StorageType"), "aurora") {
		form.Del("StorageType")
	}
}

// fixed reports whether a change switches the growth of the storage off: its limit is its size.
func fixed(form url.Values, found map[string]string) bool {
	limit := form.Get("MaxAllocatedStorage")
	return limit != "" && (limit == form.Get("AllocatedStorage") ||
		form.Get("AllocatedStorage") == "" && limit == found["AllocatedStorage"])
}

// exported finds the log exports of a call.
var exported = regexp.MustCompile(`^EnableCloudwatchLogsExports\.member\.\d+$|^CloudwatchLogsExportConfiguration\.` +
	`(Enable|Disable)LogTypes\.member\.\d+$`)

// remember takes from a call what the emulator does not keep. found is the database before; nil: it is new.
func (there *database) remember(kind string, form url.Values, found map[string]string) {
	if v := form.Get("EngineLifecycleSupport"); v != "" {
		there.facts["EngineLifecycleSupport"] = v
	}
	if v := form.Get("EnablePerformanceInsights"); v != "" {
		there.facts["PerformanceInsightsEnabled"] = v
	}
	if form.Has("MaxAllocatedStorage") {
		delete(there.facts, "MaxAllocatedStorage")
		if fixed(form, found) {
			there.facts["MaxAllocatedStorage"] = ""
		}
	}
	if kind == "Instance" {
		return
	}
	if v := form.Get("StorageType"); v != "" {
		there.facts["StorageType"] = strings.TrimSuffix(v, "aurora") // AWS leaves out the standard type
	} else if found == nil {
		there.facts["StorageType"] = ""
	}
	if v := form.Get("EnableIAMDatabaseAuthentication"); v != "" {
		there.facts["IAMDatabaseAuthenticationEnabled"] = v
	}
	logs := there.facts["EnabledCloudwatchLogsExports"]
	for name := range form {
		if !exported.MatchString(name) {
			continue
		}
		item := "<member>" + form.Get(name) + "</member>"
		if logs = strings.ReplaceAll(logs, item, ""); !strings.Contains(name, "Disable") {
			logs += item
		}
	}
	there.facts["EnabledCloudwatchLogsExports"] = logs
}

// wholeVersion is a version that runs, for one that a user may give: the default minor version.
func wholeVersion(engine, version string) string {
	switch parts := strings.Count(version, "."); {
	case version == "":
		return ""
	case engine == "aurora-mysql" && parts == 1:
		return version + ".mysql_aurora.3.10.1"
	case strings.Contains(engine, "postgres") && parts == 0:
		return version + ".8"
	case !strings.Contains(engine, "postgres") && parts == 1:
		return version + ".42"
	}
	return version
}

func (d *databases) create(c *proxy.Call, kind string) *proxy.Response {
	form := cloneForm(c.Form)
	id := form.Get("DB" + kind + "Identifier")
	if there, err := d.one(c, kind, id); err == nil && there != nil {
		code := "DBInstanceAlreadyExists"
		if kind == "Cluster" {
			code = "DBClusterAlreadyExistsFault"
		}
		return c.Failure(http.StatusBadRequest, code, "DB "+kind+" already exists")
	}
	if kind == "Cluster" {
		if err := forgetBackups(c, id); err != nil {
			return c.Failed(err)
		}
	}
	if kind == "Instance" {
		if refusal := refuseStorage(c, form, snapshotOf(c)); refusal != nil {
			return refusal
		}
	}
	if form.Get("EngineVersion") != "" {
		form.Set("EngineVersion", wholeVersion(form.Get("Engine"), form.Get("EngineVersion")))
	}
	auroraStorage(form)
	answer, err := c.ForwardBody([]byte(form.Encode()))
	if err != nil {
		return c.Failed(err)
	}
	if answer.Status >= 300 {
		return answer
	}
	delete(d.all, d.key(c, kind, id))
	made := d.of(c, kind, id)
	made.status, made.reads = "creating", creatingReads
	made.events = []string{"DB " + strings.ToLower(kind) + " created"}
	made.remember(kind, c.Form, nil)
	if kind == "Instance" {
		made.keepStorage(form, answer.Body)
	}
	return proxy.XMLResponse(string(d.shown(c, kind, answer.Body, false)))
}

// forgetBackups deletes the automated snapshots of a cluster that is gone. The emulator keeps them, and cannot make the
// cluster again in the same minute because of their names.
func forgetBackups(c *proxy.Call, cluster string) error {
	document, err := c.Ask("rds", rdsVersion, "DescribeDBClusterSnapshots", "SnapshotType", "automated")
	if err != nil {
		return err
	}
	list, err := proxy.Flatten(document, "DBClusterSnapshots", "DBClusterSnapshot")
	if err != nil {
		return err
	}
	for _, snapshot := range list {
		if snapshot["DBClusterIdentifier"] != cluster {
			continue
		}
		if _, err := c.Ask("rds", rdsVersion, "DeleteDBClusterSnapshot", "DBClusterSnapshotIdentifier",
			snapshot["DBClusterSnapshotIdentifier"]); err != nil {
			return err
		}
	}
	return nil
}

func cloneForm(form url.Values) url.Values {
	out := url.Values{}
	for name, texts := range form {
		out[name] = slices.Clone(texts)
	}
	return out
}

// showDatabases lists the network interfaces of databases, which the emulator does not make.
func showDatabases(c *proxy.Call, answer *proxy.Response) {
	group := c.InterfacesOf()
	if group == "" {
		return
	}
	for _, kind := range []string{"Instance", "Cluster"} {
		document, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"s")
		if err != nil {
			continue
		}
		for _, block := range blocks(kind).FindAll(document, -1) {
			if strings.Contains(string(block), "<VpcSecurityGroupId>"+group+"<") {
				c.ShowInterface(answer, group, "RDSNetworkInterface")
			}
		}
	}
}
