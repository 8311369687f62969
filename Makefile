# linedirector: every way to build, try, test and measure it. `make` alone lists them.
#
# Works as root on a fresh Debian 12 or 13 or Ubuntu 24.04 with git, Go, gcc and make;
# test/setup installs what else a target needs, says why, and starts no system service.

SHELL       := /bin/bash
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS     := -X main.version=$(VERSION)
FUZZTIME    ?= 30s
RUN         ?= .

# A clone that belongs to somebody else than root must build, too; the version comes from VERSION.
export GOFLAGS := $(filter-out -buildvcs=%,$(GOFLAGS)) -buildvcs=false

# Debian 13's libdpdk.pc asks for -mrtm, which cgo takes only if told that it may.
export CGO_CFLAGS_ALLOW := -mrtm

# Packages that need libdpdk, or maps memory that the race detector cannot see, and all the others.
DPDK  = $(shell .ci/packages dpdk)
PURE  = $(shell .ci/packages pure)

.DEFAULT_GOAL := help
.PHONY: help build generator demo demo-stop test unit race fuzz lint e2e churn bench bench-baseline bench-instructions bench-device bench-latency bench-reference bench-startup bench-veth bench-stall rescue predictors perf vulncheck ci clean

help: ## Show this list
	@echo "linedirector $(VERSION): make TARGET"
	@echo
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | \
	  awk -F ':.*## ' '{ printf "  %-18s %s\n", $$1, $$2 }'

build: ## Build bin/linedirector and bin/ldctl
	@test/setup build
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

generator: ## Build bin/generator, which plays clients and servers towards a director (docs/generator.md)
	@test/setup build
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/generator ./perf/generator

demo: build ## Show it at work without a NIC: a client, three nginx, the director between (KEEP=1 leaves it running)
	@test/setup demo
	@test/demo/run $(if $(KEEP),--keep)

demo-stop: ## Stop a demo that KEEP=1 left running
	@test/demo/run --stop

test: build ## Run all test layers: units, units under the race detector, DPDK, end to end
	@test/setup test
	@$(MAKE) --no-print-directory unit race e2e

unit: ## Run the unit tests, those on DPDK's virtual devices included
	go test $(PURE) $(DPDK)

race: ## Run under the race detector all that does not live in mapped memory
	go test -race $(PURE)

fuzz: ## Run every fuzzer for FUZZTIME=30s each
	@.ci/fuzz $(FUZZTIME)

lint: ## Check Go, C and shell: linters, formatters, arm64, the import table
	@test/setup build lint
	@.ci/lint

e2e: build ## Run the end-to-end tests in network namespaces, as root (RUN=regexp picks some)
	@test/setup test
	@((EUID == 0)) || { echo "e2e: network namespaces need root: sudo make e2e" >&2; exit 1; }
	go test -count=1 -timeout 15m -v -run '$(RUN)' ./test/e2e

churn: build ## Change the configuration ten times a second for CHURN_SECONDS=60 under load; no request may fail (as root)
	@test/setup test
	@((EUID == 0)) || { echo "churn: network namespaces need root: sudo make churn" >&2; exit 1; }
	CHURN_SECONDS=$${CHURN_SECONDS:-60} go test -count=1 -timeout 1h -v -run 'TestChurn$$' ./test/e2e

bench: ## Run the Go benchmarks of every stage and compare them with the baseline (2 minutes; BENCHFLAGS='--only Path')
	@test/setup build
	go run ./perf/bench $(BENCHFLAGS)

bench-baseline: ## Measure the stages anew for make bench to compare with, on the commit that is checked out
	@test/setup build
	go run ./perf/bench --renew $(BENCHFLAGS)

bench-instructions: ## Count the packet path's instructions beside those of C, by the CPU's counters or valgrind
	@test/setup build instructions
	go run ./perf/instructions $(INSTRUCTIONSFLAGS)

bench-device: build ## Measure the whole program through a device beside testpmd (as root; DEVICEFLAGS='--vary connections --rounds 3')
	@test/setup bench
	@((EUID == 0)) || { echo "bench-device: hugepages need root: sudo make bench-device" >&2; exit 1; }
	go run ./perf/device $(DEVICEFLAGS)

