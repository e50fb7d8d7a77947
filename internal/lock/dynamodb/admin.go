package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/aws/call"
)

// tableAPI is the calls for administering a table.
type tableAPI struct {
	describe func(context.Context, *dynamodb.DescribeTableInput,
		...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	create func(context.Context, *dynamodb.CreateTableInput,
		...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	backups func(context.Context, *dynamodb.DescribeContinuousBackupsInput,
		...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error)
	setBackups func(context.Context, *dynamodb.UpdateContinuousBackupsInput,
		...func(*dynamodb.Options)) (*dynamodb.UpdateContinuousBackupsOutput, error)
	ttl func(context.Context, *dynamodb.DescribeTimeToLiveInput,
		...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
}

// Admin creates and checks the table that holds locks.
type Admin struct {
	// Tags are the tags of a new table. An existing table keeps its own.
	Tags map[string]string

	api    tableAPI
	name   string
	region string
}

// NewAdmin returns an administrator of that table, in cfg's region.
func NewAdmin(cfg sdk.Config, table string) *Admin {
	c := dynamodb.NewFromConfig(cfg)
	return &Admin{name: table, region: cfg.Region, api: tableAPI{
		describe: c.DescribeTable, create: c.CreateTable,
		backups: c.DescribeContinuousBackups, setBackups: c.UpdateContinuousBackups, ttl: c.DescribeTimeToLive,
	}}
}

// Create makes the table if there is none, waits until it is usable and turns on point-in-time recovery if that is off.
// The findings are those of the check afterwards: a user must correct a wrong key or a TTL.
func (a *Admin) Create(ctx context.Context) ([]aws.Finding, error) {
	table, err := a.table(ctx)
	if err != nil {
		return nil, err
	}
	if table == nil {
		var tags []types.Tag
		for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
			tags = append(tags, types.Tag{Key: &key, Value: sdk.String(a.Tags[key])})
		}
		_, err := a.api.create(ctx, &dynamodb.CreateTableInput{
			TableName: &a.name, Tags: tags, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: sdk.String("lockKey"), AttributeType: types.ScalarAttributeTypeS},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: sdk.String("lockKey"), KeyType: types.KeyTypeHash},
			},
		})
		var inUse *types.ResourceInUseException // somebody else creates it at this moment
		if err != nil && !errors.As(err, &inUse) {
			return nil, aws.Problem("dynamodb:CreateTable", err)
		}
	}
	if err := a.active(ctx); err != nil {
		return nil, err
	}
	if ok, err := a.recoverable(ctx); err != nil {
		return nil, err
	} else if !ok {
		if err := a.makeRecoverable(ctx); err != nil {
			return nil, err
		}
	}
	return a.Check(ctx)
}

// table describes the table; nil when there is none.
func (a *Admin) table(ctx context.Context) (*types.TableDescription, error) {
	out, err := a.api.describe(ctx, &dynamodb.DescribeTableInput{TableName: &a.name})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, aws.Problem("dynamodb:DescribeTable", err)
	}
	return out.Table, nil
}

func (a *Admin) active(ctx context.Context) error {
	return call.Wait(ctx, call.Pace{First: 500 * time.Millisecond, Longest: 3 * time.Second, Limit: 2 * time.Minute},
		"table "+a.name,
		func(ctx context.Context) (bool, error) {
			table, err := a.table(ctx)
			return table != nil && table.TableStatus == types.TableStatusActive, err
		})
}

func (a *Admin) recoverable(ctx context.Context) (bool, error) {
	out, err := a.api.backups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &a.name})
	if err != nil {
		return false, aws.Problem("dynamodb:DescribeContinuousBackups", err)
	}
	d := out.ContinuousBackupsDescription
	return d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled, nil
}

// makeRecoverable waits, because a table that was just made cannot be backed up for some seconds.
func (a *Admin) makeRecoverable(ctx context.Context) error {
	return call.Wait(ctx, call.Eventually, "backups of table "+a.name, func(ctx context.Context) (bool, error) {
		_, err := a.api.setBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
			TableName: &a.name,
			PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: sdk.Bool(true),
			},
		})
		var early *types.ContinuousBackupsUnavailableException
		if errors.As(err, &early) {
			return false, nil
		}
		return err == nil, aws.Problem("dynamodb:UpdateContinuousBackups", err)
	})
}

// Check looks at everything that locks rely on. A missing table is a finding, too.
func (a *Admin) Check(ctx context.Context) ([]aws.Finding, error) {
	table, err := a.table(ctx)
	if err != nil {
		return nil, err
	}
	what := "Table " + a.name
	if table == nil {
		return []aws.Finding{{What: what, Detail: "does not exist in " + a.region, Fix: createHint(a.name)}}, nil
	}
	out := []aws.Finding{
		{What: what, OK: true, Detail: "exists in " + a.region},
		a.checkKey(table),
		checkBilling(table),
	}
	ok, err := a.recoverable(ctx)
	if err != nil {
		return out, err
	}
	recovery := aws.Finding{What: "Point-in-time recovery", OK: ok, Detail: "on"}
	if !ok {
		recovery.Detail, recovery.Fix = "off", createHint(a.name)
	}
	ttl, err := a.checkTTL(ctx)
	return append(out, recovery, ttl), err
}

const wrongKey = "is not a single string attribute named lockKey"

func (a *Admin) checkKey(table *types.TableDescription) aws.Finding {
	f := aws.Finding{What: "Key", Detail: "lockKey (string)"}
	for _, k := range table.KeySchema {
		if len(table.KeySchema) == 1 && sdk.ToString(k.AttributeName) == "lockKey" {
			for _, d := range table.AttributeDefinitions {
				f.OK = f.OK || sdk.ToString(d.AttributeName) == "lockKey" &&
					d.AttributeType == types.ScalarAttributeTypeS
			}
		}
	}
	if !f.OK {
		f.Detail = wrongKey
		f.Fix = "A table's key cannot be changed: use another table. " + createHint("NAME")
	}
	return f
}

func checkBilling(table *types.TableDescription) aws.Finding {
	if b := table.BillingModeSummary; b != nil && b.BillingMode == types.BillingModePayPerRequest {
		return aws.Finding{What: "Billing", OK: true, Detail: "on demand"}
	}
	return aws.Finding{
		What: "Billing", Detail: "provisioned capacity: heartbeats can be throttled",
		Fix: "Switch the table to on-demand capacity.",
	}
}

func (a *Admin) checkTTL(ctx context.Context) (aws.Finding, error) {
	f := aws.Finding{What: "Time to live", OK: true, Detail: "off"}
	out, err := a.api.ttl(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &a.name})
	if err != nil {
		return f, aws.Problem("dynamodb:DescribeTimeToLive", err)
	}
	if d := out.TimeToLiveDescription; d != nil &&
		(d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		f.OK, f.Detail = false, "on, by "+sdk.ToString(d.AttributeName)+
			": it deletes lock items, and the fence that keeps a stale run from writing"
		f.Fix = "Turn off time to live for table " + a.name + "."
	}
	return f, nil
}

func createHint(name string) string {
	return fmt.Sprintf("Run `deployer backend create --table %s`.", name)
}
