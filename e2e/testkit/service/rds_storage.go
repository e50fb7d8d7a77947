package service

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// striped is the size, in GiB, from which on gp3 storage has four volumes: 12000 IOPS and 500 MiB/s at least.
const striped = 400

// refuseStorage is AWS's answer to storage that it does not make; nil if it does. found is the instance before, or for
// a new one its snapshot.
func refuseStorage(c *proxy.Call, form url.Values, found map[string]string) *proxy.Response {
	size, iops, throughput := form.Get("AllocatedStorage"), form.Get("Iops"), form.Get("StorageThroughput")
	storageType := cmp.Or(form.Get("StorageType"), found["StorageType"])
	if size == "" && iops == "" && throughput == "" && storageType == found["StorageType"] {
		return nil
	}
	refuse := func(format string, args ...any) *proxy.Response {
		return c.Failure(http.StatusBadRequest, "InvalidParameterCombination", fmt.Sprintf(format, args...))
	}
	engine, gib := cmp.Or(form.Get("Engine"), found["Engine"]), wholeNumber(cmp.Or(size, found["AllocatedStorage"]))
	if storageType == "gp3" && gib < striped && (iops != "" || throughput != "") {
		return refuse("You can't specify IOPS or storage throughput for engine %s and a storage size less than %d.",
			engine, striped)
	}
	if c.Operation != "ModifyDBInstance" {
		return nil
	}
	provisioned := storageType == "gp3" && gib >= striped || strings.HasPrefix(storageType, "io") ||
		strings.HasPrefix(found["StorageType"], "io") && size != ""
	if provisioned && (size == "" || iops == "") {
		return refuse("You must specify both the storage size and iops when modifying the storage size or iops on a " +
			"DB instance that has iops.")
	}
	if storageType == "gp3" && gib >= striped && (wholeNumber(iops) < 12000 || wholeNumber(throughput) < 500) {
		return refuse("Invalid iops value for engine name %s and storage type gp3: %s", engine, iops)
	}
	return nil
}

// snapshotOf is the snapshot that a new instance is made from, if any.
func snapshotOf(c *proxy.Call) map[string]string {
	name := c.Form.Get("DBSnapshotIdentifier")
	if name == "" {
		return nil
	}
	document, err := c.Ask("rds", rdsVersion, "DescribeDBSnapshots", "DBSnapshotIdentifier", name)
	if err != nil {
		return nil // the emulator knows that there is none
	}
	all, err := proxy.Flatten(document, "DBSnapshots", "DBSnapshot")
	if err != nil || len(all) == 0 {
		return nil
	}
	return all[0]
}

// keepStorage remembers what comes with the storage of an instance: the emulator does not know it.
func (there *database) keepStorage(form url.Values, document []byte) {
	for name, least := range map[string][2]string{"Iops": {"3000", "12000"}, "StorageThroughput": {"125", "500"}} {
		has := cmp.Or(form.Get(name), there.facts[name])
		switch storageType := element(document, "StorageType"); {
		case storageType == "gp3" && wholeNumber(element(document, "AllocatedStorage")) < striped:
			has = least[0]
		case storageType == "gp3" && wholeNumber(has) < wholeNumber(least[1]):
			has = least[1]
		case !strings.HasPrefix(storageType, "io") && storageType != "gp3" || storageType != "gp3" && name != "Iops":
			has = ""
		}
		there.facts[name] = has
	}
}

// wholeNumber is 0 for what is no number.
func wholeNumber(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
