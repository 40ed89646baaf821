/* Judges a chain with BearSSL: HOST ROOT.der CHAIN.der, whose certificates follow each other. Exit status 0 if it is good; else
 * prints BearSSL's error. */
#include <bearssl.h>
#include <stdio.h>
#include <string.h>

static unsigned char dn[1024], root[4096], chain[16384];
static size_t dn_size;

static void add_dn(void *unused, const void *data, size_t size) {
    (void)unused;
    memcpy(dn + dn_size, data, size);
    dn_size += size;
}

static size_t read_file(const char *name, unsigned char *to, size_t most) {
    FILE *file = fopen(name, "rb");
    return file ? fread(to, 1, most, file) : 0;
}

/* der_size returns the bytes of a certificate that has between 256 and 65535. */
static size_t der_size(const unsigned char *der) {
    return 4 + ((size_t)der[2] << 8 | der[3]);
}

int main(int count, char **words) {
    static br_x509_decoder_context decoder;
    static br_ssl_client_context client;
    static br_x509_minimal_context x509;
    if (count != 4) {
        return 2;
    }
    br_x509_decoder_init(&decoder, add_dn, NULL);
    br_x509_decoder_push(&decoder, root, read_file(words[2], root, sizeof root));
    br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
    if (!key) {
        fprintf(stderr, "root: error %d\n", br_x509_decoder_last_error(&decoder));
        return 2;
    }
    br_x509_trust_anchor anchor = {{dn, dn_size}, BR_X509_TA_CA, *key};
    br_ssl_client_init_full(&client, &x509, &anchor, 1);
    size_t size = read_file(words[3], chain, sizeof chain);
    const br_x509_class **verifier = &x509.vtable;
    x509.vtable->start_chain(verifier, words[1]);
    for (size_t at = 0; at + 4 < size; at += der_size(chain + at)) {
        x509.vtable->start_cert(verifier, (uint32_t)der_size(chain + at));
        x509.vtable->append(verifier, chain + at, der_size(chain + at));
        x509.vtable->end_cert(verifier);
    }
    unsigned error = x509.vtable->end_chain(verifier);
    if (error) {
        fprintf(stderr, "error %u\n", error);
    }
    return error != 0;
}
