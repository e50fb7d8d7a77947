package service

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

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
	if found["DBInstanceStatus"] == stopped {
		return d.wrongState(c, kind, id, stopped)
	}
	form := cloneForm(c.Form)
	there.schedule(form, found)
	if refusal := refuseChange(c, kind, form, found); refusal != nil {
		return refusal
	}
	if kind == "Instance" {
		if refusal := refuseStorage(c, form, found); refusal != nil {
			return refusal
		}
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
	if kind == "Instance" {
		there.keepStorage(form, answer.Body)
	}
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

// schedule keeps a change of the class for the maintenance window, unless it is to be made at once: then AWS makes all
// that is scheduled. A change to the present class takes it back.
func (there *database) schedule(form url.Values, found map[string]string) {
	const class = "DBInstanceClass"
	switch wanted := form.Get(class); {
	case form.Get("ApplyImmediately") != "true":
		if there.scheduled = wanted; wanted != "" {
			form.Set(class, found[class])
		}
	case wanted != "":
		there.scheduled = ""
	case there.scheduled != "":
		form.Set(class, there.scheduled)
		there.scheduled = ""
	}
}

// snapshot makes a manual snapshot. The database is backing up meanwhile, and refuses changes.
func (d *databases) snapshot(c *proxy.Call) *proxy.Response {
	answer, err := c.Forward()
	if err != nil {
		return c.Failed(err)
	}
	if answer.Status < 300 {
		there := d.of(c, "Instance", c.Form.Get("DBInstanceIdentifier"))
		there.status, there.reads = "backing-up", backingReads
	}
	return answer
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
	if stay, err := d.members(c, kind, id); err != nil {
		return c.Failed(err)
	} else if stay {
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

// members reports whether a cluster has instances that stay. AWS deletes a cluster whose instances are all being
// deleted: here they are gone then.
func (d *databases) members(c *proxy.Call, kind, cluster string) (stay bool, err error) {
	if kind != "Cluster" {
		return false, nil
	}
	document, err := c.Ask("rds", rdsVersion, "DescribeDBInstances")
	if err != nil {
		return false, err
	}
	for _, block := range blocks("Instance").FindAll(document, -1) {
		if element(block, "DBClusterIdentifier") != cluster {
			continue
		}
		key := d.key(c, "Instance", element(block, "DBInstanceIdentifier"))
		there := d.all[key]
		if there == nil || there.deleting == nil {
			return true, nil
		}
		if _, err := c.PostForm("rds", there.deleting); err != nil {
			return false, err
		}
		delete(d.all, key)
	}
	return false, nil
}

// elapse brings the databases that are being deleted nearer to their end: AWS does not wait to be asked about them. A
// call that is about what they use takes as much time as a read of their status.
func (d *databases) elapse(c *proxy.Call) {
	for _, kind := range []string{"Instance", "Cluster"} {
		prefix := d.key(c, kind, "")
		for key, there := range d.all {
			if !strings.HasPrefix(key, prefix) || there.deleting == nil {
				continue
			}
			if there.reads--; there.reads > 0 {
				continue
			}
			if _, err := c.PostForm("rds", there.deleting); err == nil {
				delete(d.all, key)
			}
		}
	}
}

func (d *databases) wrongState(c *proxy.Call, kind, id, status string) *proxy.Response {
	code := "InvalidDBInstanceState"
	if kind == "Cluster" {
		code = "InvalidDBClusterStateFault"
	}
	return c.Failure(http.StatusBadRequest, code, kind+" "+id+" is currently in the state "+status+".")
}
