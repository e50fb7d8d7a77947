package fakeaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

type table struct{ items map[string]item }

// item maps attribute names to values in DynamoDB's JSON form: {"S": "text"}.
type item map[string]any

// Item returns a copy of the item, nil when there is none.
func (c *Cloud) Item(tableName, key string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.tables[tableName].items[key])
}

// DeleteItem removes an item, as somebody in the AWS console would.
func (c *Cloud) DeleteItem(tableName, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tables[tableName].items, key)
}

// request is what UpdateItem and GetItem have in common.
type request struct {
	TableName, UpdateExpression, ConditionExpression  string
	ReturnValues, ReturnValuesOnConditionCheckFailure string
	Key                                               item
	ExpressionAttributeNames                          map[string]string
	ExpressionAttributeValues                         map[string]any
}

func (c *Cloud) dynamodb(operation string, body []byte) (Call, answer) {
	var r request
	call := Call{Service: "dynamodb", Operation: operation}
	err := json.Unmarshal(body, &r)
	key := ""
	for _, v := range r.Key {
		key = text(v)
	}
	call.Target = r.TableName + "/" + key
	return call, func() (int, map[string]string, []byte) {
		t := c.tables[r.TableName]
		switch {
		case err != nil:
			return dynamoError("SerializationException", err.Error(), nil)
		case t == nil:
			return dynamoError("ResourceNotFoundException", "Requested resource not found", nil)
		case operation == "GetItem":
			return dynamoAnswer("Item", t.items[key])
		case operation == "UpdateItem":
			return t.update(key, &r)
		}
		return http.StatusNotImplemented, nil, []byte(operation)
	}
}

func (t *table) update(key string, r *request) (int, map[string]string, []byte) {
	old := t.items[key]
	e := evaluator{names: r.ExpressionAttributeNames, values: r.ExpressionAttributeValues}
	if r.ConditionExpression != "" {
		met, err := e.condition(r.ConditionExpression, old)
		if err != nil {
			return dynamoError("ValidationException", err.Error(), nil)
		}
		if !met {
			if r.ReturnValuesOnConditionCheckFailure != "ALL_OLD" {
				old = nil
			}
			return dynamoError("ConditionalCheckFailedException", "The conditional request failed", old)
		}
	}
	changed := maps.Clone(old)
	if changed == nil {
		changed = maps.Clone(r.Key)
	}
	if err := e.update(r.UpdateExpression, changed); err != nil {
		return dynamoError("ValidationException", err.Error(), nil)
	}
	t.items[key] = changed
	if r.ReturnValues == "ALL_NEW" {
		return dynamoAnswer("Attributes", changed)
	}
	return dynamoAnswer("", nil)
}

func dynamoAnswer(field string, content item) (int, map[string]string, []byte) {
	answer := map[string]any{}
	if content != nil {
		answer[field] = content
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return dynamoError("InternalServerError", err.Error(), nil)
	}
	return http.StatusOK, map[string]string{"Content-Type": "application/x-amz-json-1.0"}, body
}

func dynamoError(code, message string, old item) (int, map[string]string, []byte) {
	answer := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message}
	if old != nil {
		answer["Item"] = old
	}
	body, err := json.Marshal(answer)
	if err != nil {
		body = fmt.Appendf(nil, `{"__type": "#InternalServerError"}`)
	}
	return http.StatusBadRequest, map[string]string{"Content-Type": "application/x-amz-json-1.0"}, body
}

// text returns the content of an attribute value: of {"S": "a"} and {"N": "1"} what is in the quotes.
func text(v any) string {
	m, _ := v.(map[string]any)
	for _, content := range m {
		s, _ := content.(string)
		return strings.TrimSpace(s)
	}
	return ""
}
