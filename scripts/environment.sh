# shellcheck shell=bash
# For the other scripts, which source this file. It goes to the root of the project, and
# offers `environment`. Each script thus works from any directory.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PYRIGHT_PYTHON_IGNORE_WARNINGS=1 # else pyright asks the network for its newest version

# environment NAME PIP-ARGUMENT... makes the virtual environment .venv-NAME with what the
# arguments install, unless it is there already, and lets $bin name the folder of its
# commands. PYTHON=python3.12 chooses another interpreter.
environment() {
    local folder=$root/.venv-$1 python=${PYTHON:-python3} wanted
    shift
    bin=$folder/bin
    wanted=$("$python" --version && printf '%s\n' "$@" && cat pyproject.toml relay_proto/_version.py)
    if [[ -x $bin/python && -f $folder/wanted && $(<"$folder/wanted") == "$wanted" ]]; then
        return
    fi
    "$python" -m venv --clear "$folder"
    "$bin/python" -m pip install -q "$@"
    printf '%s\n' "$wanted" >"$folder/wanted"
}

# node_sdk FOLDER PACKAGE@VERSION installs a package for Node into a folder of its own below
# $sdks, and Debian's Node if there is none.
sdks=$root/.venv-sdks
node_sdk() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        command -v apt-get >/dev/null || fail 'install Node and npm, for the SDKs for Node'
        apt-get update -q && apt-get install -qy --no-install-recommends nodejs npm
    fi
    if [[ ! -d $sdks/$1/node_modules ]]; then
        npm install --prefix "$sdks/$1" --no-audit --no-fund --silent --ignore-scripts "$2"
    fi
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}
