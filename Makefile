# `make run` needs Python >= 3.11 and nothing else; `make cassandra` and `make zookeeper` Java 17 and, once, Maven;
# `make test` all of these and what scripts/check_prerequisites.py names.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .data
PORT ?= 8080
CASSANDRA_ADDRESS ?= 127.0.0.1
CASSANDRA_PORT ?= 9042
NODES ?= 1
ZOOKEEPER_PORT ?= 2181
SERVERS ?= 1
export PYTHONPATH :=
# Images of machines set this: each of the hundreds of processes that the suite starts would compile every module anew.
export PYTHONDONTWRITEBYTECODE :=
MYPY := PYTHONPATH= MYPYPATH=$(CURDIR)/.dev $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache

.PHONY: run cassandra run-cassandra zookeeper cluster fit test check lint types unit networks simulation power system browser openapi \
	cassandra-one cassandra-three nodes chaos-short chaos chaos-cassandra fuzz fuzz-device bench bench-nodes bench-cassandra lock clean prerequisites

# ── two commands for everybody ──────────────────────────────────────────────────────────────────────────────────

run: $(VENV)/.serve  ## start everything on this machine, with a simulated gym floor
	$(BIN)/kinelog demo --data $(DATA) --port $(PORT)

# Two groups at a time, and the next as soon as one has ended: where one waits for servers, another computes. The longest
# is first, and what only computes comes beside it; between the two that start three nodes of Cassandra stand others that
# keep them apart. Each group prints all that it has to say when it ends; after one has failed no other is begun.
GROUPS := cassandra-one check unit openapi networks simulation cassandra-three browser system chaos-short nodes power

test: prerequisites $(VENV)/.dev  ## everything CI runs
	$(MAKE) --jobs 2 --output-sync=target $(GROUPS)
	@echo "all groups passed"

# ── the same on Cassandra: a real one, on this machine, without Docker ──────────────────────────────────────────

CASSANDRA := $(PYTHON) -m cassandra_server --folder $(DATA)/cassandra --nodes $(NODES) \
	--address $(CASSANDRA_ADDRESS) --port $(CASSANDRA_PORT)

cassandra:  ## a Cassandra until Ctrl-C; its data stays
	$(CASSANDRA)

run-cassandra: $(VENV)/.cassandra  ## as `run`, with everything in Cassandra; Ctrl-C stops both
	$(CASSANDRA) -- $(BIN)/kinelog demo --data $(DATA) --port $(PORT) --store {store}

zookeeper:  ## a ZooKeeper until Ctrl-C, one server or SERVERS=3
	$(PYTHON) -m zookeeper_server --folder $(DATA)/zookeeper --servers $(SERVERS) --port $(ZOOKEEPER_PORT)

# Everything of a group of nodes on this machine; DATA=… keeps it elsewhere.
CASSANDRA_NODES ?= 1

cluster: $(VENV)/.cluster  ## three nodes, Cassandra and ZooKeeper, with a simulated gym floor; Ctrl-C stops all
	$(PYTHON) -m zookeeper_server --folder $(DATA)/cluster/zookeeper --port $(ZOOKEEPER_PORT) -- \
	$(PYTHON) -m cassandra_server --folder $(DATA)/cluster/cassandra --nodes $(CASSANDRA_NODES) \
		--address $(CASSANDRA_ADDRESS) --port $(CASSANDRA_PORT) -- \
	$(BIN)/python scripts/cluster_here.py --data $(DATA)/cluster/nodes --port $(PORT) --store {store} --zookeeper {zookeeper}

# ── the nightly fit, on this machine ────────────────────────────────────────────────────────────────────────────

RECORDINGS ?= $(KINELOG_RECORDINGS)
ONLY ?= gymwatch

fit: $(VENV)/.fit  ## two nights of the fit: on real recordings (RECORDINGS=folder ONLY=name), else on simulated people
	$(BIN)/python scripts/fit_here.py --data $(DATA)/fit-here $(if $(RECORDINGS),--recordings $(RECORDINGS) --only $(ONLY))

# ── groups of the suite ─────────────────────────────────────────────────────────────────────────────────────────

BENCH := PYTHONPATH=$(CURDIR)/.dev $(BIN)/python -m benchmarks
PYTEST := $(BIN)/pytest -p no:cacheprovider -q

check: lint types

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# From outside the root: the root's own `codecs/` would shadow the standard library's for mypy.
types: $(VENV)/.dev
	$(PYTHON) scripts/link_namespace.py
	cd $(VENV) && $(MYPY) -p kinelog -p tests -p benchmarks -p scripts -p cassandra_server -p zookeeper_server

unit: $(VENV)/.dev
	$(PYTEST) -n 2 -m "not simulation and not power and not openapi and not system and not browser \
		and not cassandra and not cassandra_cluster and not fit and not nodes and not chaos"

# The groups below name their folders: collecting `tests/ml` loads what networks are trained with. A test
# (tests/architecture/test_suite_groups.py) holds that no test is in none of them.
networks: $(VENV)/.dev
	$(PYTEST) -n 2 -m fit tests/ml

simulation: $(VENV)/.dev
	$(PYTEST) -n 2 -m simulation tests/simulation

power: $(VENV)/.dev
	$(PYTEST) -n 2 -m power tests/journal

openapi: $(VENV)/.dev
	$(PYTEST) -m openapi tests/api

system: $(VENV)/.dev
	$(PYTEST) -n 2 -m system tests/documents tests/system

browser: $(VENV)/.dev
	$(PYTEST) -m browser tests/ml/report tests/pages tests/system

