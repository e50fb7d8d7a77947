package container

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/component"
	"github.com/company/deployer/internal/resource/ecs"
	"github.com/company/deployer/internal/value"
)

func TestCheckCron(t *testing.T) {
	for expression, want := range map[string]string{
		"0 8 ? * MON-FRI *":       "",
		"cron(0 8 ? * MON-FRI *)": "",
		"0/15 6-18 1,15 JAN ? *":  "",
		"0 0 L * ? 2030":          "",
		"0 0 15W * ? *":           "",
		"0 0 ? * WED/2 *":         "",
		"0 0 15W/2 * ? *":         `"15W/2" is not a value`,
		"0 0 ? * 6L/2 *":          `"6L/2" is not a value`,
		"0 0 ? * 6#3/2 *":         `"6#3/2" is not a value`,
		"0 0 ? * 6#2 *":           "",
		"0 0 ? * FRIL *":          "",
		"0 8 * * MON":             "five fields of Unix",
		"0 8":                     "has 2 fields",
		"60 8 ? * * *":            `"60" is not a value of the minutes`,
		"0 8 ? 13 * *":            `"13" is not a value of the month`,
		"0 8 ? * 8 *":             `"8" is not a value of the day-of-week`,
		"0 8 ? * 6#6 *":           `"6#6" is not a value of the day-of-week`,
		"0/0 8 ? * * *":           `"0/0" is not a value of the minutes`,
		"0 8 ? * * 1969":          `"1969" is not a value of the year`,
		"0 8 * * * *":             "exactly one of day-of-month and day-of-week must be ?",
		"0 8 ? * ? *":             "exactly one of day-of-month and day-of-week must be ?",
		"0 ? 1 * ? *":             `"?" is not a value of the hours`,
		"":                        "has 0 fields",
		"0 0 31 * ? *":            "",
		"0 0 29 FEB ? *":          "",
		"0 0 29 2 ? 2028":         "",
		"0 0 28-31 FEB ? *":       "",
		"0 0 31 NOV-FEB ? *":      "",
		"0 0 31 1/2 ? *":          "",
		"0 0 1/5 FEB ? *":         "",
		"0 0 30 FEB ? *":          `"30" is not a day-of-month: FEB has at most 29 days`,
		"0 0 29 FEB ? 2027":       `"29" is not a day-of-month: FEB 2027 has at most 28 days`,
		"0 0 31 4,JUN,9,NOV ? *":  `"31" is not a day-of-month: 4,JUN,9,NOV has at most 30 days`,
		"0 0 15,31 APR ? *":       `"31" is not a day-of-month: APR has at most 30 days`,
		"0 0 31W feb ? *":         `"31W" is not a day-of-month: feb has at most 29 days`,
		"0 0 30-31 2 ? *":         `"30-31" is not a day-of-month: 2 has at most 29 days`,
		"0 0 32 * ? *":            `"32" is not a value of the day-of-month`,
		"0 0 0 * ? *":             `"0" is not a value of the day-of-month`,
		"0 0 L 13 ? *":            `"13" is not a value of the month`,
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

func TestCheckZone(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "UTC": "", "Europe/Berlin": "", "America/Argentina/Buenos_Aires": "", "Etc/GMT+5": "",
		"Europe/Berln":     "the likely name is Europe/Berlin",
		"europe/berlin":    "the likely name is Europe/Berlin",
		"Berlin":           "the likely name is Europe/Berlin",
		"America/New York": "the likely name is America/New_York",
		"Local":            `"Local" is not a time zone`,
		"Mars/Olympus":     `"Mars/Olympus" is not a time zone`,
		"../etc/passwd":    `"../etc/passwd" is not a time zone`,
	} {
		s := Scaling{Min: 1, Schedule: []Schedule{{Name: "a", Cron: "0 8 ? * * *", Timezone: name, Min: new(int)}}}
		problems := s.Check(false)
		switch {
		case want == "" && len(problems) > 0:
			t.Errorf("%q: %v", name, problems)
		case want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, want)):
			t.Errorf("%q: got %v, want %s", name, problems, want)
		}
	}
}

func TestZoneNamesExist(t *testing.T) {
	for _, name := range strings.Fields(zoneNames) {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("zones.txt: %s", err)
		}
	}
}

