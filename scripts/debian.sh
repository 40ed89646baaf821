# shellcheck shell=bash
# For scripts that make a bare Debian 12: they define die.

# The machine's own mirrors, but always Debian 12.
sources() {
  local uri origin label key=/usr/share/keyrings/debian-archive-keyring.gpg
  # shellcheck disable=SC2016 # apt replaces these
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' | sort -u | while read -r uri origin label; do
    case "$origin $label" in
    'Debian Debian') echo "deb [signed-by=$key] $uri bookworm main" ;;
    'Debian Debian-Security') echo "deb [signed-by=$key] $uri bookworm-security main" ;;
    esac
  done
}

# Only how the machine reaches its mirrors: proxies, certificates, checks.
apt_options() {
  apt-config dump --format '%f "%v";%n' | grep -E '^Acquire::(https?::|ftp::|Check-|Force|Retries)' || true
}

# bare_debian ROOT WORK makes a minimal root file system in the folder ROOT. WORK is
# a folder for its settings.
bare_debian() {
  sources >"$2/sources.list"
  [ -s "$2/sources.list" ] || die "no Debian mirror in apt's lists: run apt-get update"
  apt_options >"$2/apt.conf"
  # Nothing there has to outlive a power cut.
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$2/apt.conf" --dpkgopt=force-unsafe-io bookworm "$1" "$2/sources.list"
}
