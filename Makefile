# GNU make and a POSIX shell; on Windows: WSL. Settings, on the command line or in the environment:
#   PYTHON            the interpreter that .venv is made from, 3.11 or later
#   UV_TORCH_BACKEND  which build of torch uv installs: cpu, cu128, auto, ...
#   PIP_FIND_LINKS    folders with wheels that lie on this machine

PYTHON ?= python3
BIN := .venv/bin
TEMPLATE := {{cookiecutter.project_slug}}
# Python without Jinja; the rest is checked in the projects that tests/ bakes.
CODE := docs hooks tests benchmarks '$(TEMPLATE)/src'
# The engine meets the rules of the last stage.
ENGINE := --config ruff-engine.toml '$(TEMPLATE)/vendor'
DEMO := demo/my-research
FIRST := runs/first_model
CURVES := $(FIRST)/figures/learning_curves.png
SWEEP := $(DEMO)/runs/sweeps/mnist1d_table
# Baking needs cookiecutter alone; testing needs all that a baked project installs.
CAN_BAKE := .venv/.can-bake
READY := .venv/.ready

comma := ,
empty :=
space := $(empty) $(empty)
ifneq ($(strip $(PIP_FIND_LINKS)),)
  # pip separates several folders by spaces, uv by commas.
  export UV_FIND_LINKS ?= $(subst $(space),$(comma),$(strip $(PIP_FIND_LINKS)))
endif

# Which installer: uv from the PATH, else the one in .venv, else pip. uv installs into VIRTUAL_ENV.
export VIRTUAL_ENV := $(CURDIR)/.venv
PIP = if uv --version >/dev/null 2>&1; then pip="uv pip"; elif [ -x $(BIN)/uv ]; \
	then pip="$(BIN)/uv pip"; else pip="$(BIN)/python -m pip"; fi; $$pip
