#!/usr/bin/env bash
# Makes .venv with Miracle and its pinned dependencies in it, and sees to a sandbox. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# Runs a command as root, if that needs no password; fails otherwise.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  say "Miracle needs Python 3.11 to 3.14. Install one, or name it: PYTHON=/path/to/python make setup"
  return 1
}

make_venv() {
  rm -rf .venv
  if command -v uv >/dev/null && uv venv --quiet --seed --python "$1" .venv; then return; fi
  if "$1" -m venv .venv; then return; fi
  # Debian keeps the venv module in a package of its own.
  if command -v apt-get >/dev/null && as_root apt-get install -y -q python3-venv >&2; then
    rm -rf .venv
    "$1" -m venv .venv
  else
    say "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"
    return 1
  fi
}

# The block of one package in constraints.txt: its pin and its hashes.
pin_of() { awk -v name="$1==" 'index($0, name) == 1 { on = 1 } on { print } on && !/\\$/ { exit }' constraints.txt; }

install_packages() {
  local uv=.venv/bin/uv pin
  pin=$(mktemp)
  pin_of uv >"$pin"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$pin"
  rm -f "$pin"
  UV_SYSTEM_CERTS=1 "$uv" pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r constraints.txt
  UV_SYSTEM_CERTS=1 "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

stamp_now() { { printf '%s\n' "$1" "$PWD"; cat constraints.txt pyproject.toml; } | cksum; }

see_to_sandbox() {
  [ "$(uname -s)" = Linux ] || { docker info >/dev/null 2>&1 || say "Miracle needs a Docker engine here: start one."; return; }
  if command -v bwrap >/dev/null || docker info >/dev/null 2>&1; then return; fi
  local install
  if command -v apt-get >/dev/null; then install="apt-get install -y bubblewrap"
  elif command -v dnf >/dev/null; then install="dnf install -y bubblewrap"
  elif command -v pacman >/dev/null; then install="pacman -S --noconfirm bubblewrap"
  elif command -v zypper >/dev/null; then install="zypper --non-interactive install bubblewrap"
  elif command -v apk >/dev/null; then install="apk add bubblewrap"
  else say "Install bubblewrap or a Docker engine: generated code only runs in a sandbox."; return; fi
  say "Neither bubblewrap nor a Docker engine is here; installing bubblewrap."
  # shellcheck disable=SC2086
  if as_root $install >/dev/null 2>&1; then return; fi
  if command -v apt-get >/dev/null && as_root apt-get update -q >/dev/null 2>&1 && as_root $install >/dev/null 2>&1; then return; fi
  say "Generated code only runs in a sandbox. Type this, then try again:  sudo $install"
}

python=$(find_python)
stamp=$(stamp_now "$python")
if [ "$(cat .venv/.installed 2>/dev/null)" != "$stamp" ] || ! .venv/bin/python -c '' 2>/dev/null; then
  say "Installing Miracle into .venv ..."
  make_venv "$python"
  install_packages
  printf '%s\n' "$stamp" >.venv/.installed
fi
see_to_sandbox
