package service

import (
	"bytes"
	"fmt"
	"maps"
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
//   - Subnet groups, parameter groups and security groups of a database cannot be deleted.
//   - A major upgrade needs AllowMajorVersionUpgrade and a parameter group of its family. Storage does not shrink.
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
	p.Handle("rds", "RestoreDBInstanceFromDBSnapshot", func(c *proxy.Call) *proxy.Response {
		return d.create(c, "Instance")
	})
	p.Handle("rds", "RestoreDBClusterFromSnapshot", func(c *proxy.Call) *proxy.Response {
		return d.create(c, "Cluster")
	})
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
		return inUse(c, "DBSubnetGroupName", "InvalidDBSubnetGroupStateFault", "DBSubnetGroupName", "DBSubnetGroup")
	})
	p.Handle("rds", "DeleteDBParameterGroup", func(c *proxy.Call) *proxy.Response {
		return inUse(c, "DBParameterGroupName", "InvalidDBParameterGroupState", "DBParameterGroupName")
	})
	p.Handle("rds", "DeleteDBClusterParameterGroup", func(c *proxy.Call) *proxy.Response {
		return inUse(c, "DBClusterParameterGroupName", "InvalidDBParameterGroupState", "DBClusterParameterGroup")
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
		if c.Service != "ec2" || c.Operation != "DeleteSecurityGroup" {
			return nil
		}
		return inUse(c, "GroupId", "DependencyViolation", "VpcSecurityGroupId")
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
}

// How many reads see a status that passes.
const (
	creatingReads = 2
	changingReads = 1
)

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

// pendingNames are the changes that AWS shows as pending until they are made.
var pendingNames = []string{
	"AllocatedStorage", "BackupRetentionPeriod", "DBInstanceClass", "EngineVersion", "MasterUserPassword", "MultiAZ",
	"StorageType", "Iops",
}

func (d *databases) modify(c *proxy.Call, kind string) *proxy.Response {
	id := c.Form.Get("DB" + kind + "Identifier")
	there := d.of(c, kind, id)
	if there.deleting != nil || there.reads > 0 && there.status != "modifying" {
		return d.wrongState(c, kind, id, there.status)
	}
	found, err := d.one(c, kind, id)
	if err != nil || found == nil {
		return nil // the emulator has the right error
	}
	form := cloneForm(c.Form)
	if refusal := refuseChange(c, kind, form, found); refusal != nil {
		return refusal
	}
	if v := form.Get("EngineVersion"); v != "" {
		form.Set("EngineVersion", wholeVersion(found["Engine"], v))
	}
	auroraStorage(form)
	if fixed(form, found) {
		form.Del("MaxAllocatedStorage") // the emulator refuses what switches the growth off
	}
	answer, err := c.ForwardBody([]byte(form.Encode()))
	if err != nil {
		return c.Failed(err)
	}
	if answer.Status >= 300 {
		return answer
	}
	there.remember(kind, c.Form, found)
	there.pending = nil
	for _, name := range pendingNames {
		if v := form.Get(name); v != "" && v != found[name] {
			if name == "MasterUserPassword" {
				v = "****"
			}
			there.pending = append(there.pending, name+"="+v)
		}
	}
	if len(there.pending) > 0 {
		there.status, there.reads = "modifying", changingReads
		there.events = append(there.events, "Finished applying modification")
	}
	return proxy.XMLResponse(string(d.shown(c, kind, answer.Body, false)))
}

// refuseChange is AWS's answer to a change that it cannot make; nil if it can.
func refuseChange(c *proxy.Call, kind string, form url.Values, found map[string]string) *proxy.Response {
	if size, err := strconv.Atoi(form.Get("AllocatedStorage")); err == nil {
		if has, err := strconv.Atoi(found["AllocatedStorage"]); err == nil && size < has {
			return c.Failure(http.StatusBadRequest, "InvalidParameterCombination", fmt.Sprintf(
				"Requested storage size (%d) cannot be less than the current storage size (%d).", size, has))
		}
	}
	version := form.Get("EngineVersion")
	if version == "" || major(found["Engine"], version) == major(found["Engine"], found["EngineVersion"]) {
		return nil
	}
	if form.Get("AllowMajorVersionUpgrade") != "true" {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination",
			"The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
	}
	name, operation := "DBParameterGroupName", "DescribeDBParameterGroups"
	if kind == "Cluster" {
		name, operation = "DBClusterParameterGroupName", "DescribeDBClusterParameterGroups"
	}
	group := form.Get(name)
	if group == "" {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination",
			"The current DB instance parameter group is custom. You must explicitly specify a new DB instance "+
				"parameter group, either default or custom, for the engine version upgrade.")
	}
	document, err := c.Ask("rds", rdsVersion, operation, name, group)
	if err != nil {
		return nil // the emulator knows that the group does not exist
	}
	family := element(document, "DBParameterGroupFamily")
	wanted := found["Engine"] + major(found["Engine"], version)
	if family != wanted {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination", fmt.Sprintf(
			"The Parameter Group %s with DBParameterGroupFamily %s can't be used for this instance. Please use a "+
				"Parameter Group with DBParameterGroupFamily %s", group, family, wanted))
	}
	return nil
}

