/* Parses a file as the ESP32 Arduino core parses a text of a sketch: up to its first NUL, and that byte too.
 *
 *   parse certificate|key FILE     prints 0, or mbedTLS's error as C programs print it */
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **words) {
    static char text[16384];
    FILE *file = count == 3 ? fopen(words[2], "rb") : NULL;
    if (!file) {
        return 2;
    }
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    size_t size = strlen(text) + 1;
    int error;
    if (!strcmp(words[1], "key")) {
        mbedtls_pk_context key;
        mbedtls_pk_init(&key);
        error = mbedtls_pk_parse_key(&key, (unsigned char *)text, size, NULL, 0);
    } else {
        mbedtls_x509_crt certificate;
        mbedtls_x509_crt_init(&certificate);
        error = mbedtls_x509_crt_parse(&certificate, (unsigned char *)text, size);
    }
    printf(error ? "-0x%04X\n" : "%X\n", error < 0 ? -error : error);
    return error != 0;
}
