package service

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// What RDS offers here: classes of today's families, db.t2 up to PostgreSQL 12 only, no minor version 99, and MySQL 5.7
// becomes 8.0 only. db.m8g is there from PostgreSQL 14 on. The emulator knows one engine.
var (
	offeredClass    = regexp.MustCompile(`^db\.(serverless|(t2|t3|t4g|m5|m6g|m7g|m8g|r5|r6g|r7g|r8g|x2g)\.[a-z0-9]+)$`)
	withdrawnMinors = regexp.MustCompile(`\.99$`)
	withdrawn       = regexp.MustCompile(`^postgres 1[3-9]\.\d+ db\.t2\.`)
	early           = regexp.MustCompile(`^postgres 1[0-3]\.\d+ db\.m8g\.`)
	small           = regexp.MustCompile(`^(mysql|mariadb) db\.t\dg?\.(micro|small)$`) // without Performance Insights
)

func rdsAnswer(operation, text string) *proxy.Response {
	return proxy.XMLResponse(fmt.Sprintf(`<%sResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">`+
		"<%sResult>%s</%sResult></%sResponse>", operation, operation, text, operation, operation))
}

func offeredVersions(c *proxy.Call) *proxy.Response {
	engine, version := c.Form.Get("Engine"), c.Form.Get("EngineVersion")
	if c.Form.Get("DefaultOnly") == "true" && version == major(engine, version) {
		version += ".4"
	}
	targets := ""
	if engine == "mysql" && major(engine, version) == "5.7" {
		targets = "<UpgradeTarget><Engine>mysql</Engine><EngineVersion>8.0.42</EngineVersion></UpgradeTarget>"
	}
	text := fmt.Sprintf("<DBEngineVersion><Engine>%s</Engine><EngineVersion>%s</EngineVersion>"+
		"<ValidUpgradeTarget>%s</ValidUpgradeTarget></DBEngineVersion>", engine, version, targets)
	if withdrawnMinors.MatchString(version) && c.Form.Get("IncludeAll") != "true" {
		text = ""
	}
	return rdsAnswer("DescribeDBEngineVersions", "<DBEngineVersions>"+text+"</DBEngineVersions>")
}

func offeredClasses(c *proxy.Call) *proxy.Response {
	class := c.Form.Get("DBInstanceClass")
	text := fmt.Sprintf("<OrderableDBInstanceOption><Engine>%s</Engine><EngineVersion>%s</EngineVersion>"+
		"<DBInstanceClass>%s</DBInstanceClass><SupportsPerformanceInsights>%t</SupportsPerformanceInsights>"+
		"</OrderableDBInstanceOption>", c.Form.Get("Engine"), c.Form.Get("EngineVersion"), class,
		!small.MatchString(c.Form.Get("Engine")+" "+class))
	if version := c.Form.Get("EngineVersion"); !offeredClass.MatchString(class) ||
		withdrawnMinors.MatchString(version) || withdrawn.MatchString(c.Form.Get("Engine")+" "+version+" "+class) ||
		early.MatchString(c.Form.Get("Engine")+" "+version+" "+class) {
		text = ""
	}
	return rdsAnswer("DescribeOrderableDBInstanceOptions",
		"<OrderableDBInstanceOptions>"+text+"</OrderableDBInstanceOptions>")
}

// accountQuotas: 40 instances and clusters, as in a new account.
func accountQuotas(c *proxy.Call) *proxy.Response {
	text := ""
	for _, of := range []string{"Instance", "Cluster"} {
		document, err := c.Ask("rds", rdsVersion, "DescribeDB"+of+"s")
		if err != nil {
			return c.Failed(err)
		}
		text += fmt.Sprintf("<AccountQuota><AccountQuotaName>DB%ss</AccountQuotaName><Used>%d</Used><Max>40</Max>"+
			"</AccountQuota>", of, bytes.Count(document, []byte("<DB"+of+"Arn>")))
	}
	return rdsAnswer("DescribeAccountAttributes", "<AccountQuotas>"+text+"</AccountQuotas>")
}
