#!/usr/bin/env bash
# Makes the certificate requests of this folder again, with OpenSSL 3: each file
# is one thing that devices and people send. The keys are thrown away.
set -euo pipefail
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
rm -f ./*.pem ./*.der

key() { openssl genpkey -out "$keys/$1" "${@:2}" 2>"$keys/log"; }
# request NAME KEY ARG...
request() { openssl req -new -batch -key "$keys/$2" -out "$1" "${@:3}" 2>"$keys/log" || { cat "$keys/log"; exit 1; }; }

key p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
key p521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
key secp256k1 -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
key explicit -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit
key ed25519 -algorithm ED25519
key rsa1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
key rsa2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
key rsa2560 -algorithm RSA -pkeyopt rsa_keygen_bits:2560
key rsa3 -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3
key pss -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048

san=subjectAltName=DNS:printer.local,IP:192.168.1.9
request p256.pem p256 -subj /CN=printer.local -addext "$san"
request p384.pem p384 -subj /CN=printer.local -addext "$san"
request rsa2048.pem rsa2048 -subj /CN=printer.local -addext "$san"
request cn-only.pem p256 -subj /CN=printer.local
request cn-address.pem p256 -subj /CN=192.168.1.9
request cn-words.pem p256 -subj "/CN=My printer"
request no-subject.pem p256 -subj /
request wildcard.pem p256 -subj /CN=x -addext "subjectAltName=DNS:*.local,DNS:*.Printer.LOCAL"
request wishes.pem p256 -subj "/C=DE/O=ACME/OU=IT/CN=printer.local/emailAddress=a@example.com" \
  -addext "subjectAltName=DNS:printer.local,DNS:bank.example.com,IP:8.8.8.8,email:root@example.com,URI:https://example.com/,otherName:1.2.3;UTF8:x,RID:1.2.3.4" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign -addext extendedKeyUsage=clientAuth -addext 1.2.3.4.5=ASN1:NULL
printf '[req]\ndistinguished_name=dn\nattributes=a\nprompt=no\n[dn]\nCN=printer.local\n[a]\nchallengePassword=secret-1234\nunstructuredName=device\n' >"$keys/attributes"
request challenge.pem p256 -config "$keys/attributes"
request new.pem p256 -subj /CN=printer.local -newhdr
request sha1.pem p256 -subj /CN=printer.local -sha1
request md5.pem rsa2048 -subj /CN=printer.local -md5
request pss.pem rsa2048 -subj /CN=printer.local -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max
request pss-key.pem pss -subj /CN=printer.local
request ed25519.pem ed25519 -subj /CN=printer.local
request e3.pem rsa3 -subj /CN=printer.local
request rsa1024.pem rsa1024 -subj /CN=printer.local
request rsa2560.pem rsa2560 -subj /CN=printer.local
request p521.pem p521 -subj /CN=printer.local
request secp256k1.pem secp256k1 -subj /CN=printer.local
request explicit.pem explicit -subj /CN=printer.local
openssl req -in p256.pem -outform DER -out p256.der
{ cat "$keys/p256"; cat p256.pem; } >key-first.pem
cp "$keys/p256" key-only.pem
openssl req -x509 -new -batch -key "$keys/p256" -subj /CN=printer.local -days 9 -out certificate.pem
