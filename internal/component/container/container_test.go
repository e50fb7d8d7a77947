package container

import (
	"strings"
	"testing"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/value"
)

func TestCheckCron(t *testing.T) {
	for expression, want := range map[string]string{
		"0 8 ? * MON-FRI *":       "",
		"cron(0 8 ? * MON-FRI *)": "",
		"0/15 6-18 1,15 JAN ? *":  "",
		"0 0 L * ? 2030":          "",
		"0 0 15W * ? *":           "",
		"0 0 ? * 6#2 *":           "",
		"0 0 ? * FRIL *":          "",
		"0 8 * * MON":             "five fields of Unix",
		"0 8":                     "has 2 fields",
		"60 8 ? * * *":            `"60" cannot stand for the minutes`,
		"0 8 ? 13 * *":            `"13" cannot stand for the month`,
		"0 8 ? * 8 *":             `"8" cannot stand for the day-of-week`,
		"0 8 ? * 6#6 *":           `"6#6" cannot stand for the day-of-week`,
		"0/0 8 ? * * *":           `"0/0" cannot stand for the minutes`,
		"0 8 ? * * 1969":          `"1969" cannot stand for the year`,
		"0 8 * * * *":             "exactly one of day-of-month and day-of-week must be ?",
		"0 8 ? * ? *":             "exactly one of day-of-month and day-of-week must be ?",
		"0 ? 1 * ? *":             `"?" cannot stand for the hours`,
		"":                        "has 0 fields",
	} {
		err := checkCron(expression)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %s", expression, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", expression, err, want)
		}
	}
}

func TestSize(t *testing.T) {
	n := func(i int) *int { return &i }
	for name, c := range map[string]struct {
		cpu, memory         *int
		wantCPU, wantMemory int
	}{
		"none":   {nil, nil, 256, 512},
		"cpu":    {n(1024), nil, 1024, 2048},
		"memory": {nil, n(3072), 512, 3072},
		"largest": {
			nil, n(122880), 16384, 122880,
		},
		"both": {n(4096), n(30720), 4096, 30720},
	} {
		s := Spec{CPU: c.cpu, Memory: c.memory}
		if problems := s.checkSize(); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		if cpu, memory := s.Size(); cpu != c.wantCPU || memory != c.wantMemory {
			t.Errorf("%s: %d and %d, want %d and %d", name, cpu, memory, c.wantCPU, c.wantMemory)
		}
	}
	for _, impossible := range []Spec{{CPU: n(256), Memory: n(4096)}, {CPU: n(8192), Memory: n(17408)}, {CPU: n(16384), Memory: n(16384)}, {Memory: n(0)}, {CPU: n(0)}} {
		if len(impossible.checkSize()) != 1 {
			t.Errorf("%d and %d pass", impossible.CPU, impossible.Memory)
		}
	}
}

func TestParseSecret(t *testing.T) {
	in := component.Instance{Account: "123456789012", Region: "eu-west-1"}
	arn := value.Output("shop/db", "secretArn")
	template := value.NewDeferred(value.Expression{Op: value.OpTemplate, Source: "${ref-0}#password", Names: []string{"ref-0"}, Args: []value.Value{arn}})
	for name, c := range map[string]struct {
		entry       value.Value
		key, action string
		arn         string // when it is known
	}{
		"parameter":           {value.NewString("ssm:/shop/key"), "", readParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key"},
		"parameter, no slash": {value.NewString("ssm:key"), "", readParameter, "arn:aws:ssm:eu-west-1:123456789012:parameter/key"},
		"secret":              {value.NewString("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf#k"), "k", readSecret, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf"},
		"reference":           {arn, "", readSecret, ""},
		"template with key":   {template, "password", readSecret, ""},
		"concat with key":     {value.Concat(arn, "#password"), "password", readSecret, ""},
	} {
		got, err := parseSecret(in, c.entry)
		if err != nil || got.key != c.key || got.action != c.action || c.arn != got.arn.Str() {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if c.arn == "" && len(got.arn.References()) != 1 {
			t.Errorf("%s: the ARN lost its reference", name)
		}
	}
	rest, _, _ := cutKey(template)
	if e := rest.Expression(); e.Source != "${ref-0}" || template.Expression().Source != "${ref-0}#password" {
		t.Errorf("the template became %q, and the original %q", e.Source, template.Expression().Source)
	}
}

func TestMergeStatements(t *testing.T) {
	s := func(action, on string) component.Statement {
		return component.Statement{Actions: []string{action}, Resources: []value.Value{value.NewString(on)}}
	}
	conditional := s("a", "3")
	conditional.Conditions = map[string]map[string]value.Value{"StringEquals": {"k": value.NewString("v")}}
	got := merge([]component.Statement{s("a", "1"), s("b", "1"), s("a", "2"), s("a", "1"), conditional})
	if len(got) != 3 || len(got[0].Resources) != 2 || len(got[1].Resources) != 1 || len(got[2].Resources) != 1 {
		t.Errorf("merged to %+v", got)
	}
}
