package rds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/resource"
)

// deleting is the status of a database that AWS deletes. Only then it is gone.
const deleting = "deleting"

// patient is how long a database may take: usually 5 to 20 minutes, a large snapshot or upgrade much longer.
var patient = call.Pace{First: time.Second, Longest: 15 * time.Second, Limit: 3 * time.Hour}

// usableStates are statuses in which a database works and accepts changes. Storage is optimized for hours.
var usableStates = []string{"available", "storage-optimization", "storage-config-upgrade", "active", "backing-up"}

// brokenStates are statuses that do not pass by waiting.
var brokenStates = map[string]string{
	"failed":                              "delete it, and apply again",
	"incompatible-network":                "check the subnets of its subnet group: they may be full or gone",
	"incompatible-option-group":           "check its option group",
	"incompatible-parameters":             "correct its parameters, then apply again",
	"incompatible-restore":                "delete it, and restore from another snapshot",
	"incompatible-create":                 "delete it, and apply again",
	"inaccessible-encryption-credentials": "enable its KMS key again",
	"restore-error":                       "delete it, and restore from another snapshot",
	"insufficient-capacity":               "choose another instance class, or try again later",
	storageFull:                           "give it more storage",
	"stopped":                             "start it: aws rds start-db-instance or start-db-cluster",
}

// storageFull is the status of an instance that works again when it gets more storage.
const storageFull = "storage-full"

// state sorts a status of an instance or a cluster: usable; broken, with an error; or under way.
func state(status string) (usable bool, err error) {
	if slices.Contains(usableStates, status) {
		return true, nil
	}
	next, broken := brokenStates[strings.TrimSuffix(status, "-recoverable")]
	if !broken {
		return false, nil
	}
	return false, &resource.OpError{
		Operation: "rds:DescribeDBInstances", Message: "the database is in the state " + status, Next: next,
	}
}

// inChange reports whether AWS refuses a call because of the state of the database. It allows the call when a change, a
// backup or the like has ended.
func inChange(err error) bool {
	return call.HasCode(err, "InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidDBClusterStateFault",
		"DBInstanceNotReady")
}

// stuck is why a call that AWS refuses because of the state of the database will not be allowed later, either; nil if
// it may be.
func stuck(status string, final bool, option, id string) error {
	_, err := state(status)
	var op *resource.OpError
	if !errors.As(err, &op) {
		return nil
	}
	if final && slices.Contains([]string{"failed", "incompatible-restore", "incompatible-network"}, status) {
		op.Message += ", of which AWS takes no final snapshot"
		op.Next = fmt.Sprintf("save the data that you need; then delete it without a snapshot: aws rds delete-%s "+
			"--%s-identifier %s --skip-final-snapshot; then run the command again", option, option, id)
	}
	return op
}

// storageCools reports whether AWS refuses to change the storage because it has been changed a short time ago.
func storageCools(err error) bool {
	return call.HasCode(err, "InvalidParameterCombination") &&
		strings.Contains(err.Error(), "storage change is being optimized")
}

// whenStorage is when the storage of an instance can be changed again.
const whenStorage = "apply again when its status is available and 6 hours have passed since the last change of its " +
	"storage, or take the change of the storage out of the manifest until then"

// protectedError says what to do about deletion protection that deployer did not switch on.
func protectedError(err error, kind, id string) error {
	if err == nil || !strings.Contains(err.Error(), "DeletionProtection") &&
		!strings.Contains(strings.ToLower(err.Error()), "deletion protection") {
		return err
	}
	op := &resource.OpError{}
	var refused *resource.OpError
	if errors.As(failed(err), &refused) {
		*op = *refused
	}
	op.Code = "DeletionProtected" // not a code that is repeated
	op.Next = fmt.Sprintf("somebody has switched on its deletion protection; if it may go: aws rds modify-%s "+
		"--%s-identifier %s --no-deletion-protection --apply-immediately", kind, kind, id)
	return op
}

// finalName is the beginning of the name of a final snapshot, with a part that tells apart databases of one name.
func finalName(id, part string) string { return id + "-final-" + part }

// finalSnapshot is the name of the final snapshot of one database. AWS never gives the resource id to another database,
// so the snapshots of databases that had the same name do not collide, and a repeated call takes the same name.
func finalSnapshot(id, resourceID string, attempt int) string {
	part := strings.ToLower(resourceID)
	part = part[strings.LastIndex(part, "-")+1:]
	if len(part) > 8 {
		part = part[:8]
	}
	if attempt > 0 {
		part += "-" + strconv.Itoa(attempt+1)
	}
	return finalName(id, part)
}

// events shows what RDS reports of a database while somebody waits for it.
type events struct {
	api  *api
	kind types.SourceType
	id   string
	tell func(string)
	all  bool // also what happened before the first look: the database is new

	looked bool
	status string
	seen   map[string]bool
	last   string
}

// eventMinutes is how far a look goes back.
const eventMinutes = 30

// look tells the status if it has changed, and the events since the last look. An error is no reason to stop waiting.
func (e *events) look(ctx context.Context, status string) {
	if status != e.status {
		e.status = status
		e.tell(strings.ReplaceAll(status, "-", " "))
	}
	out, err := e.api.client.DescribeEvents(ctx, &rds.DescribeEventsInput{
		SourceType: e.kind, SourceIdentifier: &e.id, Duration: aws.Int32(eventMinutes),
	})
	if err != nil {
		return
	}
	if e.seen == nil {
		e.seen = map[string]bool{}
	}
	for _, event := range out.Events {
		text := aws.ToString(event.Message)
		key := text
		if event.Date != nil {
			key = event.Date.UTC().Format(time.RFC3339) + text
		}
		if e.seen[key] || text == "" {
			continue
		}
		e.seen[key] = true
		if e.looked || e.all {
			e.last = text
			e.tell(text)
		}
	}
	e.looked = true
}

// explain adds what RDS reported last.
func (e *events) explain(err error) error {
	if op, ok := err.(*resource.OpError); ok && e.last != "" { //nolint:errorlint // made by state
		op.Message += ": " + e.last
	}
	return err
}

// rotation returns the days between rotations of a managed password.
func (a *api) rotation(ctx context.Context, secret *types.MasterUserSecret) (*int, error) {
	if secret == nil || secret.SecretArn == nil {
		return nil, nil //nolint:nilnil // no managed password, no rotation
	}
	out, err := a.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: secret.SecretArn})
	if err != nil {
		return nil, call.Error(err)
	}
	if out.RotationRules == nil || out.RotationRules.AutomaticallyAfterDays == nil {
		return nil, nil //nolint:nilnil // rotated by a schedule of somebody's
	}
	days := int(*out.RotationRules.AutomaticallyAfterDays)
	return &days, nil
}

// rotate sets the days between rotations, if they differ. It rotates nothing.
func (a *api) rotate(ctx context.Context, secret *types.MasterUserSecret, days *int) error {
	if days == nil || secret == nil || secret.SecretArn == nil {
		return nil
	}
	is, err := a.rotation(ctx, secret)
	if err != nil || is != nil && *is == *days {
		return err
	}
	_, err = a.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: secret.SecretArn, RotateImmediately: aws.Bool(false),
		RotationRules: &secrettypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(int64(*days))},
	})
	return call.Error(err)
}
