# Sourced by other scripts: hands pip's configuration on to uv.
# shellcheck shell=bash

# Prints what pip would use for one setting: its environment variable, else [install], else [global].
pip_setting() {
    awk -v name="$1" -v quote="'" '
        {
            at = index($0, "=")
            rank = 0
            if (substr($0, 1, at - 1) == ":env:." name) rank = 3
            if (substr($0, 1, at - 1) == "install." name) rank = 2
            if (substr($0, 1, at - 1) == "global." name) rank = 1
            if (rank > best) { best = rank; value = substr($0, at + 1) }
        }
        END { gsub(quote, "", value); gsub(/\\n/, " ", value); sub(/^ +/, "", value); print value }
    ' <<<"$settings"
}

# uv does not read pip's configuration: whoever set up a mirror for pip means it for uv as well.
# The argument is a Python that has pip.
use_pip_settings() {
    local settings
    settings=$("$1" -m pip config list)
    local index extra links cert timeout
    index=$(pip_setting index-url)
    extra=$(pip_setting extra-index-url)
    links=$(pip_setting find-links)
    cert=$(pip_setting cert)
    timeout=$(pip_setting default-timeout)
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"; fi
    if [ -n "$links" ]; then export UV_FIND_LINKS="${UV_FIND_LINKS:-${links// /,}}"; fi
    if [ -n "$cert" ]; then export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"; fi
    if [ -n "$timeout" ]; then export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-$timeout}"; fi
    if [ -n "$extra" ]; then
        export UV_INDEX="${UV_INDEX:-$extra}"
        # What pip does with several indexes; safe here, as every file must match a hash in the lock.
        export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
    fi
}
