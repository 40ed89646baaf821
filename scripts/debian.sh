# shellcheck shell=bash
# For scripts that make a bare Debian: they define die.

# sources SUITE prints the machine's own mirrors, but always for that suite.
sources() {
  local uri origin label key=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC2016 # apt replaces these
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' | sort -u | while read -r uri origin label; do
    case "$origin $label" in
    'Debian Debian') echo "deb [signed-by=$key] $uri $1 main" ;;
    'Debian Debian-Security') echo "deb [signed-by=$key] $uri $1-security main" ;;
    esac
  done
}

# Only how the machine reaches its mirrors: proxies, certificates, checks.
apt_options() {
  apt-config dump --format '%f "%v";%n' | grep -E '^Acquire::(https?::|ftp::|Check-|Force|Retries)' || true
}

# bare_debian ROOT WORK [SUITE [OPTION ...]] makes a minimal root file system in the
# folder ROOT, of Debian 12 or another suite. WORK is a folder for its settings,
# options are for mmdebstrap.
bare_debian() {
  local suite=${3:-bookworm}
  sources "$suite" >"$2/sources.list"
  [ -s "$2/sources.list" ] || die "no Debian mirror in apt's lists: run apt-get update"
  apt_options >"$2/apt.conf"
  # Nothing there has to outlive a power cut.
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$2/apt.conf" --dpkgopt=force-unsafe-io "${@:4}" "$suite" "$1" "$2/sources.list"
}
