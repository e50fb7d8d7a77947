package ecs

import (
	"strings"
	"testing"

	"github.com/company/deployer/internal/resource"
)

// CloudWatch takes 255 characters for the name of an alarm.
func TestAlarmsOfLongNames(t *testing.T) {
	name := resource.Name(NameLimit, nil, strings.Repeat("stack", 30), strings.Repeat("component", 30))
	alarm := "TargetTracking-service/" + name + "/" + name + "-AlarmHigh-d4f0770c-b46e-434a-a60f-3b36d653feca"
	if len(alarm) != 255 {
		t.Errorf("the longest name of an alarm has %d characters, want 255", len(alarm))
	}
}
