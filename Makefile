# Every recipe is short; what needs more than a few lines is a script under scripts/. CI runs .ci/run, which calls these.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

DEMO_ARGS ?=
STACK_ARGS ?=
FUZZTIME  ?= 10s
BENCH     ?= .
COUNT     ?= 6

TOOLS  := go -C internal/tools
# The modules beside the product's own: development tools, and what tests need beside it.
MODULES := $(patsubst %/go.mod,%,$(wildcard internal/*/go.mod))
LINTER := .cache/tools/golangci-lint
CHDB   := .cache/chdb/.complete
KAFKA  := .cache/kafka/.complete

.PHONY: help deps build demo test lint fmt generate web check-generated fuzz bench bench-drain stack kafka clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

deps: $(CHDB) ## Fetch what the other targets need into .cache/ (the ClickHouse engine, Kafka, clients, Grafana's types, Go modules)
	@go mod download
	@for module in $(MODULES); do go -C "$$module" mod download; done
	@scripts/deps kafka-if-possible
	@scripts/deps clients-if-possible
	@scripts/deps grafana-types-if-possible

build: ## Build bin/tidemark
	CGO_ENABLED=0 go build -trimpath -o bin/tidemark .

demo: build $(CHDB) ## Run the whole pipeline in one process (DEMO_ARGS="--duration 30s --exit")
	bin/tidemark demo $(DEMO_ARGS)

test: deps lint ## Lint, vet, all tests, with the race detector where goroutines are, a short pass of every fuzz target
	go vet ./...
	for module in $(MODULES); do go -C "$$module" vet ./... && go -C "$$module" test ./...; done
	FUZZTIME=$${FUZZTIME:-1s} scripts/fuzz
	scripts/gotest

lint: $(LINTER) ## Run golangci-lint
	$(LINTER) run
	for module in $(MODULES); do (cd "$$module" && "$(CURDIR)/$(LINTER)" run); done

fmt: $(LINTER) ## Format the Go code
	$(LINTER) fmt

generate: ## Write the generated code again (Protobuf, go generate)
	$(TOOLS) run ./protogen "$(CURDIR)" $(shell find schemas -name '*.proto' | sort)
	go generate ./...

web: ## Build the preview's page and the script of load reports (needs npm; what is built is committed, so only after a change of them)
	@scripts/web

check-generated: ## Fail if the generated files, go.mod or go.sum are not what their sources give
	scripts/check-generated

fuzz: ## Fuzz every target for FUZZTIME (10s)
	FUZZTIME=$(FUZZTIME) scripts/fuzz

bench: $(CHDB) ## Run the benchmarks (BENCH=regexp COUNT=6) and summarize them
	@mkdir -p .cache
	go test -run='^$$' -bench='$(BENCH)' -benchmem -count=$(COUNT) ./... | tee .cache/bench.txt
	$(TOOLS) tool benchstat "$(CURDIR)/.cache/bench.txt"

bench-drain: build $(CHDB) $(KAFKA) ## Drain one backlog by Tidemark, by ClickHouse's Kafka engine and by an OpenTelemetry Collector (EVENTS, ROUNDS)
	@PROGRAM=bin/tidemark scripts/bench-drain

stack: build $(CHDB) ## Run the embedded broker and ClickHouse engine (STACK_ARGS)
	bin/tidemark stack $(STACK_ARGS)

kafka: $(KAFKA) ## Run a real Apache Kafka on 127.0.0.1 until interrupted; prints its address
	go run ./internal/test/kafka/cmd/kafka

clean: ## Remove what was built (the downloads in .cache/ stay)
	rm -rf bin .cache/tools .cache/bench.txt

# A download is made beside its place and moved there when whole, so that an interrupted one is never taken as done.
$(CHDB): internal/tools/chdb/package-lock.json
	@scripts/deps chdb

$(KAFKA): deploy/kafka/pom.xml
	@scripts/deps kafka

$(LINTER): internal/tools/go.mod internal/tools/go.sum
	@echo "building golangci-lint (once; about 3 minutes on 2 cores)"
	@$(TOOLS) build -trimpath -o "$(CURDIR)/$@" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
