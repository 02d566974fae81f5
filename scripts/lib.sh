# Sourced by the scripts beside it: how they say what is missing, and how they install from the distribution.

# missing WHAT: says it in one line. With SOUK_REQUIRE_ALL that ends the run; else the caller goes on without.
missing() {
  echo "souk: $1" >&2
  if [ -n "${SOUK_REQUIRE_ALL:-}" ]; then exit 1; fi
}

# apt_install PACKAGE: installs it where it may, quietly; fails where it may not.
apt_install() {
  command -v apt-get >/dev/null || return 1
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
    sudo=(sudo -n)
  fi
  echo "souk: installing $1 with apt-get" >&2
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -qq update && apt-get -qq install -y --no-install-recommends $1" >/dev/null 2>&1
}
