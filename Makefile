# `make` alone lists what there is to do.
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS := -s -w \
	-X github.com/company/deployer/internal/cli.version=$(VERSION) \
	-X github.com/company/deployer/internal/cli.commit=$(COMMIT)
TOOLS   := .cache/tools
FUZZTIME ?= 30s
# Tests of generated input draw the same numbers whenever a commit is tested.
SEED := $(shell printf %d 0x$$(git rev-parse --short=12 HEAD 2>/dev/null || echo 1))
export CGO_ENABLED := 0
# The binary, the tests and the linter share one build cache: with other flags, Go compiles the AWS SDK once for each.
export GOFLAGS := -trimpath $(GOFLAGS)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/deployer
	go build -ldflags '$(LDFLAGS)' -o bin/deployer ./cmd/deployer

.PHONY: test
test: build ## Run every test (installs moto into .cache when it is not on PATH)
	DEPLOYER_CRASH=$(or $(DEPLOYER_CRASH),$(COMMIT)) DEPLOYER_SECRETS=$(or $(DEPLOYER_SECRETS),$(COMMIT)) \
		RAPID_SEED=$(or $(RAPID_SEED),$(SEED)) DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -timeout 20m ./...

.PHONY: e2e
e2e: build ## Run only the scripts that drive the real binary
	DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 ./e2e/...

CHECKS ?= 10000

