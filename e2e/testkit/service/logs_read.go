package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/company/deployer/e2e/testkit/proxy"
)

const logsTarget = "Logs_20140328."

// logPage is how many events an answer of FilterLogEvents has here. AWS says: as many as fit in 1 MB, at most 10,000.
const logPage = 1000

type logQuery struct {
	Group    string   `json:"logGroupName"`
	Streams  []string `json:"logStreamNames,omitempty"`
	Prefix   string   `json:"logStreamNamePrefix,omitempty"`
	From     int64    `json:"startTime,omitempty"`
	To       int64    `json:"endTime,omitempty"`
	Pattern  string   `json:"filterPattern,omitempty"`
	FromHead *bool    `json:"startFromHead,omitempty"`
	Token    string   `json:"nextToken,omitempty"`
}

type logEvent struct {
	Stream   string `json:"logStreamName"`
	At       int64  `json:"timestamp"`
	Ingested int64  `json:"ingestionTime"`
	Message  string `json:"message"`
	ID       string `json:"eventId"`
}

// emulated asks the emulator for all events, and for the names of the streams that it looked at. The emulator knows
// neither prefixes nor the order newest first.
func emulated(c *proxy.Call, q logQuery) (events []logEvent, streams []string, err error) {
	in := logQuery{Group: q.Group, Streams: q.Streams, From: q.From, To: q.To, Pattern: q.Pattern}
	for {
		var out struct {
			Events   []logEvent `json:"events"`
			Next     string     `json:"nextToken"`
			Searched []struct {
				Name string `json:"logStreamName"`
			} `json:"searchedLogStreams"`
		}
		if err := c.JSON("logs", logsTarget+"FilterLogEvents", in, &out); err != nil {
			return nil, nil, err
		}
		for _, s := range out.Searched {
			streams = append(streams, s.Name)
		}
		for _, e := range out.Events {
			if strings.HasPrefix(e.Stream, q.Prefix) {
				events = append(events, e)
			}
		}
		if in.Token = out.Next; out.Next == "" {
			slices.SortStableFunc(events, func(a, b logEvent) int { return int(a.At - b.At) })
			return events, streams, nil
		}
	}
}

func logsRefusal(c *proxy.Call, err error) *proxy.Response {
	var refused *proxy.APIError
	if errors.As(err, &refused) {
		return c.Failure(http.StatusBadRequest, refused.Code, refused.Message)
	}
	return c.Failure(http.StatusInternalServerError, "InternalFailure", err.Error())
}

// filterLogEvents answers as AWS documents: in pages, of which every other one is empty, by prefix, newest first where
// that is asked for, and with an error for a stream that does not exist.
func filterLogEvents(c *proxy.Call) *proxy.Response {
	var q logQuery
	if err := json.Unmarshal(c.Body, &q); err != nil {
		return c.Failure(http.StatusBadRequest, "SerializationException", err.Error())
	}
	if q.Prefix != "" && len(q.Streams) > 0 || len(q.Streams) > 100 {
		return c.Failure(http.StatusBadRequest, "InvalidParameterException",
			"logStreamNamePrefix or at most 100 logStreamNames")
	}
	events, streams, err := emulated(c, q)
	if err != nil {
		return logsRefusal(c, err)
	}
	for _, name := range q.Streams {
		if !slices.Contains(streams, name) {
			return c.Failure(http.StatusBadRequest, "ResourceNotFoundException",
				"The specified log stream does not exist.")
		}
	}
	if q.FromHead != nil && !*q.FromHead {
		slices.Reverse(events)
	}
	at, _ := strconv.Atoi(q.Token) // "": the first page
	out := map[string]any{"events": []logEvent{}, "searchedLogStreams": []any{}}
	if at%2 == 1 {
		out["nextToken"] = strconv.Itoa(at + 1)
	} else {
		from := min(at/2*logPage, len(events))
		to := min(from+logPage, len(events))
		out["events"] = events[from:to:to]
		if to < len(events) {
			out["nextToken"] = strconv.Itoa(at + 1)
		}
	}
	body, _ := json.Marshal(out) // it always can
	return &proxy.Response{
		Status: http.StatusOK, Body: body, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
	}
}

// liveTail answers with a session of one update, which has the lines that no session had before, and says that it is a
// sample. Then the connection ends, and the client has to start another session.
func liveTail(c *proxy.Call, sent map[string]bool) *proxy.Response {
	var in struct {
		Groups  []string `json:"logGroupIdentifiers"`
		Pattern string   `json:"logEventFilterPattern"`
	}
	if err := json.Unmarshal(c.Body, &in); err != nil || len(in.Groups) == 0 || len(in.Groups) > 10 {
		return c.Failure(http.StatusBadRequest, "InvalidParameterException", "1 to 10 logGroupIdentifiers")
	}
	results := []map[string]any{}
	for _, arn := range in.Groups {
		_, group, ok := strings.Cut(arn, ":log-group:")
		if !ok || strings.HasSuffix(group, "*") {
			return c.Failure(http.StatusBadRequest, "InvalidParameterException", "not the ARN of a log group: "+arn)
		}
		events, _, err := emulated(c, logQuery{Group: group, Pattern: in.Pattern})
		if err != nil {
			return logsRefusal(c, err)
		}
		for _, e := range events {
			if id := arn + " " + e.ID; !sent[id] {
				sent[id] = true
				results = append(results, map[string]any{
					"logGroupIdentifier": strings.Split(arn, ":")[4] + ":" + group, "logStreamName": e.Stream,
					"message": e.Message, "timestamp": e.At, "ingestionTime": e.Ingested,
				})
			}
		}
	}
	var body bytes.Buffer
	encoder := eventstream.NewEncoder()
	for _, m := range []struct {
		name    string
		payload any
	}{
		{"initial-response", map[string]any{}},
		{"sessionStart", map[string]any{"requestId": "r", "sessionId": "s", "logGroupIdentifiers": in.Groups}},
		{"sessionUpdate", map[string]any{
			"sessionMetadata": map[string]any{"sampled": true}, "sessionResults": results,
		}},
	} {
		payload, _ := json.Marshal(m.payload) // it always can
		message := eventstream.Message{Payload: payload}
		for name, value := range map[string]string{
			eventstreamapi.MessageTypeHeader: eventstreamapi.EventMessageType,
			eventstreamapi.EventTypeHeader:   m.name, eventstreamapi.ContentTypeHeader: "application/json",
		} {
			message.Headers.Set(name, eventstream.StringValue(value))
		}
		if err := encoder.Encode(&body, message); err != nil {
			return logsRefusal(c, err)
		}
	}
	return &proxy.Response{
		Status: http.StatusOK, Body: body.Bytes(),
		Header: http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}},
	}
}