// major is the major part of a version.
func major(engine, version string) string {
	parts := strings.Split(version, ".")
	if strings.Contains(engine, "postgres") || len(parts) < 2 {
		return parts[0]
	}
	return parts[0] + "." + parts[1]
}

func (d *databases) delete(c *proxy.Call, kind string) *proxy.Response {
	id := c.Form.Get("DB" + kind + "Identifier")
	found, err := d.one(c, kind, id)
	if err != nil || found == nil {
		return nil
	}
	there := d.of(c, kind, id)
	if there.deleting != nil || there.reads > 0 && there.status == "creating" {
		return d.wrongState(c, kind, id, there.status)
	}
	if found["DeletionProtection"] == "true" {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination",
			"Cannot delete protected DB "+kind+", please disable deletion protection and try again.")
	}
	if kind == "Cluster" && members(c, id) {
		return c.Failure(http.StatusBadRequest, "InvalidDBClusterStateFault",
			"Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
	}
	if name := c.Form.Get("FinalDBSnapshotIdentifier"); name != "" {
		operation, parameter, code := "DescribeDBSnapshots", "DBSnapshotIdentifier", "DBSnapshotAlreadyExists"
		if kind == "Cluster" {
			operation, parameter, code = "DescribeDBClusterSnapshots", "DBClusterSnapshotIdentifier",
				"DBClusterSnapshotAlreadyExistsFault"
		}
		document, err := c.Ask("rds", rdsVersion, operation, parameter, name)
		if err == nil && bytes.Contains(document, []byte("<"+parameter+">")) {
			return c.Failure(http.StatusBadRequest, code, "Cannot create the snapshot because a snapshot with the "+
				"identifier "+name+" already exists.")
		}
	} else if c.Form.Get("SkipFinalSnapshot") != "true" {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination",
			"FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
	}
	there.status, there.reads, there.deleting, there.pending = "deleting", changingReads, cloneForm(c.Form), nil
	document, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"s", "DB"+kind+"Identifier", id)
	if err != nil {
		return c.Failed(err)
	}
	block := blocks(kind).Find(d.shown(c, kind, document, false))
	return answerOf("DeleteDB"+kind, string(block))
}

// members reports whether a cluster has instances that stay.
func members(c *proxy.Call, cluster string) bool {
	document, err := c.Ask("rds", rdsVersion, "DescribeDBInstances")
	if err != nil {
		return false
	}
	return bytes.Contains(document, []byte("<DBClusterIdentifier>"+cluster+"</DBClusterIdentifier>"))
}

