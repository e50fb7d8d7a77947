package dynamodb

import (
	"context"
	"errors"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/company/deployer/internal/aws"
	"github.com/company/deployer/internal/lock"
)

// Access tries what locking does, and changes nothing: the update has a condition that no item meets.
func (t *Table) Access(ctx context.Context, key lock.Key) []aws.Finding {
	_, readErr := t.Get(ctx, key)
	id, _ := t.itemKey(key)
	_, err := t.api.update(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: map[string]types.AttributeValue{"lockKey": text(id)},
		UpdateExpression:          sdk.String("SET checked = :t"),
		ConditionExpression:       sdk.String("attribute_exists(lockKey) AND attribute_not_exists(lockKey)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberBOOL{Value: true}},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		err = nil
	}
	place := "item " + id + " of table " + t.name
	out := []aws.Finding{aws.Tried("Read the lock", place, readErr)}
	if err != nil {
		err = t.problem("dynamodb:UpdateItem", err)
	}
	return append(out, aws.Tried("Take the lock", place, err))
}
