package awsfix

import (
	"bytes"
	"encoding/xml"
	"strconv"
)

// node is one element of an XML document.
type node struct {
	XMLName  xml.Name
	Text     string `xml:",chardata"`
	Children []node `xml:",any"`
}

// flatten returns the elements called item of the first list called name. Each has the form of parameters of a query
// call: "DefaultActions.member.1.Type".
func flatten(document []byte, name, item string) ([]map[string]string, error) {
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
