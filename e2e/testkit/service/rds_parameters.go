package service

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// inUse refuses the delete of something that a database uses: an element of that name has its name.
func (d *databases) inUse(c *proxy.Call, parameter, code string, elements ...string) *proxy.Response {
	d.elapse(c)
	name := c.Form.Get(parameter)
	for _, operation := range []string{"DescribeDBInstances", "DescribeDBClusters"} {
		document, err := c.Ask("rds", rdsVersion, operation)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(elements, func(e string) bool {
			return bytes.Contains(document, []byte("<"+e+">"+name+"</"+e+">"))
		}) {
			return c.Failure(http.StatusBadRequest, code, name+" is in use by a database.")
		}
	}
	return nil
}

// parameterName finds the names of the parameters of a call.
var parameterName = regexp.MustCompile(`^Parameters\.(?:member|Parameter)\.\d+\.ParameterName$`)

func (d *databases) parameterKeys(c *proxy.Call, kind string) []string {
	group := c.AccessKey + " " + c.Region + " " + kind + " " + c.Form.Get("DB"+kind+"ParameterGroupName") + " "
	var keys []string
	for name := range c.Form {
		if parameterName.MatchString(name) {
			keys = append(keys, group+c.Form.Get(name))
		}
	}
	return keys
}

func (d *databases) setParameters(c *proxy.Call, kind string) *proxy.Response {
	for _, key := range d.parameterKeys(c, kind) {
		delete(d.reset, key)
	}
	return nil
}

func (d *databases) resetParameters(c *proxy.Call, kind string) *proxy.Response {
	name := "DB" + kind + "ParameterGroupName"
	if _, err := c.Ask("rds", rdsVersion, "DescribeDB"+kind+"ParameterGroups", name, c.Form.Get(name)); err != nil {
		return c.Failure(http.StatusNotFound, "DBParameterGroupNotFound",
			"DBParameterGroup not found: "+c.Form.Get(name))
	}
	for _, key := range d.parameterKeys(c, kind) {
		d.reset[key] = true
	}
	return answerOf("ResetDB"+kind+"ParameterGroup", "<"+name+">"+c.Form.Get(name)+"</"+name+">")
}

// answerOf is the answer of an operation of RDS.
func answerOf(operation, content string) *proxy.Response {
	return proxy.XMLResponse("<" + operation + `Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><` +
		operation + "Result>" + content + "</" + operation + "Result></" + operation + "Response>")
}

var parameter = regexp.MustCompile(`(?s)<(Parameter|member)>.*?</(Parameter|member)>`)

// engineDefaults are values of the engines, as far as the tests need them.
var engineDefaults = map[string]string{"work_mem": "4096", "log_min_duration_statement": "-1"}

// parameters leaves out those that were reset. AWS does not count a parameter as one of the user's whose value is the
// engine's default.
func (d *databases) parameters(c *proxy.Call, kind string) *proxy.Response {
	answer, err := c.Forward()
	if err != nil {
		return c.Failed(err)
	}
	if answer.Status >= 300 {
		return answer
	}
	group := c.AccessKey + " " + c.Region + " " + kind + " " + c.Form.Get("DB"+kind+"ParameterGroupName") + " "
	var others []byte
	body := parameter.ReplaceAllFunc(answer.Body, func(block []byte) []byte {
		name := element(block, "ParameterName")
		if d.reset[group+name] || element(block, "ParameterValue") == engineDefaults[name] {
			return nil
		}
		return block
	})
	if c.Form.Get("Source") == "" {
		for _, name := range slices.Sorted(maps.Keys(engineDefaults)) {
			if !bytes.Contains(body, []byte("<ParameterName>"+name+"<")) {
				others = fmt.Appendf(others, "<Parameter><ParameterName>%s</ParameterName><ParameterValue>%s"+
					"</ParameterValue><Source>engine-default</Source><ApplyType>dynamic</ApplyType></Parameter>", name,
					engineDefaults[name])
			}
		}
		body = parameterEnd.ReplaceAll(body, slices.Concat([]byte("<Parameters>$2"), others, []byte("</Parameters>")))
	}
	return proxy.XMLResponse(string(body))
}

// parameterEnd finds the list of parameters, which may be empty.
var parameterEnd = regexp.MustCompile(`(?s)<Parameters(\s*/>|>(.*?)</Parameters>)`)