bench-latency: build generator ## Measure what a worker adds to a packet's way at half load, beside testpmd (as root, 5 minutes; LATENCYFLAGS=--publish)
	@test/setup bench
	@((EUID == 0)) || { echo "bench-latency: hugepages and namespaces need root: sudo make bench-latency" >&2; exit 1; }
	go run ./perf/latency $(LATENCYFLAGS)

bench-startup: build ## Measure start and reload with 10,000 reals, and the flow table's memory (as root; STARTUPFLAGS='--rounds 3')
	@test/setup bench
	@((EUID == 0)) || { echo "bench-startup: hugepages need root: sudo make bench-startup" >&2; exit 1; }
	go run ./perf/startup $(STARTUPFLAGS)

bench-reference: ## Measure the packet path beside the same stages in C (REFERENCEFLAGS='--rounds 3')
	@test/setup build
	go run ./perf/reference $(REFERENCEFLAGS)

bench-veth: build ## Measure it beside nftables, HAProxy and testpmd on veth pairs, with real clients (as root, a quarter of an hour; VETHFLAGS=--publish)
	@test/setup bench-veth
	@((EUID == 0)) || { echo "bench-veth: network namespaces need root: sudo make bench-veth" >&2; exit 1; }
	go run ./perf/veth $(VETHFLAGS)

bench-stall: build ## Measure how long workers are kept from their queues while control is busy (as root, 15 minutes; STALLFLAGS=--publish)
	@test/setup bench
	@((EUID == 0)) || { echo "bench-stall: hugepages need root: sudo make bench-stall" >&2; exit 1; }
	go run ./perf/stall $(STALLFLAGS)

rescue: build ## Show which balancers lose connections when a server dies (as root, 20 minutes; RESCUEFLAGS='--scenarios silent')
	@test/setup rescue
	@((EUID == 0)) || { echo "rescue: network namespaces need root: sudo make rescue" >&2; exit 1; }
	go run ./perf/rescue $(RESCUEFLAGS)

predictors: ## Measure the predictors' shares against theory, and draw a slow start (as root, a minute; PREDICTORSFLAGS=--publish)
	@test/setup test
	@((EUID == 0)) || { echo "predictors: network namespaces need root: sudo make predictors" >&2; exit 1; }
	go run ./perf/predictors $(PREDICTORSFLAGS)

# What make perf runs, in this order.
PERF = bench bench-reference bench-instructions bench-startup bench-device bench-latency bench-veth bench-stall

perf: build ## Run all measurements of docs/performance.md (as root, an hour and a quarter; PERFFLAGS='--publish' or '--rounds 1')
	@((EUID == 0)) || { echo "perf: hugepages and namespaces need root: sudo make perf" >&2; exit 1; }
	@echo "perf: $(PERF): an hour and a quarter; results go to bin/, with --publish to docs/ and perf/*/results"
	@begin=$$SECONDS; for target in $(PERF); do \
	  echo "perf: $$target, after $$((SECONDS - begin)) s"; \
	  $(MAKE) --no-print-directory $$target VERSION='$(VERSION)' DEVICEFLAGS='$(PERFFLAGS)' REFERENCEFLAGS='$(PERFFLAGS)' STARTUPFLAGS='$(PERFFLAGS)' VETHFLAGS='$(PERFFLAGS)' LATENCYFLAGS='$(PERFFLAGS)' \
	    INSTRUCTIONSFLAGS='$(filter --publish,$(PERFFLAGS))' STALLFLAGS='$(filter --publish,$(PERFFLAGS))' || exit; \
	done; echo "perf: all done, after $$((SECONDS - begin)) s"

vulncheck: ## Look the dependencies up in Go's vulnerability database (needs vuln.go.dev)
	@.ci/vulncheck

ci: ## Run what continuous integration runs: lint and all tests
	@.ci/run

clean: ## Remove what was built
	rm -rf bin
	go clean ./...
