package dynamodb

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/company/deployer/internal/lock"
)

// holderFields are the attributes that a release removes; lockKey, fence, lastSerial, bucket and unclaimed stay.
var holderFields = []string{
	"lockId", "lockedBy", "lockedAt", "expiresAt", "lastHeartbeat", "heartbeat", "rvn", "metadata", "bootId",
	"pidNamespace", "processStart",
}

// update is an UpdateItem under construction. Every name and value goes in as a placeholder, because DynamoDB reserves
// words.
type update struct {
	table, key string
	sets, adds []string
	removes    []string
	conditions []string
	names      map[string]string
	values     map[string]types.AttributeValue
}

func (t *Table) newUpdate(key string) *update {
	return &update{table: t.name, key: key, names: map[string]string{}, values: map[string]types.AttributeValue{}}
}

func (u *update) name(attribute string) string {
	u.names["#"+attribute] = attribute
	return "#" + attribute
}

func (u *update) value(v types.AttributeValue) string {
	placeholder := ":v" + strconv.Itoa(len(u.values))
	u.values[placeholder] = v
	return placeholder
}

func (u *update) set(attribute string, v types.AttributeValue) {
	u.sets = append(u.sets, u.name(attribute)+" = "+u.value(v))
}

func (u *update) add(attribute string, n int64) {
	u.adds = append(u.adds, u.name(attribute)+" "+u.value(number(n)))
}

func (u *update) remove(attributes ...string) {
	for _, a := range attributes {
		u.removes = append(u.removes, u.name(a))
	}
}

func (u *update) equals(attribute string, v types.AttributeValue) {
	u.conditions = append(u.conditions, u.name(attribute)+" = "+u.value(v))
}

func (u *update) setHolder(r lock.Record) {
	u.set("lockId", text(r.ID))
	u.set("lockedAt", number(r.LockedAt.Unix()))
	u.set("expiresAt", number(r.ExpiresAt.Unix()))
	u.set("lastHeartbeat", number(r.LastHeartbeat.Unix()))
	u.set("heartbeat", number(int64(r.Heartbeat/time.Second)))
	u.set("rvn", text(r.RVN))
	metadata := map[string]types.AttributeValue{}
	for name, v := range r.Metadata {
		metadata[name] = text(v)
		if n, err := strconv.ParseInt(v, 10, 64); name == "pid" && err == nil {
			metadata[name] = number(n)
		}
	}
	u.set("metadata", &types.AttributeValueMemberM{Value: metadata})
	for _, f := range [][2]string{
		{"lockedBy", r.LockedBy},
		{"bootId", r.BootID},
		{"pidNamespace", r.PIDNamespace},
		{"processStart", r.ProcessStart},
	} {
		if f[1] == "" {
			u.remove(f[0]) // left by a former holder
			continue
		}
		u.set(f[0], text(f[1]))
	}
}

func (u *update) input() *dynamodb.UpdateItemInput {
	var clauses []string
	for i, parts := range [][]string{u.sets, u.adds, u.removes} {
		if len(parts) > 0 {
			clauses = append(clauses, [...]string{"SET ", "ADD ", "REMOVE "}[i]+strings.Join(parts, ", "))
		}
	}
	expression, condition := strings.Join(clauses, " "), strings.Join(u.conditions, " AND ")
	return &dynamodb.UpdateItemInput{
		TableName: &u.table, Key: map[string]types.AttributeValue{"lockKey": text(u.key)},
		UpdateExpression: &expression, ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

func toRecord(key lock.Key, item map[string]types.AttributeValue) lock.Record {
	r := lock.Record{Key: key, Fence: num(item, "fence"), LastSerial: num(item, "lastSerial")}
	if b, ok := item["unclaimed"].(*types.AttributeValueMemberBOOL); ok {
		r.Unclaimed = b.Value
	}
	if r.ID = str(item, "lockId"); r.ID == "" {
		return r
	}
	r.LockedBy, r.RVN = str(item, "lockedBy"), str(item, "rvn")
	r.LockedAt, r.ExpiresAt, r.LastHeartbeat = time.Unix(num(item, "lockedAt"), 0),
		time.Unix(num(item, "expiresAt"), 0), time.Unix(num(item, "lastHeartbeat"), 0)
	r.Heartbeat = time.Duration(num(item, "heartbeat")) * time.Second
	r.BootID, r.PIDNamespace, r.ProcessStart = str(item, "bootId"), str(item, "pidNamespace"), str(item, "processStart")
	r.Metadata = map[string]string{}
	if m, ok := item["metadata"].(*types.AttributeValueMemberM); ok {
		for name := range m.Value {
			r.Metadata[name] = str(m.Value, name)
		}
	}
	return r
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// str returns a string or number attribute as text.
func str(item map[string]types.AttributeValue, name string) string {
	switch v := item[name].(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func num(item map[string]types.AttributeValue, name string) int64 {
	var n int64
	if _, err := fmt.Sscan(str(item, name), &n); err != nil {
		return 0
	}
	return n
}
