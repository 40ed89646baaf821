/* Judges a chain with mbedTLS: server|client ROOT CHAIN [CRL]. Exit status 0
 * if it is good, 1 if not, 2 if a file is not loaded. */
#include <stdio.h>
#include <string.h>
#include "mbedtls/oid.h"
#include "mbedtls/x509_crl.h"
#include "mbedtls/x509_crt.h"

static int loaded(const char *file, int status)
{
    if (status != 0) {
        fprintf(stderr, "%s: -0x%04x\n", file, -status);
    }
    return status == 0;
}

static int check(mbedtls_x509_crt *chain, mbedtls_x509_crt *root, mbedtls_x509_crl *crl, const char *oid, size_t size)
{
    uint32_t flags = 0;
    char text[1024];

    if (mbedtls_x509_crt_verify(chain, root, crl, NULL, &flags, NULL, NULL) != 0) {
        mbedtls_x509_crt_verify_info(text, sizeof text, "", flags);
        fputs(text, stderr);
        return 1;
    }
    return mbedtls_x509_crt_check_extended_key_usage(chain, oid, size) != 0;
}

int main(int argc, char **argv)
{
    mbedtls_x509_crt root, chain;
    mbedtls_x509_crl crl;

    if (argc < 4) {
        return 2;
    }
    mbedtls_x509_crt_init(&root);
    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crl_init(&crl);
    if (!loaded(argv[2], mbedtls_x509_crt_parse_file(&root, argv[2])) ||
        !loaded(argv[3], mbedtls_x509_crt_parse_file(&chain, argv[3])) ||
        (argc > 4 && !loaded(argv[4], mbedtls_x509_crl_parse_file(&crl, argv[4])))) {
        return 2;
    }
    if (strcmp(argv[1], "client") == 0) {
        return check(&chain, &root, &crl, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));
    }
    return check(&chain, &root, &crl, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH));
}