func (d *databases) wrongState(c *proxy.Call, kind, id, status string) *proxy.Response {
	code := "InvalidDBInstanceState"
	if kind == "Cluster" {
		code = "InvalidDBClusterStateFault"
	}
	return c.Failure(http.StatusBadRequest, code, kind+" "+id+" is currently in the state "+status+".")
}

func (d *databases) describe(c *proxy.Call, kind string) *proxy.Response {
	document, err := c.Forward()
	if err != nil {
		return c.Failed(err)
	}
	gone := false
	for _, block := range blocks(kind).FindAll(document.Body, -1) {
		there := d.all[d.key(c, kind, element(block, "DB"+kind+"Identifier"))]
		if there == nil || there.deleting == nil || there.reads > 0 {
			continue
		}
		if _, err := c.PostForm("rds", there.deleting); err != nil {
			return c.Failed(err)
		}
		delete(d.all, d.key(c, kind, element(block, "DB"+kind+"Identifier")))
		gone = true
	}
	if gone {
		if document, err = c.Forward(); err != nil {
			return c.Failed(err)
		}
	}
	if document.Status >= 300 {
		return document
	}
	return proxy.XMLResponse(string(d.shown(c, kind, document.Body, true)))
}

// one returns the emulator's view of a database; nil if it does not exist.
func (d *databases) one(c *proxy.Call, kind, id string) (map[string]string, error) {
	document, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"s", "DB"+kind+"Identifier", id)
	if err != nil {
		return nil, err
	}
	all, err := proxy.Flatten(document, "DB"+kind+"s", "DB"+kind)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// blocks finds the databases in an answer.
func blocks(kind string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)<DB` + kind + `>.*?</DB` + kind + `>`)
}

var endpoint = regexp.MustCompile(`(?s)<Endpoint>.*?</Endpoint>|<ReaderEndpoint>.*?</ReaderEndpoint>`)

// shown puts into an answer what the emulator does not know. read: somebody has read the status.
func (d *databases) shown(c *proxy.Call, kind string, document []byte, read bool) []byte {
	return blocks(kind).ReplaceAllFunc(document, func(block []byte) []byte {
		there := d.of(c, kind, element(block, "DB"+kind+"Identifier"))
		status := "DBInstanceStatus"
		if kind == "Cluster" {
			status = "Status"
		}
		more := maps.Clone(there.facts)
		if there.reads > 0 {
			block = set(block, status, there.status)
			if there.status == "creating" && kind == "Instance" {
				block = endpoint.ReplaceAll(block, nil)
			}
			for _, change := range there.pending {
				name, text, _ := strings.Cut(change, "=")
				more["PendingModifiedValues"] += "<" + name + ">" + text + "</" + name + ">"
			}
			if read {
				if there.reads--; there.reads == 0 && there.deleting == nil {
					there.status, there.pending = "", nil
				}
			}
		} else if there.deleting == nil {
			block = set(block, status, "available")
		}
		end := []byte("</DB" + kind + ">")
		block = bytes.TrimSuffix(bytes.Clone(block), end)
		for _, name := range slices.Sorted(maps.Keys(more)) {
			block = regexp.MustCompile(`(?s)<`+name+`>.*?</`+name+`>|<`+name+`\s*/>`).ReplaceAll(block, nil)
			if more[name] != "" {
				block = fmt.Appendf(block, "<%s>%s</%s>", name, more[name], name)
			}
		}
		return append(block, end...)
	})
}

// events are those of one database, or none.
func (d *databases) events(c *proxy.Call) *proxy.Response {
	kind := "Instance"
	if c.Form.Get("SourceType") == "db-cluster" {
		kind = "Cluster"
	}
	text := ""
	if there := d.all[d.key(c, kind, c.Form.Get("SourceIdentifier"))]; there != nil {
		for i, event := range there.events {
			text += fmt.Sprintf("<Event><Message>%s</Message><Date>2026-01-01T00:00:%02dZ</Date></Event>", event, i)
		}
	}
	return proxy.XMLResponse(`<DescribeEventsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">` +
		"<DescribeEventsResult><Events>" + text + "</Events></DescribeEventsResult></DescribeEventsResponse>")
}

