// Loads a certificate and its key as uhttpd's ustream-ssl does with mbedTLS:
// mbedtls_x509_crt_parse_file, mbedtls_pk_parse_keyfile, and whether they
// belong together. Prints the number of certificates in the file.
#include <stdio.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

int main(int argc, char **argv) {
  mbedtls_x509_crt crt;
  mbedtls_pk_context key;
  int n = 0, err;
  if (argc != 3) return 2;
  mbedtls_x509_crt_init(&crt);
  mbedtls_pk_init(&key);
  if ((err = mbedtls_x509_crt_parse_file(&crt, argv[1])) != 0) return printf("certificate: -0x%04x\n", -err), 1;
  if ((err = mbedtls_pk_parse_keyfile(&key, argv[2], NULL)) != 0) return printf("key: -0x%04x\n", -err), 1;
  if ((err = mbedtls_pk_check_pair(&crt.pk, &key)) != 0) return printf("pair: -0x%04x\n", -err), 1;
  for (mbedtls_x509_crt *c = &crt; c; c = c->next) n++;
  return printf("%d\n", n), 0;
}