.PHONY: properties
properties: ## Hold what must be true of any input against CHECKS=10000 generated ones, another time others
	RAPID_CHECKS=$(CHECKS) go test -count=1 -timeout 60m \
		$$(grep -rl --include='*_test.go' pgregory.net/rapid internal | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: fuzz
fuzz: ## Fuzz everything that parses or prints, each target for FUZZTIME (30s)
	@failed=; targets=$$(grep -r --include='*_test.go' '^func Fuzz' internal | sed 's|/[^/]*:func \([A-Za-z0-9]*\)(.*|:\1|' | sort); \
	test -n "$$targets" || { echo 'no fuzz targets below internal'; exit 1; }; \
	for target in $$targets; do \
		echo "== $$target, $(FUZZTIME)"; \
		go test -vet=off -run '^$$' -fuzz "^$${target#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s "./$${target%:*}" || failed="$$failed $$target"; \
	done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

.PHONY: crash
crash: ## Let runs die at each of their calls, and each call fail in each way, alone and in pairs; over an hour (make test runs a part)
	DEPLOYER_CRASH_SEEDS=1000 go test -count=1 -timeout 15m -run 'Death|LateSight' ./internal/deploy
	DEPLOYER_CRASH=all DEPLOYER_CRASH_SITES=2 go test -count=1 -timeout 5h -v ./e2e/crash

.PHONY: crash-kill
crash-kill: build ## The same with the real binary and kill -9: at every call that changes something, and every one to state and locks
	DEPLOYER_CRASH=all DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 -timeout 5h -run 'Crash|Kill|CallsThat|TestInterrupt' -v ./e2e

SEEDS ?= 20

.PHONY: random
random: build ## Deploy and change stacks that nobody has written, with kill -9 and failing calls: SEEDS=20 from DEPLOYER_RANDOM=1 on
	DEPLOYER_RANDOM=$(or $(DEPLOYER_RANDOM),1) DEPLOYER_RANDOM_SEEDS=$(SEEDS) DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer \
		go test -count=1 -timeout 5h -run 'TestRandomStacks$$' -v ./e2e

.PHONY: secrets
secrets: build ## Let every call of every command fail and grep all that was written for secrets (a sample is in make test)
	DEPLOYER_SECRETS=all DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 -timeout 60m -run Secrets -v ./e2e

RACES ?= 10

.PHONY: race
race: build ## Let 16 processes apply at once, RACES=10 times; put runs to sleep until they are taken over
	DEPLOYER_RACES=$(RACES) DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 -timeout 60m -run 'Race|Sleeper' -v ./e2e

.PHONY: least-privilege
least-privilege: build ## Run the life of the example with the printed IAM policy and nothing else
	DEPLOYER_LEAST_PRIVILEGE=all DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 -run LeastPrivilege -v ./e2e

.PHONY: contract
contract: build ## Hold what AWS is asked for, and the printed IAM policies, against the newest of AWS's own models
	DEPLOYER_CONTRACT=all DEPLOYER_LEAST_PRIVILEGE=all DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer \
		go test -count=1 -timeout 30m -run 'Contract|TestLeastPrivilege$$|TestScripts' -v ./e2e
	go test -count=1 -run 'Judge' ./e2e/contract
	DEPLOYER_CONTRACT=all go test -count=1 -run 'LiveObjects|Replacements|Example' -v ./internal/aws/awstest ./internal/aws/catalog

.PHONY: demo
demo: build ## Run the whole story on examples/user-platform; KEEP=1 leaves everything running
	go build -o bin/testproxy ./e2e/testkit/cmd/testproxy
	KEEP=$(KEEP) e2e/demo.sh

.PHONY: snapshot
snapshot: $(TOOLS)/goreleaser ## Make a release twice without publishing it, and try its files; PLATFORMS=host makes it for this machine
	go build -o bin/testproxy ./e2e/testkit/cmd/testproxy
	PLATFORMS=$(PLATFORMS) packaging/snapshot.sh

.PHONY: bench
bench: build ## Print speed and size, as ratios to terraform where it is on PATH; PARTS="start sequence" prints only those
	go run ./bench $(PARTS)

.PHONY: fmt
fmt: $(TOOLS)/gofumpt ## Format the code
	$(TOOLS)/gofumpt -w cmd internal e2e bench

.PHONY: lint
lint: $(TOOLS)/golangci-lint $(TOOLS)/gofumpt ## Check style and the import rules
	@test -z "$$($(TOOLS)/gofumpt -l cmd internal e2e bench)" || { $(TOOLS)/gofumpt -l cmd internal e2e bench; echo "run make fmt"; exit 1; }
	$(TOOLS)/golangci-lint run ./...

SCRIPTS := install.sh packaging/*.sh packaging/*/*.sh .ci/run e2e/*.sh
FLOWS   := .github/workflows/*.yml examples/ci/github/*.yml

.PHONY: lint-scripts
lint-scripts: $(TOOLS)/actionlint $(TOOLS)/python/bin/zizmor ## Check shell scripts, workflows and the action
	$(TOOLS)/python/bin/shellcheck $(SCRIPTS)
	$(TOOLS)/actionlint -shellcheck $(TOOLS)/python/bin/shellcheck $(FLOWS)
	$(TOOLS)/python/bin/zizmor --offline --quiet --config .github/zizmor.yml $(FLOWS) action.yml

$(TOOLS)/python/bin/zizmor: tools/python.txt
	python3 -m venv $(TOOLS)/python
	$(TOOLS)/python/bin/pip install --quiet --requirement tools/python.txt
	@touch $@

.PHONY: site
site: $(TOOLS)/docs/bin/zensical ## Build the site of the docs into .cache/site/site
	python3 docs/site.py .cache/site
	cd .cache/site && $(CURDIR)/$(TOOLS)/docs/bin/zensical build --clean --strict

.PHONY: pictures
pictures: build $(TOOLS)/docs/bin/zensical ## Record the pictures of the README from a real run
	go build -o bin/testproxy ./e2e/testkit/cmd/testproxy
	$(TOOLS)/docs/bin/python docs/pictures/record.py

$(TOOLS)/docs/bin/zensical: tools/docs.txt
	python3 -m venv $(TOOLS)/docs
	$(TOOLS)/docs/bin/pip install --quiet --requirement tools/docs.txt
	@touch $@

.PHONY: generate
generate: build ## Rewrite golden files from what the code does now; read the diff
	go test ./internal/view ./internal/manifest ./internal/component/kinds ./internal/component/microservice ./internal/component/network ./internal/component/rds ./internal/component/s3 \
		./internal/component/elasticache ./internal/component/sqs ./internal/component/worker ./internal/aws/catalog ./internal/reference ./internal/cli ./internal/scaffold -update
	DEPLOYER_TEST_BINARY=$(CURDIR)/bin/deployer go test -count=1 ./e2e -update

.PHONY: pulumi-check
pulumi-check: build $(TOOLS)/pulumi $(TOOLS)/pulumi-language-yaml ## Open the derived copy of a state with the stock pulumi CLI
	go build -o bin/testproxy ./e2e/testkit/cmd/testproxy
	go build -o bin/fakepulumi ./e2e/testkit/cmd/fakepulumi
	e2e/pulumi-check.sh

$(TOOLS)/%: tools/%/go.mod
	@mkdir -p $(TOOLS)
	cd tools/$* && go build -o $(CURDIR)/$@ "$$(sed -n 's/^tool //p' go.mod)"

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist .cache
