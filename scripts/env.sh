# shellcheck shell=bash
# Sourced by the scripts: where things are, and how a stage reports itself. Sets no option of the shell, starts nothing.
SPARSWEEP_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SPARSWEEP_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/sparsweep
SPARSWEEP_DATA=${SPARSWEEP_DATA:-$HOME/.local/share/sparsweep}
SPARSWEEP_PYTHON=$SPARSWEEP_CACHE/python/bin/python
export SPARSWEEP_ROOT SPARSWEEP_CACHE SPARSWEEP_DATA SPARSWEEP_PYTHON
export CCACHE_DIR=$SPARSWEEP_CACHE/ccache CCACHE_BASEDIR=$SPARSWEEP_ROOT CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
export npm_config_cache=$SPARSWEEP_CACHE/npm npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
[ ! -x "$SPARSWEEP_CACHE/node/bin/node" ] || PATH=$SPARSWEEP_CACHE/node/bin:$PATH
export PATH

# say TEXT: one progress line with the time since the first script started.
SPARSWEEP_STARTED=${SPARSWEEP_STARTED:-$(date +%s)}
export SPARSWEEP_STARTED
say() {
  local seconds=$(($(date +%s) - SPARSWEEP_STARTED))
  printf '[%3d:%02d] %s\n' $((seconds / 60)) $((seconds % 60)) "$*"
}

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# logged NAME COMMAND ...: runs quietly into a log file, whose end is shown if the command fails.
logged() {
  local log=$SPARSWEEP_CACHE/logs/$1.log
  shift
  mkdir -p "${log%/*}"
  "$@" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    fail "failed: $* (all of it in $log)"
  }
}

# at_least VERSION WANTED: both dotted numbers.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}
