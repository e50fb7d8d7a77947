package rds

// DatabaseLookupType is the type of the lookup of a database that deployer did not make.
const DatabaseLookupType = "rds/database"

// DatabaseLookup asks for an instance or a cluster by its identifier.
type DatabaseLookup struct {
	Identifier string `json:"identifier" required:"true"`
	Engine     string `json:"engine" required:"true"` // that it must have
	Port       int    `json:"port,omitempty"`         // that it must listen on; 0: any
	Secret     bool   `json:"needsSecret,omitempty"`  // somebody needs the secret of its managed password
	Reader     bool   `json:"needsReader,omitempty"`  // somebody needs its reader endpoint
}

// Database answers a DatabaseLookup.
type Database struct {
	Endpoint        string `json:"endpoint"`
	ReaderEndpoint  string `json:"readerEndpoint"`
	Port            int    `json:"port"`
	Database        string `json:"database"`
	Username        string `json:"username"`
	SecretARN       string `json:"secretArn"`
	SecurityGroupID string `json:"securityGroupId"` // the first of its security groups
	ResourceID      string `json:"resourceId"`
}
