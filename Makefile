# make with no target prints this help. Each target has a line of its own.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Released binaries are reproducible: no paths, no build stamps but the version.
BUILD    := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
FUZZTIME ?= 10m
SOAK     ?= 1h
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN     := golang.org/x/vuln/cmd/govulncheck@latest

.PHONY: help
help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## bin/leakgate, bin/leakgate-admission and bin/leakgate-app for this machine
	$(BUILD) -o bin/ ./cmd/...

.PHONY: test
test: ## every test that needs only Go and git
	$(GO) vet ./...
	$(GO) test ./...

.PHONY: race
race: ## the same under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: e2e
e2e: build ## against real components: an API server, act, actionlint, the SARIF validator, a container; fuzz and race in CI
	test/e2e/run

.PHONY: e2e-matrix
e2e-matrix: build ## Argo CD, the garbage collector, and all of Kubernetes on an older API server (an hour the first time)
	LEAKGATE_INSTALL=1 test/e2e/run collector argo
	LEAKGATE_INSTALL=1 LEAKGATE_KUBE=v1.34.4 test/e2e/run admission corpus controllers webhook live chart

.PHONY: lint
lint: ## gofmt, the layers of docs/design/architecture.md, and the linters of .golangci.yml
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) run $(LINT) run ./...
	$(GO) mod tidy -diff

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 10m) each
	scripts/fuzz $(FUZZTIME)

.PHONY: bench
bench: build ## leakgate beside gitleaks on the repositories of LEAKGATE_BENCH_REPOS
	scripts/bench $(LEAKGATE_BENCH_REPOS)

.PHONY: bench-rewrite
bench-rewrite: build ## leakgate rewrite beside git-filter-repo on LEAKGATE_BENCH_REPO
	scripts/bench-rewrite $(LEAKGATE_BENCH_REPO)

.PHONY: bench-admission
bench-admission: ## the webhook: its handler, what it adds to a write through a real API server, its memory
	scripts/bench-admission

.PHONY: soak-admission
soak-admission: ## the real controllers through the webhook for SOAK (default 1h), with rotations, restarts and forged writes
	test/components/get etcd kube-apiserver kubectl sealed-secrets external-secrets vault kustomize-controller sops age >/dev/null
	LEAKGATE_E2E=true SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run TestSoak ./test/live

.PHONY: soak
soak: ## 10,000 deliveries to the App, lost, doubled and reordered, with kill -9 at random, on SQLite and PostgreSQL; an hour of outage; 800 histories (hours)
	LEAKGATE_DELIVERIES=10000 LEAKGATE_OUTAGE=1h LEAKGATE_SWEEP=800 test/e2e/app

.PHONY: bench-app
bench-app: ## the App: how long GitHub waits at 200 (SQLite) and 500 deliveries a second (PostgreSQL), how long people wait for a verdict
	scripts/bench-app

.PHONY: golden
golden: ## rewrite the golden files and deploy/; read the diff before committing
	$(GO) test ./internal/report ./cmd/leakgate ./admission ./admission/install -update
	$(GO) test ./internal/manifest -run Corpus -update

.PHONY: docs
docs: ## rewrite the pages that are made from data: docs/providers, docs/stores.md, docs/metrics.md, docs/writers.md
	$(GO) test ./remediate/revoke -run Pages -update
	$(GO) test ./remediate/rotate/stores -run ThePage -update
	$(GO) test ./remediate/metrics -run Page -update
	$(GO) test ./test/webhook -run Page -update

.PHONY: cross
cross: ## compile for every released platform
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
	  echo "$$os/$$arch"; GOOS=$$os GOARCH=$$arch $(BUILD) -o /dev/null ./cmd/...; done; done

.PHONY: dist
dist: ## the binaries of a release and their checksums.txt, in dist/ (VERSION=v1.2.3)
	@rm -rf dist; mkdir dist
	@for program in leakgate leakgate-admission leakgate-app; do for os in linux darwin windows; do for arch in amd64 arm64; do \
	  file=$${program}_$(VERSION:v%=%)_$${os}_$$arch; [ $$os != windows ] || file=$$file.exe; \
	  GOOS=$$os GOARCH=$$arch $(BUILD) -o dist/$$file ./cmd/$$program; done; done; done
	@cd dist; sha256sum leakgate* | tee checksums.txt

.PHONY: vuln
vuln: ## known vulnerabilities in what is linked (needs the network)
	$(GO) run $(VULN) ./...
