package e2e

// crashStack is what the crash tests deploy as the stack "shop".
type crashStack struct {
	files    map[string]string // by path in the stack's folder
	versions [2][]string       // more arguments of plan and apply: for the first version, and for the second
	dataLoss []string          // arguments with which destroy may delete everything
}

const crashHead = "apiVersion: core.deployer.io/v1\nkind: "

// crashSmall has objects of several calls each, and one that needs another.
var crashSmall = crashStack{
	files: map[string]string{
		"stack.yaml": crashHead + "Stack\nmetadata: {name: shop}\nspec:\n  provider: {name: aws}\n  tags: " +
			"{team: crash}\n" +
			"  variables: {TIMEOUT: \"2m\", EXPIRE: \"7d\", FIFO: \"false\", VERSION: \"1.0.0\"}\n",
		"environments/dev.yaml": crashHead + "Environment\nmetadata: {name: dev}\n",
		"services/web/jobs.yaml": "apiVersion: components.deployer.io/v1\nkind: SQS\nmetadata: {name: jobs}\n" +
			"spec: {visibilityTimeout: \"${TIMEOUT}\", fifo: \"${FIFO}\", deadLetter: {maxReceives: 5}}\n",
		"services/web/files.yaml": "apiVersion: components.deployer.io/v1\nkind: S3\nmetadata: {name: files}\n" +
			"spec: {versioning: true, lifecycle: [{name: old, prefix: old/, expireAfter: \"${EXPIRE}\"}]}\n",
	},
	versions: [2][]string{nil, {
		"--var", "TIMEOUT=3m", "--var", "EXPIRE=8d", "--var", "FIFO=true", "--var",
		"VERSION=1.1.0",
	}},
	dataLoss: []string{"--allow-data-loss", "web/files"},
}

// crashWorker adds an ECS service that uses both.
var crashWorker = crashStack{
	files: withFile(crashSmall.files, "services/web/worker.yaml", `apiVersion: components.deployer.io/v1
kind: Worker
metadata: {name: worker}
spec:
  image: "public.ecr.aws/company/worker:${VERSION}"
  environment: {QUEUE: "${jobs.url}", BUCKET: "${files.name}"}
  uses: {jobs: [receive], files: [read, write]}
  scaling: {min: 1, max: 3, queue: jobs, backlogPerTask: 100}
`),
	versions: crashSmall.versions,
	dataLoss: crashSmall.dataLoss,
}

func withFile(files map[string]string, name, text string) map[string]string {
	out := map[string]string{name: text}
	for k, v := range files {
		out[k] = v
	}
	return out
}
