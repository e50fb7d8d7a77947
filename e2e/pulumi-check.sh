#!/usr/bin/env bash
# Opens the derived copy of a state with the stock pulumi CLI, in the bucket and in a Pulumi Cloud on this machine: it
# must list, show, export and refresh what deployer deployed, and import an object. What it writes, and what it refuses
# to change, must not reach deployer.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/repo/stacks" "$work/home"
cp -r "$here/examples/user-platform" "$work/repo/stacks/"
cat >"$work/run.sh" <<'EOF'
set -euo pipefail
# what somebody does to queues outside of deployer
sqs() {
	local action=$1 argument
	shift
	set -- "$@" Version=2012-11-05
	for argument; do set -- "$@" --data-urlencode "$argument" && shift; done
	curl --silent --fail --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --aws-sigv4 aws:amz:us-east-1:sqs \
		--data "Action=$action" "$@" "$AWS_ENDPOINT_URL/"
}
cd "$WORK/repo"
deployer backend create --bucket pulumi-check --table pulumi-check --region us-east-1 >/dev/null
deployer apply -q -e dev --var VERSION=1.0.0 --auto-approve
prefix=stacks/user-platform/dev/pulumi
url="s3://pulumi-check/$prefix?endpoint=${AWS_ENDPOINT_URL#http://}&disableSSL=true&s3ForcePathStyle=true&region=us-east-1"
pulumi login "$url"
pulumi stack ls --all
pulumi stack ls --all | grep -q dev
pulumi stack --stack organization/user-platform/dev --show-urns | tee "$WORK/stack.txt" | tail -15
grep -q 'user-service/api:service' "$WORK/stack.txt"
pulumi stack export --stack organization/user-platform/dev --file "$WORK/export.json"
grep -q '"user-service/api:service"\|::user-service/api:service' "$WORK/export.json"
pulumi stack output --stack organization/user-platform/dev --json >"$WORK/outputs.json"
grep -q 'user-service/api' "$WORK/outputs.json"

# the CLI may import into the copy: deployer does not read it
pulumi stack import --stack organization/user-platform/dev --file "$WORK/export.json"
deployer plan -q -e dev --var VERSION=1.0.0 --detailed-exitcode

# the CLI reads the objects by our plugin, in the region that the copy names
mkdir "$WORK/project"
printf 'name: user-platform\nruntime: yaml\n' >"$WORK/project/Pulumi.yaml"
cd "$WORK/project"
pulumi stack select organization/user-platform/dev
refresh() { pulumi refresh --yes --non-interactive --suppress-outputs "$@" 2>&1 | tee "$WORK/refresh.txt"; }
AWS_REGION=eu-west-1 refresh --expect-no-changes
grep -q ' 50 unchanged' "$WORK/refresh.txt"
dead=$(grep -o 'http://[^"]*user-service-jobs-dead-[^"]*' "$WORK/export.json" | head -1)
sqs SetQueueAttributes "QueueUrl=$dead" Attribute.1.Name=VisibilityTimeout Attribute.1.Value=77 >/dev/null
refresh
grep -q 'user-service/jobs:dead-letter-queue' "$WORK/refresh.txt"
grep -q ' 1 updated' "$WORK/refresh.txt"
pulumi stack export --file "$WORK/refreshed.json"
grep -q '"visibilityTimeout": 77' "$WORK/refreshed.json"
others=$(sqs CreateQueue QueueName=others | grep -o 'http://[^<]*others')
pulumi import --yes --non-interactive --out "$WORK/imported.yaml" deployer:sqs:queue others "$others"
grep -q 'type: deployer:sqs:queue' "$WORK/imported.yaml"
grep -q 'messageRetention: 345600' "$WORK/imported.yaml"
pulumi stack export | grep -q '::deployer:sqs:queue::others"'
sqs DeleteQueue "QueueUrl=$others" >/dev/null
refresh
grep -q ' 1 deleted' "$WORK/refresh.txt"
if pulumi import --yes --non-interactive deployer:sqs:queue others "$others" >"$WORK/gone.txt" 2>&1; then exit 1; fi
grep -q 'does not exist' "$WORK/gone.txt"

# it changes no object, and finds none in another account
urn=$(grep -o 'urn:pulumi:[^"]*::user-service/jobs:dead-letter-queue' "$WORK/refreshed.json" | head -1)
pulumi state unprotect --yes --all >/dev/null
if pulumi destroy --yes --non-interactive --skip-preview --target "$urn" --target-dependents >"$WORK/destroy.txt" 2>&1; then
	exit 1
fi
grep -q 'pulumi cannot change what deployer has deployed' "$WORK/destroy.txt"
pulumi stack export | sed 's/"account": "123456789012"/"account": "210987654321"/' >"$WORK/elsewhere.json"
pulumi stack import --file "$WORK/elsewhere.json"
if refresh; then exit 1; fi
grep -q 'deployed in account 210987654321, but the credentials in use belong to account 123456789012' "$WORK/refresh.txt"
cd "$WORK/repo"
sqs GetQueueAttributes "QueueUrl=$dead" AttributeName.1=VisibilityTimeout | grep -q '<Value>77</Value>'
deployer drift detect -q -e dev --var VERSION=1.0.0 --json >"$WORK/drift.json" || test $? = 2
grep -q '"visibilityTimeout"' "$WORK/drift.json"
deployer drift remediate -q -e dev --var VERSION=1.0.0 --auto-approve

# the same in Pulumi Cloud
DEPLOYER_PULUMI_BACKEND=$PULUMI_CLOUD DEPLOYER_PULUMI_ACCESS_TOKEN=pul-check \
	deployer apply -q -e dev --var VERSION=1.0.1 --auto-approve
export PULUMI_ACCESS_TOKEN=pul-check
pulumi login "$PULUMI_CLOUD"
pulumi stack ls --all | grep dev
pulumi stack export --stack shop-team/user-platform/dev --file "$WORK/cloud.json"
grep -q 'user-api:1.0.1' "$WORK/cloud.json"
if grep -q 'user-api:1.0.1' "$WORK/export.json"; then exit 1; fi
EOF
mkdir "$work/plugin"
ln -s "$here/bin/deployer" "$work/plugin/pulumi-resource-deployer"
export WORK=$work HOME=$work/home PATH=$work/plugin:$here/bin:$here/.cache/tools:$PATH
export DEPLOYER_BACKEND_BUCKET=pulumi-check DEPLOYER_LOCKS_TABLE=pulumi-check DEPLOYER_BACKEND_REGION=us-east-1 DEPLOYER_LOCKS_REGION=us-east-1
export PULUMI_SKIP_UPDATE_CHECK=1 PULUMI_CONFIG_PASSPHRASE='' PULUMI_HOME=$work/home/.pulumi
"$here/bin/testproxy" -region us-east-1 -exec -- "$here/bin/fakepulumi" pul-check bash "$work/run.sh"
echo "The stock pulumi CLI opens the copy, refreshes it and imports into it."
