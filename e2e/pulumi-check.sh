#!/usr/bin/env bash
# Opens the derived copy of a state with the stock pulumi CLI, in the bucket and in a Pulumi Cloud on this machine: it
# must list, show and export what deployer deployed, and what it imports must not reach deployer.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/repo/stacks" "$work/home"
cp -r "$here/examples/user-platform" "$work/repo/stacks/"
cat >"$work/run.sh" <<'EOF'
set -euo pipefail
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
export WORK=$work HOME=$work/home PATH=$here/bin:$here/.cache/tools:$PATH
export DEPLOYER_BACKEND_BUCKET=pulumi-check DEPLOYER_LOCKS_TABLE=pulumi-check DEPLOYER_BACKEND_REGION=us-east-1 DEPLOYER_LOCKS_REGION=us-east-1
export PULUMI_SKIP_UPDATE_CHECK=1 PULUMI_CONFIG_PASSPHRASE='' PULUMI_HOME=$work/home/.pulumi
"$here/bin/testproxy" -region us-east-1 -exec -- "$here/bin/fakepulumi" pul-check bash "$work/run.sh"
echo "The stock pulumi CLI opens the copy."