// This tests what docs/manifests.md says about min: 0.
func TestTasksAtTheStart(t *testing.T) {
	n := func(i int) *int { return &i }
	for name, c := range map[string]struct {
		scaling          *Scaling
		initial, desired *int
	}{
		"none":                   {&Scaling{Min: 1}, nil, n(1)},
		"min 0, fixed":           {&Scaling{}, nil, n(0)},
		"min 0, room to scale":   {&Scaling{Max: n(3)}, n(1), nil},
		"min 0, only a schedule": {&Scaling{Schedule: []Schedule{{Name: "a"}}}, n(1), nil},
		"min 2, room to scale":   {&Scaling{Min: 2, Max: n(3)}, n(2), nil},
	} {
		in := component.Instance{Name: "api", Account: "123456789012", Region: "eu-west-1"}
		made := (&Spec{Image: value.Lit("nginx:1")}).service(in, Parts{Scaling: c.scaling},
			in.Resource("definition", "ecs/task-definition", struct{}{}), place{})
		same := func(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }
		if !same(made.InitialCount, c.initial) || !same(made.DesiredCount, c.desired) {
			t.Errorf("%s: initial and desired count are not %v and %v", name, c.initial, c.desired)
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
	for _, impossible := range []Spec{
		{CPU: n(256), Memory: n(4096)},
		{CPU: n(8192), Memory: n(17408)},
		{CPU: n(16384), Memory: n(16384)},
		{Memory: n(0)},
	} {
		if len(impossible.checkSize()) != 1 {
			t.Errorf("%d and %d pass", impossible.CPU, impossible.Memory)
		}
	}
}

func TestParseSecret(t *testing.T) {
	in := component.Instance{Account: "123456789012", Region: "eu-west-1"}
	arn := value.Output("shop/db", "secretArn")
	template := value.NewDeferred(value.Expression{
		Op: value.OpTemplate, Source: "${ref-0}#password",
		Names: []string{"ref-0"}, Args: []value.Value{arn},
	})
	for name, c := range map[string]struct {
		entry       value.Value
		key, action string
		arn         string // when it is known
	}{
		"parameter": {
			value.NewString("ssm:/shop/key"), "", readParameter,
			"arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key",
		},
		"parameter, no slash": {
			value.NewString("ssm:key"), "", readParameter,
			"arn:aws:ssm:eu-west-1:123456789012:parameter/key",
		},
		"secret": {
			value.NewString("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf#k"),
			"k", readSecret, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf",
		},
		"reference":         {arn, "", readSecret, ""},
		"template with key": {template, "password", readSecret, ""},
		"concat with key":   {value.Concat(arn, "#password"), "password", readSecret, ""},
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

func TestParameterNames(t *testing.T) {
	in := component.Instance{Account: "123456789012", Region: "eu-west-1"}
	const arn = "arn:aws:ssm:eu-west-1:123456789012:parameter"
	for entry, want := range map[string]string{
		"ssm:/aws/service/x/y":              "",
		"ssm:/aws/reference/secretsmanager": "",
		"ssm:a.b_c-D":                       "",
		"ssm:/a":                            "",
		"ssm:" + strings.Repeat("/a", 15):   "",
		arn + "/key":                        "",
		arn + "/shop/key":                   "",
		"ssm:" + strings.Repeat("/a", 16):   "it has 16 levels, and SSM allows 15",
		"ssm://a":                           "two slashes in a row",
		"ssm:/a//b":                         "two slashes in a row",
		"ssm:/a/":                           "it ends in a slash",
		"ssm:/":                             "it ends in a slash",
		"ssm:a/b":                           "a name with levels must begin with a slash",
		"ssm:/a b":                          "letters, digits",
		"ssm:/a:1":                          "letters, digits",
		"ssm:":                              "letters, digits",
		arn + "//shop/key":                  "two slashes in a row",
		arn + "/shop/":                      "it ends in a slash",
		arn + strings.Repeat("/a", 16):      "it has 16 levels",
	} {
		_, err := parseSecret(in, value.NewString(entry))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %s", entry, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", entry, err, want)
		}
	}
}

// One sum over all containers, for they share the task definition.
func TestPartsThatNoTaskDefinitionHolds(t *testing.T) {
	spec := func(words int) *Spec {
		text := func(n int) value.Of[string] { return value.Lit(strings.Repeat("x", n)) }
		return &Spec{
			Image: value.Lit("nginx:1"), Command: []string{strings.Repeat("w", 12_000), "\n"},
			Environment: map[string]value.Of[string]{
				"A":     text(9_999),
				"LATER": value.Expr[string](value.Output("web/db", "url")),
			},
			Secrets: map[string]value.Of[string]{"S": value.Lit("ssm:/" + strings.Repeat("s", 995))},
			Sidecars: []Sidecar{{
				Name: "proxy", Image: value.Lit("envoy:1"), Environment: map[string]value.Of[string]{"C": text(words)},
			}},
		}
	}
	in := component.Instance{Name: "api", Account: "123456789012", Region: "eu-west-1"}
	at := 42_425 // bytes of a definition that is as large as ECS accepts
	if problems := spec(at).Check(in, 1); len(problems) > 0 {
		t.Errorf("at the limit: %v", problems)
	}
	problems := spec(at+1).Check(in, 1)
	if len(problems) != 1 || strings.Join(problems[0].Path, ".") != "sidecars.0.environment.C" ||
		!strings.Contains(problems[0].Message,
			"have 65537 bytes, and ECS allows a task definition of at most 65536; the largest are "+
				"sidecars.0.environment.C with 42450 bytes, command with 12008 bytes, environment.A with "+
				"10023 bytes:") {
		t.Errorf("got %v", problems)
	}
}

func TestNULInACommand(t *testing.T) {
	s := &Spec{
		Image: value.Lit("nginx:1"), Command: []string{"sh", "a\x00b"},
		Sidecars: []Sidecar{{Name: "p", Image: value.Lit("e:1"), Command: []string{"\x00"}}},
	}
	var paths []string
	for _, p := range s.Check(component.Instance{Name: "api"}, 1) {
		if strings.Contains(p.Message, "NUL") {
			paths = append(paths, strings.Join(p.Path, "."))
		}
	}
	if want := []string{"sidecars.0.command.0", "command.1"}; !slices.Equal(paths, want) {
		t.Errorf("got %v, want %v", paths, want)
	}
}

func TestPullStatements(t *testing.T) {
	in := component.Instance{Account: "123456789012", Region: "eu-west-1"}
	for image, want := range map[string]string{
		"210987654321.dkr.ecr.us-east-1.amazonaws.com/web/api:1": "arn:aws:ecr:us-east-1:" +
			"210987654321:repository/web/api",
		"210987654321.dkr.ecr-fips.us-gov-west-1.amazonaws.com/api@sha256:00": "arn:aws-us-gov:ecr:us-gov-west-1:" +
			"210987654321:repository/api",
		"210987654321.dkr-ecr.eu-west-1.on.aws/api:1": "arn:aws:ecr:eu-west-1:" +
			"210987654321:repository/api",
		"210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn/api": "arn:aws-cn:ecr:cn-north-1:" +
			"210987654321:repository/api",
		"public.ecr.aws/nginx/nginx:1":                                            "",
		"evil.example.com/210987654321.dkr.ecr.us-east-1.amazonaws.com/web/api:1": "",
	} {
		got := (&Spec{Image: value.Lit(image)}).pullStatements(in)
		if want == "" && got == nil {
			continue
		}
		if len(got) < 2 || got[1].Resources[0].Str() != want {
			t.Errorf("%s: got %+v, want %s", image, got, want)
		}
		// The first pull through a cache creates the repository, whose name begins with the cache's prefix.
		if cached := strings.Contains(want, "web/"); cached != (len(got) == 3) ||
			cached && (got[2].Actions[1] != "ecr:CreateRepository" || got[2].Resources[0].Str() != want) {
			t.Errorf("%s: got %+v, want CreateRepository only with a prefix", image, got)
		}
	}
}

// The KMS key of a secret is in the secret's account and region, which may be another one.
func TestKeysOfSecretsElsewhere(t *testing.T) {
	in := component.Instance{Account: "123456789012", Region: "eu-west-1"}
	group := in.Resource("log-group", "logs/log-group", struct{}{})
	own, other := value.Output("a/b:secret", "arn"),
		value.NewString("arn:aws:secretsmanager:us-east-1:210987654321:secret:x-AbCdEf")
	var keys, via []string
	for _, s := range (&Spec{Image: value.Lit("nginx:1")}).executionStatements(in, group,
		[]readable{{own, readSecret}, {other, readSecret}}) {
		if s.Actions[0] == "kms:Decrypt" {
			keys, via = append(keys, s.Resources[0].Str()), append(via,
				s.Conditions["StringEquals"]["kms:ViaService"].Str())
		}
	}
	if want := []string{
		"arn:aws:kms:eu-west-1:123456789012:key/*",
		"arn:aws:kms:us-east-1:210987654321:key/*",
	}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if want := []string{
		"secretsmanager.eu-west-1.amazonaws.com",
		"secretsmanager.us-east-1.amazonaws.com",
	}; !slices.Equal(via, want) {
		t.Errorf("via %v, want %v", via, want)
	}
}

func TestMainContainerGetsTheRestOfTheCPU(t *testing.T) {
	in := component.Instance{Name: "api", Account: "123456789012", Region: "eu-west-1"}
	group := in.Resource("log-group", "logs/log-group", struct{}{})
	cpu := 512
	for reserved, want := range map[int]int{0: 0, 64: 448} {
		s := Spec{
			Image: value.Lit("nginx:1"), CPU: &cpu,
			Sidecars: []Sidecar{{Name: "proxy", Image: value.Lit("envoy:1"), CPU: reserved}},
		}
		if got := s.containers(in, Parts{}, group, newSecrets(in))[0].CPU; got != want {
			t.Errorf("beside %d CPU units the main container has %d, want %d", reserved, got, want)
		}
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

func TestCheckImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for image, want := range map[string]string{
		"nginx":                      "",
		"nginx:1.27":                 "",
		"company/shop_api:v1_A-b.c":  "",
		"a__b/c--d.e@" + digest:      "",
		"localhost:5000/api:1":       "",
		"Registry.example.com/api:1": "",
		"[2001:db8::1]:5000/api":     "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/web/api:1@" + digest: "",
		"api@sha512:" + strings.Repeat("0", 128):                           "",
		"": "is empty; an image is written like " +
			"public.ecr.aws/nginx/nginx:1.27",
		"my api:1":                        "white space",
		"api:1\n":                         "white space",
		"https://example.com/api:1":       "leave https:// out",
		"api:":                            "tag after the colon is empty",
		"api:.1":                          `".1" cannot be a tag`,
		"api:" + strings.Repeat("a", 129): "cannot be a tag",
		"api:1:2":                         `"api:1" cannot be part`,
		"api@" + digest[:70]:              "a digest is sha256:",
		"api@":                            "a digest is sha256:",
		"api@" + digest + ":1":            "a digest is sha256:",
		"company/API:1":                   `lower-case, and "API" is not`,
		"Company/api:1":                   `lower-case, and "Company" is not`,
		"company//api:1":                  "the extra slash",
		"/api:1":                          "the extra slash",
		"example.com/":                    "has no repository",
		":1":                              "has no repository",
		"-a.example.com/api":              `"-a.example.com" cannot be the host`,
		"api-:1":                          `"api-" cannot be part`,
		"${VERSION}":                      "cannot be part",
		strings.Repeat("a", 256):          "have 256 characters",
	} {
		err := CheckImage(image)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %s", image, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %s", image, err, want)
		}
	}
}

// Sidecars have images, too. An image that is not known yet may still be right.
func TestCheckFindsImagesOfAllContainers(t *testing.T) {
	s := Spec{Image: value.Lit("API"), Sidecars: []Sidecar{
		{Name: "a", Image: value.Lit("")},
		{Name: "b", Image: value.Expr[string](value.Output("shop/images", "name"))},
		{Name: "c", Image: value.Lit("envoy:1")},
	}}
	var got []string
	for _, p := range s.Check(component.Instance{Name: "api"}, 1) {
		got = append(got, strings.Join(p.Path, "."))
	}
	if want := []string{"image", "sidecars.0.image"}; !slices.Equal(got, want) {
		t.Errorf("problems at %v, want %v", got, want)
	}
}

// The sizes are written twice: in the tag of cpu, for schema and reference, and in the table, with their memory ranges.
func TestSizesAreThoseOfTheTag(t *testing.T) {
	var all []string
	for _, z := range ecs.Sizes {
		all = append(all, strconv.Itoa(z.CPU))
	}
	for _, f := range value.ShapeOf(reflect.TypeFor[Spec]()).Fields {
		switch f.Name {
		case "cpu":
			require.Equal(t, all, f.Enum)
		case "memory":
			require.Equal(t, []string{strconv.Itoa(ecs.Sizes[0].Least), strconv.Itoa(ecs.Sizes[len(ecs.Sizes)-1].Most)},
				[]string{f.Min, f.Max})
		}
	}
}
