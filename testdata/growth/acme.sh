#!/usr/bin/env bash
# Runs step-ca with Caddy as its ACME client, and Caddy with its own CA, from the files that picoca delegate wrote and the
# commands that docs/growth.md has, in namespaces of its own:
#   unshare --net --mount --pid --fork --kill-child acme.sh PICOCA STEP-CA CADDY PROJECT WORK
# WORK/store is a CA, WORK/acme and WORK/internal are what it delegated. Clients that have only the root accept what is issued;
# no one takes it for an identity; once the CA is revoked, clients that read the lists refuse it.
set -euo pipefail
picoca=$1 step=$2 caddy=$3 project=$4 work=$5
export PICOCA_HOME=$work/store HOME=$work XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
cd "$work"
ip link set lo up
printf '127.0.0.1 %s\n' localhost ca.home.arpa nas.home.arpa nas.local www.example.com door.home.arpa >hosts
mount --bind hosts /etc/hosts
printf 'hosts: files\n' >nsswitch # the system may look at other places first
mount --bind nsswitch /etc/nsswitch.conf
# Whatever goes wrong, no program can make this machine trust it.
mount --bind /etc/ssl /etc/ssl && mount -o remount,bind,ro /etc/ssl
mount -t tmpfs -o ro tmpfs /usr/local/share/ca-certificates
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT

