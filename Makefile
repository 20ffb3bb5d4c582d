# Everything a person or CI does here, on a machine that has only python3 (3.11 or newer), pip and
# make. Knows nothing of Windows: README.md gives each command without make.
# macOS has GNU make 3.81, so nothing newer than that is used.

PYTHON ?= python3
MINUTES ?= 5

VENV := .venv
RUN := $(VENV)/bin/python
# The pip outside installs into the environment: ensurepip, which would bring one inside, is missing
# on Debian and takes seconds elsewhere. Where the one outside is too old for that, there is one inside.
PIP = $(shell if $(RUN) -c 'import pip' 2>/dev/null; then echo $(RUN) -m pip; \
	else echo $(PYTHON) -m pip --python $(RUN); fi)
INSTALL = $(PIP) install --disable-pip-version-check
SERVED = $(if $(MODEL),--model "$(MODEL)") $(if $(REVISION),--revision "$(REVISION)") \
	$(if $(PORT),--port "$(PORT)")
REFERENCE := runs/python-reference.txt
MAC_CHROME := /Applications/Google Chrome.app/Contents/MacOS/Google Chrome
FIND_CHROMIUM = for name in "$$CHROMIUM" chromium chromium-browser google-chrome "$(MAC_CHROME)"; \
	do command -v "$$name" && break; done

.PHONY: help app train test test-all check format bench fuzz lock locked pretrained base screenshots browser clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

app: $(VENV)/app.installed ## chat in the browser; MODEL=folder or user/name, REVISION=, PORT=
	$(strip $(RUN) app.py $(SERVED) $(ARGS))

train: $(VENV)/training.installed $(if $(CORPUS),,$(REFERENCE)) ## teach a text: CORPUS=file MINUTES=5
	$(strip $(RUN) -m training "$(or $(CORPUS),$(REFERENCE))" --minutes $(MINUTES) $(ARGS))

test: $(VENV)/dev.installed browser ## the tests, without the long ones
	$(strip $(RUN) -m pytest -m "not long" $(ARGS))

test-all: $(VENV)/dev.installed browser ## all tests, within 25 minutes
	$(strip $(RUN) -m pytest $(ARGS))

locked: $(RUN) ## install all but torch as requirements-lock.txt has it, by its hashes (Linux, Python 3.11)
	$(INSTALL) --require-hashes --no-deps -r requirements-lock.txt

lock: $(VENV)/dev.installed ## write requirements-lock.txt anew from the requirements
	$(INSTALL) pip-tools==7.6.2
	$(RUN) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links --output-file $@.tmp requirements-dev.txt
	{ echo "# All that requirements-dev.txt brings on Linux with Python 3.11, but torch, whose file depends on"; \
	  echo "# the machine. Written by make lock; CI installs it with --require-hashes."; \
	  sed '/^torch==/,/[^\\]$$/d' $@.tmp; } > requirements-lock.txt
	rm $@.tmp

check: $(VENV)/dev.installed ## format, lint and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

format: $(VENV)/dev.installed ## mend what ruff can mend
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: $(VENV)/dev.installed ## one script a claim, each with a ratio to a peer
	@set -e; for script in $$(grep -l __main__ benchmarks/*.py); do \
	  name=$$(basename "$$script" .py); echo "== $$name"; $(RUN) -m "benchmarks.$$name"; done

# What the bundled model was made with; its config.json says the same (a test compares them). Its steps are
# what 30 minutes choose on two cores with AVX-512 and bfloat16, which take about 17 for them.
PRETRAINED = --steps 7843 --hidden_size 768 --teachers 1 --threads 1 --title Shakespeare --language en \
  --license mit --credit "William Shakespeare; gathered as tiny Shakespeare by Andrej Karpathy (char-rnn, 2015)"

# What model/base was made with, of a text that isn't here; its card names the sources.
BASE = --steps 20000 --hidden_size 640 --held_out 0.02 --min_count 30 --dialogue off --init_from none \
  --threads 1 --precision bfloat16 --patience 0 --language en --license mit

fuzz: $(VENV)/dev.installed ## hostile input for ten minutes; the result goes into docs/security.md
	$(RUN) -m tests.fuzz $(ARGS)

pretrained: $(VENV)/training.installed ## train the bundled model again: CORPUS=tinyshakespeare.txt
	@test -n "$(CORPUS)" || { echo "Name the text: make pretrained CORPUS=tinyshakespeare.txt" >&2; exit 1; }
	if [ -f runs/pretrained/settings.json ]; then $(RUN) -m training --resume runs/pretrained; \
	  else $(RUN) -m training "$(CORPUS)" --output runs/pretrained $(PRETRAINED); fi
	rm -rf model/pretrained
	cp -R runs/pretrained/model model/pretrained

base: $(VENV)/training.installed ## train the base of short texts: CORPUS=english.txt CREDIT="whose text it is"
	@test -n "$(CORPUS)" || { echo "Name the text: make base CORPUS=english.txt" >&2; exit 1; }
	if [ -f runs/base/settings.json ]; then $(RUN) -m training --resume runs/base; \
	  else $(RUN) -m training "$(CORPUS)" --output runs/base $(BASE) $(if $(CREDIT),--credit "$(CREDIT)"); fi
	rm -rf model/base
	cp -R runs/base/model model/base

screenshots: $(VENV)/dev.installed browser ## take the README's picture again
	$(RUN) -m pytest -q tests/browser/pictures.py

browser:
	@$(FIND_CHROMIUM) >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y --no-install-recommends chromium; \
	  fi; \
	  $(FIND_CHROMIUM) >/dev/null || echo "Chromium is missing, so the tests in a browser are left" \
	    "out: install chromium or google-chrome, or name one with CHROMIUM=/path/to/it." >&2; }

clean: ## remove the environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each environment builds on the one before, so that `make -j` never installs two at once.
$(VENV)/app.installed: requirements-app.txt $(RUN)
	$(INSTALL) -r requirements-app.txt
	@touch $@

$(VENV)/training.installed: requirements.txt $(VENV)/app.installed
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/dev.installed: requirements-dev.txt $(VENV)/training.installed
	$(INSTALL) -r requirements-dev.txt
	@touch $@

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "CharLSTM needs Python 3.11 or newer, and '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo missing)." \
	    "Install one, or name the one you have: make PYTHON=python3.12 app" >&2; exit 1; }
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(RUN) --version >/dev/null 2>&1 || $(RUN) -m ensurepip || { \
	  rm -rf $(VENV); \
	  echo "'$(PYTHON)' has no pip. Install it first (Debian, Ubuntu: python3-pip)." >&2; exit 1; }

# Real text that every Python brings along: its own language reference.
$(REFERENCE): | $(RUN)
	@mkdir -p $(@D)
	@$(RUN) -c 'from pathlib import Path; from pydoc_data.topics import topics; \
	Path("$@.tmp").write_text("\n".join(topics[name] for name in sorted(topics)), encoding="utf-8")'
	@mv $@.tmp $@
