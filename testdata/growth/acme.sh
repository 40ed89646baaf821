#!/usr/bin/env bash
# Runs step-ca and Caddy, its ACME client, from the files that picoca delegate wrote, in a network namespace of their own:
#   acme.sh STEP-CA CADDY FOLDER WORK
# Caddy gets certificates by http-01 and by tls-alpn-01, curl accepts them with the root alone; step-ca refuses a public
# name. It leaves the certificates as WORK/NAME.pem.
set -euo pipefail
step=$1 caddy=$2 folder=$3 work=$4
ip link set lo up
printf '127.0.0.1 %s\n' localhost ca.home.arpa nas.home.arpa nas.local www.example.com >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
export HOME=$work XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
# The system may look at other places first.
printf 'hosts: files\n' >"$work/nsswitch"
mount --bind "$work/nsswitch" /etc/nsswitch.conf
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT

until_true() {
  for _ in $(seq 3000); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  echo "never true: $*" >&2
  return 1
}

cd "$folder"
"$step" "$folder/ca.json" --password-file "$folder/password" >"$work/step.log" 2>&1 &
pids+=($!)
until_true curl -sf --cacert root.crt -o "$work/directory" https://ca.home.arpa:9443/acme/acme/directory

site() { # NAME CHALLENGE-TO-SWITCH-OFF PORT
  cat >"$work/Caddyfile" <<END
{
	admin off
	acme_ca https://ca.home.arpa:9443/acme/acme/directory
	acme_ca_root $folder/root.crt
}
$1 {
	tls {
		issuer acme {
			dir https://ca.home.arpa:9443/acme/acme/directory
			trusted_roots $folder/root.crt
			disable_$2_challenge
		}
	}
	respond "It works."
}
END
  "$caddy" run --config "$work/Caddyfile" >"$work/caddy-$1.log" 2>&1 &
  site=$!
  pids+=("$site")
}

served() { [ "$(curl -sf --cacert "$folder/root.crt" "https://$1/")" = 'It works.' ]; }

for row in 'nas.local tlsalpn' 'nas.home.arpa http'; do
  read -r name off <<<"$row"
  site "$name" "$off"
  until_true served "$name"
  openssl s_client -connect 127.0.0.1:443 -servername "$name" -showcerts </dev/null 2>/dev/null >"$work/$name.pem"
  kill "$site" && wait "$site" || true
done
site www.example.com http
until_true grep -qE 'rejectedIdentifier|not permitted|not allowed|badCSR|serverInternal' "$work/caddy-www.example.com.log"
! served www.example.com
