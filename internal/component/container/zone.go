package container

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the machine that deploys may have no time zones of its own

	"github.com/company/deployer/internal/diag"
)

// zoneNames are the names in time/tzdata, which cannot be asked for them. They serve to find the likely name.
//
//go:embed zones.txt
var zoneNames string

// checkZone returns an error when a time zone does not exist. An empty one is UTC.
func checkZone(name string) error {
	names := strings.Fields(zoneNames)
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	likely := likelyZone(name, names)
	// A zone can be newer than the list. Some file systems find europe/berlin, but AWS does not.
	if _, err := time.LoadLocation(name); err == nil && name != "Local" && !strings.EqualFold(name, likely) {
		return nil
	}
	if likely == "" {
		return fmt.Errorf("%q is not a time zone such as Europe/Berlin", name)
	}
	return fmt.Errorf("%q is not a time zone; the likely name is %s", name, likely)
}

// likelyZone is the name that the user probably meant, "" when none is near. The city alone is enough.
func likelyZone(written string, names []string) string {
	written = strings.ReplaceAll(written, " ", "_")
	for _, name := range names {
		if strings.HasSuffix(strings.ToLower(name), "/"+strings.ToLower(written)) {
			return name
		}
	}
	if len(written) > 100 { // no name is that long, and the search takes time with the length
		return ""
	}
	return diag.Nearest(written, names)
}
