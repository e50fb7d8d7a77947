package service

import (
	"github.com/company/deployer/e2e/testkit/access"
)

var _ = register(Service{
	Name: "sts", NameBy: []string{"RoleArn"},
	Access: access.Rules{Actions: map[string][]string{"GetCallerIdentity": {}}}, // AWS allows it to everybody
})