say() { echo "== $*"; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

until_true() {
  for _ in $(seq 3000); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  fail "never true: $*"
}

# refuses PATTERN COMMAND...: the command fails, and says why.
refuses() {
  local pattern=$1 out
  shift
  if out=$("$@" 2>&1); then fail "accepted: $*: $out"; fi
  grep -qi -- "$pattern" <<<"$out" || fail "no $pattern in: $out"
}

works() { [ "$("$@")" = 'It works.' ] || fail "no page: $*"; }

served() { [ "$(curl -sf --cacert root.crt "https://$1/")" = 'It works.' ]; }

serve() { # Caddyfile LOG
  "$caddy" run --config "$1" >"$2" 2>&1 &
  site=$!
  pids+=("$site")
}

stop() {
  kill "$site"
  wait "$site" || true
}

# site NAME CHALLENGE-TO-SWITCH-OFF: the Caddyfile of clients.txt, for that name.
site() {
  {
    printf '{\n\tadmin off\n}\n'
    sed -n '/^# Caddyfile/,/^# acme.sh/p' acme/clients.txt | sed "/^#/d; s,/etc/caddy/root.crt,$work/acme/root.crt,; s,^nas.home.arpa,$1,; s,^\(\t*\)dir .*,&\n\1disable_$2_challenge,"
  } >"Caddyfile-$1"
  serve "Caddyfile-$1" "caddy-$1.log"
}

# A Chromium with an empty store, or one that trusts the root.
chromium_shows() { # NAME STORE
  env -u XDG_DATA_HOME -u XDG_CONFIG_HOME HOME="$work/$2" chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --user-data-dir="$work/$2/profile" --timeout=300000 --dump-dom "https://$1/" 2>>"$work/$2/log" | grep -o 'It works\.'
}

new_store() { # STORE
  mkdir -p "$1/.local/share/pki/nssdb"
  certutil -N --empty-password -d "sql:$1/.local/share/pki/nssdb"
}

new_store trusting
certutil -A -n root -t C,, -i acme/root.crt -d "sql:trusting/.local/share/pki/nssdb"
new_store empty
cp acme/root.crt root.crt
keytool -importcert -noprompt -storepass changeit -alias root -file root.crt -keystore trust.p12 -storetype PKCS12 2>/dev/null
mkdir classes
javac -d classes "$project/e2e/formats/testdata/java/Visit.java"

java_shows() { java -cp classes -Djavax.net.ssl.trustStore="$1" -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit Visit "https://$2/"; }

keytool -genkeypair -keyalg EC -storepass changeit -alias other -dname CN=other -keystore strangers.p12 -storetype PKCS12 2>/dev/null
keytool -exportcert -storepass changeit -alias other -keystore strangers.p12 -file other.der 2>/dev/null
keytool -importcert -noprompt -storepass changeit -alias other -file other.der -keystore stranger.p12 -storetype PKCS12 2>/dev/null

# accepted NAME: by all that have only the root, and by none without.
accepted() {
  say "$1 is accepted by curl, Chromium and Java"
  works curl -sS --cacert root.crt "https://$1/"
  refuses 'self-signed\|unable to get local issuer' curl -sS "https://$1/"
  works chromium_shows "$1" trusting
  if chromium_shows "$1" empty; then fail "Chromium without the root accepts $1"; fi
  works java_shows trust.p12 "$1"
  refuses 'unable to find valid certification path' java_shows stranger.p12 "$1"
}

# A server that lets in only identities.
cat >nginx.conf <<END
daemon off;
error_log $work/nginx.log info;
pid $work/nginx.pid;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:8443 ssl;
    ssl_certificate $work/door/cert.pem;
    ssl_certificate_key $work/door/key.pem;
    ssl_client_certificate $work/root.crt;
    ssl_verify_client on;
    ssl_verify_depth 3;
    location / { return 200 'It works.'; }
  }
}
END
nginx -t -q -c "$work/nginx.conf"
nginx -c "$work/nginx.conf" >nginx.out 2>&1 &
pids+=($!)
enters() { curl -sS --cacert root.crt --cert "$1" --key "$2" https://door.home.arpa:8443/; }
until_true enters tablet/cert.pem tablet/key.pem >entered 2>nginx-waited

# no_identity CERTIFICATE: with its chain, and its key beside it.
no_identity() {
  say "$1 is no identity"
  works enters tablet/cert.pem tablet/key.pem
  enters "$1" "${1%.crt}.key" | grep -q '400 The SSL certificate error' || fail "nginx lets in $1"
  openssl verify -purpose sslserver -CAfile root.crt -untrusted "$1" "$1"
  refuses 'unsupported certificate purpose\|unsuitable certificate purpose' openssl verify -purpose sslclient -CAfile root.crt -untrusted "$1" "$1"
}

picoca() { "$picoca" "$@"; }

# documented FOLDER: runs the commands of the document that make the lists, in the CA's folder.
documented() {
  local commands
  commands=$(sed -n '/^### When a delegated CA is revoked/,/^### A root/s/^\$ //p' "$project/docs/growth.md" | grep -v '^curl ')
  [ -e "$1/password" ] || commands=${commands/-passin file:password /}
  [ "$(wc -l <<<"$commands")" = 4 ] || fail "the document has other commands: $commands"
  (cd "$1" && eval "$commands")
}

# revoked CA FOLDER NAME CERTIFICATE: before and after.
revoked() {
  say "$1 is revoked"
  local curl=(curl -sS --cacert root.crt) verify=(openssl verify -crl_check_all -CRLfile "$2/crls.pem" -CAfile root.crt -untrusted "$4" "$4")
  local gnutls=(gnutls-cli --x509cafile root.crt --x509crlfile "$2/picoca-crl.pem" "$3")
  documented "$2"
  works "${curl[@]}" --crlfile "$2/crls.pem" "https://$3/"
  refuses 'unable to get certificate CRL' "${curl[@]}" --crlfile "$2/picoca-crl.pem" "https://$3/"
  "${verify[@]}"
  "${gnutls[@]}" </dev/null >gnutls.log
  picoca revoke "$1"
  documented "$2"
  refuses 'certificate revoked' "${curl[@]}" --crlfile "$2/crls.pem" "https://$3/"
  refuses 'certificate revoked' "${verify[@]}"
  refuses 'chain is revoked' "${gnutls[@]}"
  works "${curl[@]}" "https://$3/" # reads no list
}

"$step" "$work/acme/ca.json" --password-file "$work/acme/password" >step.log 2>&1 &
pids+=($!)
until_true curl -sf --cacert root.crt -o directory https://ca.home.arpa:9443/acme/acme/directory

site www.example.com http
until_true grep -qE 'rejectedIdentifier|not permitted|not allowed|badCSR|serverInternal' caddy-www.example.com.log
if served www.example.com; then fail 'step-ca issues for www.example.com'; fi
stop

site nas.local tlsalpn
until_true served nas.local
stop
site nas.home.arpa http
until_true served nas.home.arpa
issued=$work/data/caddy/certificates/ca.home.arpa-9443-acme-acme-directory
for name in nas.local nas.home.arpa; do no_identity "$issued/$name/$name.crt"; done
accepted nas.home.arpa
revoked step-ca acme nas.home.arpa "$issued/nas.home.arpa/nas.home.arpa.crt"
stop

serve internal/Caddyfile internal.log
until_true served nas.home.arpa
no_identity "$work/data/caddy/certificates/local/nas.home.arpa/nas.home.arpa.crt"
accepted nas.home.arpa
revoked caddy internal nas.home.arpa "$work/data/caddy/certificates/local/nas.home.arpa/nas.home.arpa.crt"
say done
