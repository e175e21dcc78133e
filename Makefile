# SPDX-License-Identifier: Apache-2.0
#
# make demo    the main job, told line by line, in under a minute after the build
# make test    every test
# The others are for those who work on Postreiter.

SEEDS ?= 1000
SEED ?=
ROUNDS ?= 100
SECONDS ?= 60
MINUTES ?= 30
FUZZERS ?=

.PHONY: demo test release bench bench-imap bench-verdicts bench-summary bench-memory crash-test soak simulate fuzz try-thunderbird format lint clean packages-build packages-test packages-thunderbird

demo: release
	.build/release/postreiter demo $(ARGUMENTS)

release: packages-build
	swift build -c release --product postreiter --static-swift-stdlib

test: packages-test
	swift build --build-tests
	Scripts/run-tests

# Ingest, relaying and draining beside Postfix, in the same run, on the same cores.
bench: packages-test release
	Scripts/bench

# A mailbox of 10,000 messages by IMAP, beside Dovecot, in the same run, on the same cores.
bench-imap: packages-test release
	Scripts/bench-imap

# SPF, DKIM and DMARC on one core, beside libopendkim, libspf2, pyspf and bare OpenSSL.
bench-verdicts: packages-test
	BENCHMARK=1 swift build -c release --product bench-verdicts --static-swift-stdlib
	Scripts/bench-verdicts

# What envelope, structure, layout, preview and search texts of a message cost on one core.
bench-summary: packages-build
	BENCHMARK=1 POSTREITER_CORES=1 swift run -c release --scratch-path .build/cores-release \
	    bench-summary

# What idle connections, large messages and long queues cost.
bench-memory: packages-test release
	FIGURES=1 TESTED_BINARY=$(CURDIR)/.build/release/postreiter \
	    swift test --filter FiguresTests

# kill -9 at a random moment under load; every acknowledged message must be found again.
# ROUNDS=n sets how often, SEED=n repeats the choices of a run.
crash-test: packages-test release
	CRASH_ROUNDS=$(ROUNDS) CRASH_SEED=$(SEED) \
	    TESTED_BINARY=$(CURDIR)/.build/release/postreiter swift test --filter CrashTests

# Load for MINUTES with peers that stop and start, reloads and restarts: at the end what was
# accepted is delivered, notified or queued, to the last message.
soak: packages-test release
	SOAK_SECONDS=$$(($(MINUTES) * 60)) SOAK_SEED=$(SEED) \
	    TESTED_BINARY=$(CURDIR)/.build/release/postreiter swift test --filter SoakTests

# A real Thunderbird in a network of its own, from the account wizard to two programs at once.
try-thunderbird: packages-thunderbird release
	Scripts/try-thunderbird

# Whole servers in virtual time: SEEDS=n runs that many, SEED=n replays one and tells its story.
simulate: packages-test
	swift build --build-tests
	SIMULATION_SEEDS=$(SEEDS) SIMULATION_SEED=$(SEED) \
	    swift test --skip-build --filter 'PromisesTests/promises|RoadworksTests'

# Millions of inputs for each parser, SECONDS=n for each; FUZZERS="A B" only these.
fuzz:
	Scripts/fuzz $(SECONDS) $(FUZZERS)

format:
	swift format -i -r Package.swift Sources Tests Fuzzers Benchmarks

lint:
	swift format lint --strict -r Package.swift Sources Tests Fuzzers Benchmarks

clean:
	swift package clean

packages-build:
	@Scripts/packages build

packages-test:
	@Scripts/packages test

packages-thunderbird:
	@Scripts/packages thunderbird
