package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are the examples of each command, by its words. They stand together, so that all speak of one stack: shop,
// with the services web and jobs, in production and dev. A test runs each line; a line that begins with # says what the
// next one is for.
var examples = map[string]string{
	"": `# From nothing to a first stack
deployer init
deployer backend create
deployer stack init shop
# Deploy it
deployer apply -e dev`,
	"init": `# Ask for region, bucket and table
deployer init
# Without questions, in a script
deployer init --yes --region eu-west-1 --bucket acme-state --table acme-locks`,
	"backend create": `# The bucket and the table of the configuration
deployer backend create
# Others, with a tag
deployer backend create --bucket acme-state --table acme-locks --tag team=web`,
	"backend check": `# Is everything as deployer needs it?
deployer backend check
# For a program
deployer backend check --json`,
	"stack init": `# Ask what to start from
deployer stack init shop
# A service of yours with a database
deployer stack init shop --template web-db --image ghcr.io/acme/shop:1.4.2
# The tag of the image comes from --var VERSION=1.4.2
deployer stack init jobs -t worker-queue --image 'acme/jobs:${VERSION}'`,
	"stack list": `# What is deployed where?
deployer stack list
# For a program
deployer stack list --json`,
	"component add": `# A database in the only service
deployer component add RDS
# A queue in a new service
deployer component add SQS mails --service mails
# A service with an image of yours
deployer component add MicroService admin --image acme/admin:2.0 --port 3000`,
	"environment add": `# Like dev, with objects of its own
deployer environment add staging
# With the protection of production
deployer environment add live --production --stack shop`,
	"validate": `# All environments of all stacks, without a network
deployer validate
# One environment, with the values that apply would get
deployer validate -e production --var VERSION=1.4.2
# For code scanning
deployer validate --format sarif > deployer.sarif`,
	"plan": `# What would apply change?
deployer plan -e production --var VERSION=1.4.2
# In CI: exit code 2 if something would change
deployer plan -e production --var VERSION=1.4.2 --detailed-exitcode
# Also find what was changed outside of deployer
deployer plan -e production --refresh`,
	"apply": `# Show the plan, ask, deploy
deployer apply -e production --var VERSION=1.4.2
# Exactly the plan that was reviewed
deployer plan -e production --out p.plan && deployer apply p.plan
# In CI, back to the version before if it fails
deployer apply -e production --auto-approve --rollback-on-failure`,
	"rollback": `# Back to the last version that succeeded
deployer rollback -e production
# To a chosen version, without a question
deployer rollback -e production --to-version v41 --auto-approve`,
	"destroy": `# One component
deployer destroy -e dev --target jobs/worker
# Everything, the protected database too
deployer destroy -e dev --allow-data-loss web/database`,
	"run": `# A command in a new task of the component
deployer run web/api -e production -- bin/rails db:migrate:status
# A bigger one that goes on without you
deployer run web/api -e production --detach --cpu 1024 --memory 4096 -- sync`,
	"exec": `# A shell in a running container
deployer exec web/api -e production
# One command in a chosen task
deployer exec web/api -e production --task 1f3a -- cat /proc/meminfo
# Stdin goes to the command
echo 'select 1' | deployer exec web/api -e production -- psql`,
	"port-forward": `# http://localhost:8080 is port 80 of the service
deployer port-forward web/api 8080:80 -e dev
# The database, through a task that may connect to it
deployer port-forward web/database 5432 -e production --through web/api`,
	"status": `# What runs, and is it healthy?
deployer status -e production
# One component, again and again
deployer status -e production --component web/api --watch
# For a program
deployer status -e production --json`,
	"logs": `# The last hour of one component
deployer logs web/api -e production --since 1h
# Errors of all components, as they come
deployer logs -e production --follow --include 'ERROR|FATAL'
# Of the tasks that stopped last
deployer logs web/api -e production --previous`,
	"metrics": `# The last three hours
deployer metrics -e production --since 3h
# One component, again and again
deployer metrics -e production --component web/api --watch`,
	"show": `# Everything that the state has
deployer show -e production
# One component
deployer show web/api -e production`,
	"outputs": `# One value, for a script
deployer outputs web/api.url -e production
# All of them, as environment variables
deployer outputs -e production --format env > shop.env`,
	"graph": `# What depends on what?
deployer graph -e production --var VERSION=1.4.2
# As a picture
deployer graph -e production --var VERSION=1.4.2 --output graph.html`,
	"history": `# Who deployed what, and when?
deployer history -e production --limit 5
# For a program
deployer history -e production --json`,
	"history diff": `# What changed between two versions?
deployer history diff v41 v42 -e production
# For a program
deployer history diff v41 v42 -e production --json`,
	"blame": `# Who changed this component last, property by property?
deployer blame web/api -e production
# For a program
deployer blame web/api -e production --json`,
	"drift detect": `# What was changed outside of deployer?
deployer drift detect -e production
# In CI: exit code 2 if there is drift
deployer drift detect -e production --detailed-exitcode --markdown`,
	"drift remediate": `# Put back what the manifests say
deployer drift remediate -e production
# Keep a difference, and say why
deployer drift remediate -e production --ignore --target web/api:service \
  --reason 'More tasks during the sale'`,
	"locks list": `# Who deploys right now?
deployer locks list
# For a program
deployer locks list --json`,
	"locks show": `# Who holds the lock, and is that run alive?
deployer locks show -e production
# For a program
deployer locks show -e production --json`,
	"unlock": `# Break the lock of a run that has ended
deployer unlock -e production
# Only this lock, although its run may be alive
deployer unlock 8f14e45f-ceea-467f-a0e6-8f0a5a3f0c1d -e production --force`,
	"state list": `# Every state in the backend
deployer state list
# For a program
deployer state list --json`,
	"state show": `# A summary
deployer state show -e production
# For a program
deployer state show -e production --json`,
	"state pull": `# A copy
deployer state pull -e production > state.json
# Of another stack
deployer state pull --stack shop -e dev > dev.json`,
	"state push": `# Write a state that a failed run has left in a file
deployer state push state.json -e production
# From a program
deployer state pull -e production | deployer state push - -e production`,
	"state restore": `# Which versions are there?
deployer state restore -e production
# Restore one
deployer state restore v41 -e production`,
	"state rm": `# Forget a component; AWS keeps its objects
deployer state rm jobs/queue -e production
# One resource
deployer state rm web/api:discovery -e production`,
	"state mv": `# A new name; AWS keeps the objects
deployer state mv web/api web/storefront -e production
# Another service
deployer state mv jobs/queue mails/queue -e dev`,
	"iam policy": `# What may deployer do in production?
deployer iam policy -e production --account 123456789012 > policy.json
aws iam create-policy --policy-name shop --policy-document file://policy.json
# For people who only look
deployer iam policy -e production --account 123456789012 --read-only`,
	"config show": `# Every setting, and where it comes from
deployer config show --origin
# With the settings of a stack
deployer config show --stack shop --json`,
	"schema": `# Of one kind
deployer schema SQS
# All of them, for the editors of a repository
deployer schema --out .deployer/schema`,
	"fmt": `# Format the manifests of this folder
deployer fmt
# In CI: exit code 1 if something is not formatted
deployer fmt --check --diff
# From an editor
deployer fmt - < api.yaml`,
	"doctor": `# Is everything right for a deployment to production?
deployer doctor -e production
# For a program
deployer doctor -e production --json`,
	"version": `# This program
deployer version
# Is there a newer one?
deployer version --check`,
	"completion": `# In this shell
source <(deployer completion bash)
# In every shell
deployer completion zsh > "${fpath[1]}/_deployer"
deployer completion fish > ~/.config/fish/completions/deployer.fish`,
}

// addExamples gives each command its examples. A command that only has commands shows the first example of
// the first three.
func addExamples(cmd *cobra.Command) {
	words := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
	text := examples[words]
	if words == "stack validate" {
		text = examples["validate"]
	}
	for i, c := range cmd.Commands() {
		addExamples(c)
		if examples[words] == "" && i < 3 {
			first, _, _ := strings.Cut(c.Example, "\n  # ")
			text += "\n" + strings.ReplaceAll(strings.TrimPrefix(first, "  "), "\n  ", "\n")
		}
	}
	if text != "" {
		cmd.Example = "  " + strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\n", "\n  ")
	}
}
