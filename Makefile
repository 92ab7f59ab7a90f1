# deskstream: `make demo` and `make test` each do their whole set-up on a machine with Go, Node/npm and make; `make test` needs a C compiler too.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# The code imports encoding/json/v2, and encoding/json is built on it, which decodes a ticket event in less than half the time.
export GOEXPERIMENT := jsonv2

OS := $(shell uname -s | tr '[:upper:]' '[:lower:]')
CPU := $(shell uname -m)
ENGINE_VERSION := 26.7.3-stable.1
ENGINE_PACKAGE := @chdb/lib-$(if $(filter darwin,$(OS)),darwin,linux)-$(if $(filter arm64 aarch64,$(CPU)),arm64,x64)$(if $(filter linux,$(OS)),-gnu,)
ENGINE := tools/engine/node_modules/$(ENGINE_PACKAGE)/libchdb.so
LINT := bin/tools/golangci-lint
LINT_VERSION := v2.15.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TEST_FLAGS ?=
FUZZ_TIME ?= 30s
# Tickets in the history that the benchmark of the reports loads, with ten activities each.
SCALE ?= 100000

.PHONY: build static demo test bench lint engine fuzz clean

BUILD := go build -trimpath -ldflags "-X main.version=$(VERSION)"

build: engine ## the complete program at bin/deskstream
	$(BUILD) -o bin/deskstream ./cmd/deskstream

static: ## a static program at bin/deskstream-static, without the engine: for NATS and ClickHouse servers outside of it
	CGO_ENABLED=0 $(BUILD) -tags noengine -o bin/deskstream-static ./cmd/deskstream

demo: build ## a simulated Zendesk account with 90 days of history, connected and live
	bin/deskstream demo

# The race detector brings checks of unsafe pointers, which take a tenth of the time in packages that are not ours. Packages that only compute, without atomics
# and without generic code that the linker would share with others, are not watched.
UNWATCHED := encoding/json/jsontext encoding/json/internal/... github.com/klauspost/compress/... github.com/ClickHouse/ch-go/compress github.com/ClickHouse/ch-go/proto
RACE := -race -gcflags=all=-d=checkptr=0 -gcflags=deskstream/...=-d=checkptr=1 $(UNWATCHED:%=-gcflags=%=-race=false)

test: engine ## every test, with the race detector where that does not change what is measured
	@command -v $$(go env CC) >/dev/null || { echo "make test needs a C compiler for the race detector: $$(go env CC) is not there" >&2; exit 1; }
	go test $(RACE) -timeout 40m $(TEST_FLAGS) ./...
	go test -timeout 10m -run '^TestEveryFilterIsPaidFor$$' ./liquid # without the race detector, which changes what it measures

bench: engine ## the benchmarks behind the tables in README.md; that of the reports is for SCALE=10000000
	npm ci --prefix tools/liquidjs
	DESKSTREAM_BENCH_TICKETS=$(SCALE) go test -run '^$$' -bench . -benchtime 1x -timeout 240m $(TEST_FLAGS) ./cmd/deskstream
	go test -run '^$$' -bench . -benchtime 1s -timeout 30m $(TEST_FLAGS) ./stream ./processors ./sinks ./liquid
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m $(TEST_FLAGS) ./reports

lint: $(LINT) ## linters, formatting and module hygiene
	$(LINT) run ./...
	go mod tidy -diff
	go mod verify

$(LINT):
	GOBIN=$(CURDIR)/bin/tools GOEXPERIMENT= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

engine: $(ENGINE) ## the ClickHouse engine library, pinned in tools/engine

$(ENGINE): tools/engine/package.json tools/engine/package-lock.json
ifeq ($(ENGINE_PACKAGE),@chdb/lib-linux-x64-gnu)
	npm ci --prefix tools/engine
else
	npm install --prefix tools/engine --no-save --no-package-lock $(ENGINE_PACKAGE)@$(ENGINE_VERSION)
endif
	test -s $(ENGINE)
	touch $(ENGINE)

fuzz: ## every fuzz target for FUZZ_TIME
	@grep -rno --include=*_test.go 'func Fuzz[A-Za-z]*' . | while IFS=: read -r file _ target; do \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 5x "$$(dirname "$$file")" || exit 1; done

clean:
	rm -rf bin tools/engine/node_modules tools/liquidjs/node_modules
