# sess: the targets a person types. `make help` lists them.

GO       ?= go
PREFIX   ?= /usr/local
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 60s
ROUNDS   ?= 1
LDFLAGS   = -s -w -X sess/lib/cli.version=$(VERSION)

export CGO_ENABLED = 0
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

.PHONY: help build install uninstall dist demo test check bench torture fuzz cross clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## all binaries, into bin/
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

install: build ## the tools, man pages and completions, below PREFIX
	@sh packaging/install.sh install bin '$(DESTDIR)$(PREFIX)'

uninstall: ## what install has put there
	@sh packaging/install.sh uninstall bin '$(DESTDIR)$(PREFIX)'

dist: ## archives, .deb and .rpm for every system, with checksums, into dist/
	$(GO) run ./packaging/dist -version '$(VERSION)'

demo: build ## a tour on a tenant of this machine's own
	@PATH="$(CURDIR)/bin:$$PATH" sh demo/demo.sh

test: ## all tests, in under 4 minutes on 2 cores
	$(GO) test ./...

check: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

bench: build ## timings, as ratios; docs/benchmarks.md says how to read them
	@for dir in bench/*/; do [ ! -f "$$dir/main.go" ] || { \
		printf '\n== %s\n' "$$dir"; PATH="$(CURDIR)/bin:$$PATH" $(GO) run "./$$dir" || exit 1; }; done

torture: ## kill -9, faults and restarts, many rounds of each
	SESS_TORTURE=$(ROUNDS) $(GO) test -count=1 -timeout 120m -run 'Torture|Kill|Fault|Churn|Recall' ./...

fuzz: ## every fuzz target, FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg || exit 1; \
		done; \
	done

cross: ## every system and processor we build for
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch"; GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./... || exit 1; \
	done; done

clean: ## what build and dist made
	rm -rf bin dist