// inUse refuses the delete of something that a database uses: an element of that name has its name.
func inUse(c *proxy.Call, parameter, code string, elements ...string) *proxy.Response {
	name := c.Form.Get(parameter)
	for _, operation := range []string{"DescribeDBInstances", "DescribeDBClusters"} {
		document, err := c.Ask("rds", rdsVersion, operation)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(elements, func(e string) bool {
			return bytes.Contains(document, []byte("<"+e+">"+name+"</"+e+">"))
		}) {
			return c.Failure(http.StatusBadRequest, code, name+" is in use by a database.")
		}
	}
	return nil
}

// parameterName finds the names of the parameters of a call.
var parameterName = regexp.MustCompile(`^Parameters\.(?:member|Parameter)\.\d+\.ParameterName$`)

func (d *databases) parameterKeys(c *proxy.Call, kind string) []string {
	group := c.AccessKey + " " + c.Region + " " + kind + " " + c.Form.Get("DB"+kind+"ParameterGroupName") + " "
	var keys []string
	for name := range c.Form {
		if parameterName.MatchString(name) {
			keys = append(keys, group+c.Form.Get(name))
		}
	}
	return keys
}

func (d *databases) setParameters(c *proxy.Call, kind string) *proxy.Response {
	for _, key := range d.parameterKeys(c, kind) {
		delete(d.reset, key)
	}
	return nil
}

func (d *databases) resetParameters(c *proxy.Call, kind string) *proxy.Response {
	name := "DB" + kind + "ParameterGroupName"
	if _, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"ParameterGroups", name, c.Form.Get(name)); err != nil {
		return c.Failure(http.StatusNotFound, "DBParameterGroupNotFound",
			"DBParameterGroup not found: "+c.Form.Get(name))
	}
	for _, key := range d.parameterKeys(c, kind) {
		d.reset[key] = true
	}
	return answerOf("ResetDB"+kind+"ParameterGroup", "<"+name+">"+c.Form.Get(name)+"</"+name+">")
}

// answerOf is the answer of an operation of RDS.
func answerOf(operation, content string) *proxy.Response {
	return proxy.XMLResponse("<" + operation + `Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><` +
		operation + "Result>" + content + "</" + operation + "Result></" + operation + "Response>")
}

var parameter = regexp.MustCompile(`(?s)<(Parameter|member)>.*?</(Parameter|member)>`)

// parameters leaves out those that were reset.
func (d *databases) parameters(c *proxy.Call, kind string) *proxy.Response {
	answer, err := c.Forward()
	if err != nil {
		return c.Failed(err)
	}
	if answer.Status >= 300 {
		return answer
	}
	group := c.AccessKey + " " + c.Region + " " + kind + " " + c.Form.Get("DB"+kind+"ParameterGroupName") + " "
	body := parameter.ReplaceAllFunc(answer.Body, func(block []byte) []byte {
		if d.reset[group+element(block, "ParameterName")] {
			return nil
		}
		return block
	})
	return proxy.XMLResponse(string(body))
}

// element is the text of the first element of a name.
func element(document []byte, name string) string {
	_, rest, found := bytes.Cut(document, []byte("<"+name+">"))
	if !found {
		return ""
	}
	text, _, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return string(text)
}

// set changes the text of the first element of a name.
func set(document []byte, name, text string) []byte {
	before, rest, found := bytes.Cut(document, []byte("<"+name+">"))
	if !found {
		return document
	}
	_, after, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return slices.Concat(before, []byte("<"+name+">"+text+"</"+name+">"), after)
}

func cloneForm(form url.Values) url.Values {
	out := url.Values{}
	for name, texts := range form {
		out[name] = slices.Clone(texts)
	}
	return out
}
