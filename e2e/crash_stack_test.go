package e2e

// crashStack is what the crash tests deploy as the stack "shop".
type crashStack struct {
	files    map[string]string // by path in the stack's folder
	args     []string          // more arguments of plan and apply
	dataLoss []string          // arguments with which destroy may delete everything
}

const crashHead = "apiVersion: core.deployer.io/v1\nkind: "

// crashSmall has objects of several calls each, and one that needs another.
var crashSmall = crashStack{
	files: map[string]string{
		"stack.yaml":            crashHead + "Stack\nmetadata: {name: shop}\nspec:\n  provider: {name: aws}\n  tags: {team: crash}\n",
		"environments/dev.yaml": crashHead + "Environment\nmetadata: {name: dev}\n",
		"services/web/jobs.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: jobs}\n" +
			"spec: {visibilityTimeout: 2m, deadLetter: {maxReceives: 5}}\n",
		"services/web/files.yaml": "apiVersion: components.deployer.io/v1\nkind: S3\nmetadata: {name: files}\n" +
			"spec: {versioning: true, lifecycle: [{name: old, prefix: old/, expireAfter: 7d}]}\n",
	},
	dataLoss: []string{"--allow-data-loss", "web/files"},
}

// crashWorker adds an ECS service that uses both.
var crashWorker = crashStack{
	files: withFile(crashSmall.files, "services/web/worker.yaml", `apiVersion: components.deployer.io/v1
kind: Worker
metadata: {name: worker}
spec:
  image: "public.ecr.aws/company/worker:1.0.0"
  environment: {QUEUE: "${jobs.url}", BUCKET: "${files.name}"}
  uses: {jobs: [receive], files: [read, write]}
  scaling: {min: 1, max: 3, queue: jobs, backlogPerTask: 100}
`),
	dataLoss: crashSmall.dataLoss,
}

func withFile(files map[string]string, name, text string) map[string]string {
	out := map[string]string{name: text}
	for k, v := range files {
		out[k] = v
	}
	return out
}
