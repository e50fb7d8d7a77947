package service

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/e2e/testkit/proxy"
)

func (d *databases) describe(c *proxy.Call, kind string) *proxy.Response {
	document, err := c.Forward()
	if err != nil {
		return c.Failed(err)
	}
	gone := false
	for _, block := range blocks(kind).FindAll(document.Body, -1) {
		there := d.all[d.key(c, kind, element(block, "DB"+kind+"Identifier"))]
		if there == nil || there.deleting == nil || there.reads > 0 {
			continue
		}
		if _, err := c.PostForm("rds", there.deleting); err != nil {
			return c.Failed(err)
		}
		delete(d.all, d.key(c, kind, element(block, "DB"+kind+"Identifier")))
		gone = true
	}
	if gone {
		if document, err = c.Forward(); err != nil {
			return c.Failed(err)
		}
	}
	if document.Status >= 300 {
		return document
	}
	return proxy.XMLResponse(string(d.shown(c, kind, document.Body, true)))
}

// one returns the emulator's view of a database; nil if it does not exist.
func (d *databases) one(c *proxy.Call, kind, id string) (map[string]string, error) {
	document, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"s", "DB"+kind+"Identifier", id)
	if err != nil {
		return nil, err
	}
	all, err := proxy.Flatten(document, "DB"+kind+"s", "DB"+kind)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// blocks finds the databases in an answer.
func blocks(kind string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)<DB` + kind + `>.*?</DB` + kind + `>`)
}

var endpoint = regexp.MustCompile(`(?s)<Endpoint>.*?</Endpoint>|<ReaderEndpoint>.*?</ReaderEndpoint>`)

// shown puts into an answer what the emulator does not know. read: somebody has read the status.
func (d *databases) shown(c *proxy.Call, kind string, document []byte, read bool) []byte {
	return blocks(kind).ReplaceAllFunc(document, func(block []byte) []byte {
		there := d.of(c, kind, element(block, "DB"+kind+"Identifier"))
		status := "DBInstanceStatus"
		if kind == "Cluster" {
			status = "Status"
		}
		more := maps.Clone(there.facts)
		if there.reads > 0 {
			block = set(block, status, there.status)
			if there.status == "creating" && kind == "Instance" {
				block = endpoint.ReplaceAll(block, nil)
			}
			for _, change := range there.pending {
				name, text, _ := strings.Cut(change, "=")
				more["PendingModifiedValues"] += "<" + name + ">" + text + "</" + name + ">"
			}
			if read {
				if there.reads--; there.reads == 0 && there.deleting == nil {
					there.status, there.pending = "", nil
				}
			}
		} else if there.deleting == nil && element(block, status) != stopped {
			block = set(block, status, "available")
		}
		if there.scheduled != "" {
			more["PendingModifiedValues"] += "<DBInstanceClass>" + there.scheduled + "</DBInstanceClass>"
		}
		end := []byte("</DB" + kind + ">")
		block = bytes.TrimSuffix(bytes.Clone(block), end)
		for _, name := range slices.Sorted(maps.Keys(more)) {
			block = regexp.MustCompile(`(?s)<`+name+`>.*?</`+name+`>|<`+name+`\s*/>`).ReplaceAll(block, nil)
			if more[name] != "" {
				block = fmt.Appendf(block, "<%s>%s</%s>", name, more[name], name)
			}
		}
		return append(block, end...)
	})
}

// events are those of one database, or none.
func (d *databases) events(c *proxy.Call) *proxy.Response {
	kind := "Instance"
	if c.Form.Get("SourceType") == "db-cluster" {
		kind = "Cluster"
	}
	text := ""
	if there := d.all[d.key(c, kind, c.Form.Get("SourceIdentifier"))]; there != nil {
		for i, event := range there.events {
			text += fmt.Sprintf("<Event><Message>%s</Message><Date>2026-01-01T00:00:%02dZ</Date></Event>", event, i)
		}
	}
	return proxy.XMLResponse(`<DescribeEventsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">` +
		"<DescribeEventsResult><Events>" + text + "</Events></DescribeEventsResult></DescribeEventsResponse>")
}

// element is the text of the first element of a name.
func element(document []byte, name string) string {
	_, rest, found := bytes.Cut(document, []byte("<"+name+">"))
	if !found {
		return ""
	}
	text, _, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return string(text)
}

// elements are the texts of all elements of a name.
func elements(document []byte, name string) []string {
	var out []string
	for {
		_, rest, found := bytes.Cut(document, []byte("<"+name+">"))
		if !found {
			return out
		}
		text, after, _ := bytes.Cut(rest, []byte("</"+name+">"))
		out, document = append(out, string(text)), after
	}
}

// set changes the text of the first element of a name.
func set(document []byte, name, text string) []byte {
	before, rest, found := bytes.Cut(document, []byte("<"+name+">"))
	if !found {
		return document
	}
	_, after, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return slices.Concat(before, []byte("<"+name+">"+text+"</"+name+">"), after)
}
