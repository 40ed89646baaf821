# make demo   shows the main job, in a throw-away folder
# make test   all tests; installs what they need, or prints how
# make test-all  and those that take too long for every change
# make release  archives, packages and manifests in bin/release, of what is committed
# make bench  picoca's speed and size beside others'
# make man    the man pages, in bin/man
# make picture  the picture in the README, again
# make pictures  and those of the other pages; look at them
GO ?= go
FUZZTIME ?= 5s
BIN := bin/picoca

.PHONY: demo test test-all test-bare build deps boards lint vulns unit fuzz cross release bench boards-table man picture pictures install clean

build:
	GO=$(GO) scripts/build.sh $(BIN)

demo: build
	$(GO) run ./demo $(BIN)

test: deps boards lint vulns unit fuzz cross

test-all: test
	scripts/deps.sh all
	GOOS=darwin $(GO) vet ./cmd/... ./internal/...
	GOOS=windows $(GO) vet ./cmd/... ./internal/...
	scripts/fuzz.sh 1m
	npm ci --prefix testdata/bun --no-audit --no-fund --ignore-scripts
	PICOCA_TEST_ALL=1 $(GO) test -vet=off -count=1 -timeout 60m ./e2e/trust ./e2e/clients ./e2e/years ./e2e/growth ./e2e/verifiers ./e2e/faults
	PICOCA_TEST_ALL=1 $(GO) test -vet=off -count=1 -timeout 20m -run Batch ./internal/pki
	PICOCA_TEST_ALL=1 $(GO) test -vet=off -count=1 -run 'TestPictureOf|TestWhatAnUpdateCosts|TestUpdatesAndPowerCuts' ./e2e/phone ./e2e/example
	PICOCA_TEST_ALL=1 $(GO) test -vet=off -count=1 -timeout 90m -v ./e2e/release
	scripts/test-bare.sh

# The tests of a clone on a bare Debian 12, as root.
test-bare:
	scripts/test-bare.sh

deps:
	scripts/deps.sh

# The TLS stacks of the boards' firmware, from Debian's sources; built once. In
# CI they must be there; elsewhere their tests name what they skip.
boards:
	testdata/boards/build.sh || [ -z "$$CI" ]

lint:
	scripts/lint.sh

vulns:
	scripts/vulns.sh

# A shuffled order keeps tests from leaning on each other. The end-to-end tests and
# the scripts drive a program that the race detector would not see, or only slow
# down. Passphrases take five times as long under it, and of package pki, which has
# the most of them, only lists run on several goroutines. lint has vetted it all.
unit:
	$(GO) test -vet=off -race -shuffle=on -timeout 20m $$($(GO) list ./internal/... | grep -v '/internal/pki$$')
	$(GO) test -vet=off -race -shuffle=on -timeout 20m -run 'Batch|List|Order|Worker' ./internal/pki
	$(GO) test -vet=off -shuffle=on -timeout 20m ./internal/pki ./cmd/... ./e2e/...

fuzz:
	scripts/fuzz.sh $(FUZZTIME)

# People run picoca on a Raspberry Pi, a Mac and Windows; none of them needs cgo.
cross:
	scripts/cross.sh

release:
	scripts/release.sh

bench:
	$(GO) run ./bench

# Dated by the last commit: the same sources make the same pages.
man:
	$(GO) run ./tools/man bin/man $$(git log -1 --format=%cs 2>/dev/null || date -u +%F)

# What a handshake costs with picoca's certificates, mkcert's and openssl's.
boards-table: boards
	PICOCA_BOARD_TABLE=$(CURDIR)/bin/handshakes.md $(GO) test -count=1 -run TestHandshakeTable ./e2e/boards
	cat bin/handshakes.md

# The README's picture: a board's page in Chromium. It needs xdotool.
picture: boards
	PICOCA_PICTURE=$(CURDIR)/docs/padlock.png $(GO) test -count=1 -run TestPicture ./e2e/example

# test-all fails when what one of them shows has changed.
pictures: picture
	PICOCA_PICTURES=1 $(GO) test -p 1 -count=1 -run TestPictureOf ./e2e/phone ./e2e/example

# Builds nothing: root, by sudo, may have no Go in its path.
install:
	@[ -x $(BIN) ] || { echo "run make build first"; exit 1; }
	install -d $(DESTDIR)/usr/local/bin
	install -m 755 $(BIN) $(DESTDIR)/usr/local/bin/picoca

clean:
	rm -rf bin