# By file: what starts a server of its own for a file starts it once. (`loadgroup` groups nothing under pytest 9.2.)
cassandra-one: $(VENV)/.dev
	$(PYTEST) -n 2 --dist loadfile -m "cassandra and not cassandra_cluster" tests/cassandra tests/cassandra_chaos \
		tests/cassandra_session tests/deploy tests/documents tests/journal tests/nodes tests/privacy tests/projections tests/registry tests/system tests/webhooks

# Without workers: these tests stop and pause the nodes that they share.
cassandra-three: $(VENV)/.dev
	$(PYTEST) -m cassandra_cluster tests/cassandra tests/cassandra_chaos

# ZooKeeper and nodes on a shared data folder: everything of many nodes that needs no Cassandra.
nodes: $(VENV)/.dev
	$(PYTEST) -n 2 --dist loadfile -m nodes tests/actors tests/nodes tests/routing tests/zookeeper

chaos-short: $(VENV)/.dev
	$(PYTEST) -m chaos tests/cluster_chaos

MINUTES ?= 30

chaos: $(VENV)/.dev  ## break a whole cluster under load for half an hour (MINUTES=5, SEED=3), and judge what phones were told
	PYTHONPATH=$(CURDIR)/.dev $(BIN)/python -m tests.cluster_chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

CHAOS ?= --rounds 2 --kills 50

chaos-cassandra: $(VENV)/.dev  ## kill and pause three nodes and the service under load; half an hour (CHAOS=--short: minutes)
	PYTHONPATH=$(CURDIR)/.dev $(BIN)/python -m tests.cassandra_chaos $(CHAOS)

fuzz: $(VENV)/.dev  ## a million damaged frames
	$(BIN)/python -m kinelog.codecs.fuzz --cases 1000000 --seed 1

fuzz-device: $(VENV)/.dev  ## two million damaged models for the device's evaluator, under its sanitizers
	PYTHONPATH=$(CURDIR)/.dev $(BIN)/python -m tests.device.fuzzing --cases 2000000 --seed 1

bench: $(VENV)/.dev  ## every figure of docs/benchmarks.md, as ratios (about 10 minutes, on an idle machine)
	$(BENCH).decode_frames
	$(BENCH).decide_frames
	$(BENCH).device_evaluation
	$(BENCH).batched_fits
	$(BENCH).journal_commits
	$(BENCH).replay
	$(BENCH).resident_users --users 100000
	$(BENCH).projection_lag --seconds 10
	$(BENCH).http_ingest --seconds 10 --rounds 3
	$(BENCH).processes --seconds 10 --rounds 3

PEER ?=

bench-nodes: $(VENV)/.dev  ## the figures of many nodes, failover first (about 25 minutes, idle machine)
	$(BENCH).failover

bench-cassandra: $(VENV)/.dev  ## the figures on Cassandra (about 15 minutes, idle machine); PEER=folder of the built peer
	$(BENCH).cassandra_commits --nodes 1
	$(BENCH).cassandra_commits --nodes 3
	$(BENCH).recovery $(if $(PEER),--peer $(PEER))
	$(if $(PEER),$(BENCH).cassandra_peer --peer $(PEER))
	$(BENCH).cassandra_ingest --connections 256
	$(BENCH).rows_read

prerequisites:
	@$(PYTHON) scripts/check_prerequisites.py
	@$(PYTHON) -m cassandra_server.jars
	@$(PYTHON) -m zookeeper_server.jars

# ── environments, from the full lock ────────────────────────────────────────────────────────────────────────────

$(VENV)/bin/python:
	$(PYTHON) scripts/check_python.py
	$(PYTHON) -m venv $(VENV)

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ITSELF := $(PIP) --no-deps --no-build-isolation --editable .

$(VENV)/.serve: $(VENV)/bin/python requirements/serve.txt requirements/build.txt setup.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/serve.txt
	$(ITSELF)
	touch $@

$(VENV)/.cassandra: $(VENV)/bin/python requirements/cassandra.txt requirements/build.txt setup.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/cassandra.txt
	$(ITSELF)
	touch $@ $(VENV)/.serve

$(VENV)/.cluster: $(VENV)/bin/python requirements/cluster.txt requirements/build.txt setup.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/cluster.txt
	$(ITSELF)
	touch $@ $(VENV)/.serve $(VENV)/.cassandra

$(VENV)/.fit: $(VENV)/bin/python requirements/ml.txt requirements/build.txt setup.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/ml.txt
	$(ITSELF)
	touch $@ $(VENV)/.serve $(VENV)/.cassandra

$(VENV)/.dev: $(VENV)/bin/python requirements/dev.txt requirements/build.txt setup.cfg
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/dev.txt
	$(ITSELF)
	$(PYTHON) scripts/link_namespace.py
	touch $@ $(VENV)/.serve $(VENV)/.cassandra $(VENV)/.cluster $(VENV)/.fit

lock:  ## rewrite the locks from the ranges in setup.cfg (needs uv)
	uv pip compile requirements/build.in --universal --python-version 3.11 --generate-hashes --no-header -o requirements/build.txt
	uv pip compile setup.cfg --universal --python-version 3.11 --generate-hashes --no-header -o requirements/serve.txt
	uv pip compile setup.cfg --extra cassandra --universal --python-version 3.11 --generate-hashes --no-header -o requirements/cassandra.txt
	uv pip compile setup.cfg --extra cassandra --extra cluster --extra tracing --universal --python-version 3.11 --generate-hashes --no-header -o requirements/cluster.txt
	uv pip compile setup.cfg --extra cassandra --extra ml --universal --python-version 3.11 --generate-hashes --no-header -o requirements/ml.txt
	uv pip compile setup.cfg --extra ml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements/dev.txt

clean:
	rm -rf $(VENV) .dev build dist .mypy_cache .ruff_cache .hypothesis