# Makes .venv; without uv on the PATH it gets one of its own, or does without.
# What could not be made is removed again, unless something was there before.
VENV = [ -e .venv ] && new= || new=yes; \
	if uv --version >/dev/null 2>&1; then uv venv --quiet --seed --allow-existing --python '$(PYTHON)' .venv; \
	else $(PYTHON) -m venv .venv && { $(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || \
	  echo "Without uv: pip installs, and names the size of each file."; }; fi || { [ -z "$$new" ] || rm -rf .venv; exit 1; }
# What is about to be downloaded: uv knows the size of each file. pip alone names it file by file, while it downloads.
SIZE = awk '/^\[\[packages/ { total += size; size = wheel = 0; count++ } \
	/size = / && !wheel { match($$0, /size = [0-9]+/); size = substr($$0, RSTART + 7, RLENGTH - 7); wheel = !/^sdist/ } \
	END { total += size; if (!count) exit; \
	  printf "To download: %d packages, %.0f MB, minus what uv has in its cache.\n", count, total / 1e6; \
	  if (total > 2e9) print "Most of it is for GPUs. Without one, stop and put UV_TORCH_BACKEND=cpu before make." }'

.DEFAULT_GOAL := help
.PHONY: help setup test demo docs gallery site lint format bench bake try clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## create .venv with everything that the tests need

$(CAN_BAKE): constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Hyperplane needs Python 3.11 or later, and '$(PYTHON)' is not." >&2; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@[ -x $(BIN)/pip ] || { $(VENV); } # the last file of a new environment: it may have been interrupted
	@$(PIP) install --quiet --constraint constraints.txt cookiecutter
	@touch $@

$(READY): constraints.txt | $(CAN_BAKE)
	@$(PIP) compile --quiet --format pylock.toml constraints.txt 2>/dev/null | $(SIZE)
	@$(PIP) install --requirement constraints.txt
	@touch $@

test: $(READY) ## generate projects with every answer; check, test and train in them
	$(BIN)/python -m pytest

# Baked again when the template has changed since; otherwise its environment and runs are reused.
bake: $(CAN_BAKE) ## create a project in demo/, with the default answers
	@[ -f demo/.baked ] && [ -z "$$(find cookiecutter.json hooks '$(TEMPLATE)' -newer demo/.baked)" ] || { \
	  rm -rf demo && mkdir demo && touch demo/.begun && \
	  $(BIN)/cookiecutter --no-input --default-config --output-dir demo . >/dev/null && \
	  mv demo/.begun demo/.baked && echo "Created: $(DEMO)"; }

# What is not rendered, the engine and the Python under src/, becomes a link: edited in try/project, it is edited here.
# Not __init__.py, which says where the project is. The links are committed, so that git names what is not linked.
LINK = rm -rf vendor && ln -s '$(CURDIR)/$(TEMPLATE)/vendor' vendor && cd src/* && find . -name '*.py' \
	! -path ./__init__.py -exec ln -sf '$(CURDIR)/$(TEMPLATE)/src/{{cookiecutter.package_name}}/{}' {} \;
COMMIT = git add --all && git -c user.name=make -c user.email=make@localhost -c commit.gpgsign=false \
	-c core.hooksPath=/dev/null commit --quiet --message 'Link what is not rendered'

# Answers and tests of your choice: make try ANSWERS='stage=product hardware=gpu' TESTS=tests/models/test_svm.py
try: $(READY) ## generate try/project from the working tree, linked to it, and check it: ruff, imports, mypy, TESTS
	@rm -rf try/new && mkdir -p try/new
	@$(BIN)/cookiecutter --no-input --default-config --output-dir try/new . $(ANSWERS) >/dev/null
	@[ ! -d try/project/.mypy_cache ] || mv try/project/.mypy_cache try/new/*/ # or mypy reads torch's types again
	@[ ! -d try/project ] || [ -z "$$(git -C try/project status --porcelain)" ] || { rm -rf try/edited; \
	  mv try/project try/edited; echo "Files of try/project that are rendered had been edited, in try/edited now:"; \
	  git -C try/edited status --porcelain; echo "Bring that into the template by hand."; }
	@rm -rf try/project && mv try/new/* try/project && rmdir try/new
	@cd try/project && ($(LINK)) && $(COMMIT)
	cd try/project && '$(CURDIR)/$(BIN)/ruff' check --quiet && '$(CURDIR)/$(BIN)/ruff' format --check --quiet
	cd try/project && PYTHONPATH=src:vendor '$(CURDIR)/$(BIN)/lint-imports' --no-cache --no-logo
	cd try/project && '$(CURDIR)/$(BIN)/mypy'
	$(if $(TESTS),cd try/project && PYTHONPATH='$(CURDIR)/try/project/src:$(CURDIR)/try/project/vendor' \
	  '$(CURDIR)/$(BIN)/python' -m pytest -q $(TESTS))

# The first model is trained until there is its picture; the table continues where it was stopped.
demo: bake ## create a project, train a first model within a minute, then four models on two data sets, and show the table
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C $(DEMO) setup
	@[ -f $(DEMO)/$(CURVES) ] || { cd $(DEMO) && rm -rf $(FIRST) && $(BIN)/train model=mlp hydra.run.dir=$(FIRST); }
	@echo; echo "A first model is trained. Its learning curves: $(DEMO)/$(CURVES)"
	@echo "Next: four models on two data sets, with two seeds each. Two idle cores take about a minute, busy ones more."; echo
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C $(DEMO) table
	@echo; echo "The project:              $(DEMO)"
	@echo "The first model:          $(DEMO)/$(FIRST)/figures"
	@echo "The table on one page:    $(SWEEP)/report/report.html"
	@echo "Each of the 16 models:    $(SWEEP)"

docs: demo ## run the demo and copy its chart to docs/
	@mkdir -p docs
	cp $(SWEEP)/report/chart.png docs/mnist1d_table.png

gallery: bake ## train a few small models and redraw the figures of docs/gallery.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C $(DEMO) setup
	cd $(DEMO) && $(BIN)/python '$(CURDIR)/docs/gallery.py'

site: $(READY) ## build the site in site/: all pages, commands and models
	@$(PIP) install --quiet --constraint constraints.txt --requirement docs/requirements.txt
	cd docs && '$(CURDIR)/$(BIN)/python' -m site_builder ../site
	@echo "Open site/index.html in a browser."

lint: $(READY) ## check style, formatting, imports and types of the template's own code
	$(BIN)/ruff check --config pyproject.toml $(CODE)
	$(BIN)/ruff format --config pyproject.toml --check $(CODE)
	$(BIN)/ruff check $(ENGINE)
	$(BIN)/ruff format --check $(ENGINE)
	PYTHONPATH='$(TEMPLATE)/vendor' $(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy
	$(BIN)/mypy --config-file mypy-engine.ini

format: $(READY) ## fix style and formatting automatically
	$(BIN)/ruff check --config pyproject.toml --fix $(CODE)
	$(BIN)/ruff format --config pyproject.toml $(CODE)
	$(BIN)/ruff check --fix $(ENGINE)
	$(BIN)/ruff format $(ENGINE)

# Only some rows, or quickly: make bench BENCH='--only step cfg', make bench BENCH=--quick
bench: $(READY) ## measure the costs against plain PyTorch, and write docs/benchmarks.md: half an hour
	$(BIN)/python benchmarks/bench.py $(BENCH)

clean: ## remove .venv, demo/, site/ and caches
	rm -rf .venv demo site try .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -exec rm -rf {} +
