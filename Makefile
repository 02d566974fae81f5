# Souk. `make run` shows it, `make test` proves it; each does its own set-up. CONTRIBUTING.md has the map.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ldflags := -s -w -X github.com/soukhq/souk/internal/telemetry.Version=$(version)
sqlite_tests := SOUK_REQUIRE_ALL= SOUK_TEST_POSTGRES= SOUK_TEST_ENGINES=sqlite go test -short ./internal/serve ./internal/review ./...
console := web/dist/index.html
console_sources := $(shell find web -type d \( -name node_modules -o -name dist -o -name e2e -o -name test-results -o -name playwright-report \) -prune -o -type f -print 2>/dev/null)
addr ?= localhost:8080

.PHONY: help
help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: build ## Build all of it and serve the demo on http://localhost:8080, with data in .cache/demo made anew
	@rm -rf .cache/demo
	exec bin/souk demo --addr $(addr) --data .cache/demo

.PHONY: build
build: $(console) ## Build the console and bin/souk
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(ldflags)' -o bin/souk ./cmd/souk

# The console is built only when one of its sources is newer than what was built.
$(console): $(console_sources)
	@scripts/npm-packages
	cd web && npm run --silent build
	touch dist/index.html dist/.gitkeep

.PHONY: dev
dev: ## Serve the demo with reload: Vite for the console, Go built anew when a file changes
	scripts/npm-packages
	scripts/dev

.PHONY: generate
generate: ## Write the generated files anew: openapi.json, the console's types and names of events, docs/reference, the verdicts that both validators share, protobuf
	@scripts/protobuf
	go generate ./internal/api ./internal/audit ./internal/template ./internal/cli
	scripts/npm-packages
	cd web && npm run --silent generate

.PHONY: format
format: ## Format Go and TypeScript
	scripts/golangci-lint fmt
	scripts/npm-packages
	cd web && npm run --silent format

.PHONY: quick
quick: ## The loop, under a minute: vet, tests on SQLite without -race, the console's unit tests
	@go vet ./...
	$(sqlite_tests)
	scripts/npm-packages
	cd web && npm run --silent types && npm run --silent test

.PHONY: test check
check: test
test: ## The whole gate: format, lint, generated files, both engines with -race, Rego, console, stock clients, browser
	@start=$$SECONDS
	step() { echo "== $$* ($$((SECONDS - start)) s)"; }
	step console: format, lint, types, unit tests, and beside it Go: format and lint
	mkdir -p .cache
	{ scripts/npm-packages && scripts/npm-packages internal/flag/testdata/stock && cd web &&
		npm run --silent lint && npm run --silent types && npm run --silent test; } >.cache/console.log 2>&1 &
	beside=$$!
	scripts/golangci-lint fmt --diff
	scripts/golangci-lint run
	(cd bench && go vet ./...)
	scripts/conftest --version >/dev/null || [ -z "$${SOUK_REQUIRE_ALL:-}" ]
	wait $$beside && tail -n 5 .cache/console.log || { cat .cache/console.log; exit 1; }
	step console: build
	$(MAKE) $(console)
	step generated files
	scripts/unchanged $(MAKE) generate
	step Go: tests on SQLite, Rego tests, import table
	$(sqlite_tests)
	step Go: tests with -race on PostgreSQL, and on SQLite of what is concurrent
	scripts/with-postgres scripts/race-tests
	step Go: tests of what is large, without -race
	scripts/with-postgres scripts/large-tests
	$(MAKE) build
	step stock clients against the binary
	scripts/client-tests
	step browser: the stories in chromium
	chromium=$$(scripts/chromium)
	if [ -n "$$chromium" ]; then (cd web && E2E_WORKERS=3 CHROMIUM=$$chromium npm run --silent e2e); fi
	echo "== all green ($$((SECONDS - start)) s)"

.PHONY: bench
bench: build ## Measure, and write docs/benchmarks.md
	@scripts/bench

.PHONY: fuzz
fuzz: ## Fuzz all that reads what others write, MINUTES=5 each
	@scripts/fuzz "$${MINUTES:-5}"

.PHONY: pictures
pictures: build ## Take the pictures of README and docs from the demo
	@chromium=$$(scripts/chromium)
	cd web && CHROMIUM=$$chromium npm run --silent pictures

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin web/dist/* web/node_modules clients/node_modules .cache
