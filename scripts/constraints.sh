#!/usr/bin/env bash
# Writes constraints.txt anew: every package pinned with its hashes, for all platforms and Python 3.11 to 3.14.
# Options go to uv, such as --upgrade or --upgrade-package NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file constraints.txt "$@"
