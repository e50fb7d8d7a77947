package proxy

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Ask makes another call of the query protocol to the emulator, in the caller's account and region, and returns the XML
// answer. Pairs are the names and values of the parameters. The call is not recorded.
func (c *Call) Ask(service, version, action string, pairs ...string) ([]byte, error) {
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	answer, err := c.PostForm(service, form)
	if err != nil {
		return nil, err
	}
	if answer.Status >= 300 {
		return nil, fmt.Errorf("%s: %d: %s", action, answer.Status, answer.Body)
	}
	return answer.Body, nil
}

// Failed returns the emulator's error for a call that a handler made with Ask, JSON or Forward.
func (c *Call) Failed(err error) *Response {
	var passed *APIError
	if errors.As(err, &passed) {
		return c.Failure(passed.Status, passed.Code, passed.Message)
	}
	return c.Failure(http.StatusInternalServerError, "InternalFailure", err.Error())
}

// Renamed turns the XML answer of one operation into the answer of another with the same content.
func Renamed(document []byte, from, to string) *Response {
	for _, part := range []string{"Response", "Result"} {
		document = bytes.ReplaceAll(document, []byte(from+part), []byte(to+part))
	}
	return XMLResponse(string(document))
}

// node is one element of an XML document.
type node struct {
	XMLName  xml.Name
	Text     string `xml:",chardata"`
	Children []node `xml:",any"`
}

// Flatten returns the elements called item of the first list called name in an XML answer. Each has the form of
// parameters of a query call: "DefaultActions.member.1.Type".
func Flatten(document []byte, name, item string) ([]map[string]string, error) {
	var root node
	if err := xml.NewDecoder(bytes.NewReader(document)).Decode(&root); err != nil {
		return nil, err
	}
	list := root.find(name)
	if list == nil {
		return nil, nil
	}
	var out []map[string]string
	for _, child := range list.Children {
		if child.XMLName.Local == item {
			texts := map[string]string{}
			child.collect("", texts)
			out = append(out, texts)
		}
	}
	return out, nil
}

// find returns the first element with a name; n itself can be it.
func (n *node) find(name string) *node {
	if n.XMLName.Local == name {
		return n
	}
	for i := range n.Children {
		if found := n.Children[i].find(name); found != nil {
			return found
		}
	}
	return nil
}

func (n *node) collect(path string, into map[string]string) {
	if len(n.Children) == 0 {
		into[path] = n.Text
		return
	}
	if path != "" {
		path += "."
	}
	members := 0
	for _, child := range n.Children {
		key := path + child.XMLName.Local
		if child.XMLName.Local == "member" {
			members++
			key += "." + strconv.Itoa(members)
		}
		child.collect(key, into)
	}
}
