/* Tasmota's TLS for MQTT, around Debian's BearSSL: one cipher suite, and an identity from the two lines of its console
 * (xdrv_02_9_mqtt.ino). It asks a broker on 127.0.0.1 to let it in.
 *
 *   tasmota PORT HOST ROOT.der < tasmota.txt     prints "accepted", or BearSSL's error */
#include <arpa/inet.h>
#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static unsigned char dn[1024];
static size_t dn_size;

static void add_dn(void *unused, const void *data, size_t size) {
    (void)unused;
    memcpy(dn + dn_size, data, size);
    dn_size += size;
}

static int receive(void *fd, unsigned char *data, size_t size) {
    ssize_t got = read(*(int *)fd, data, size);
    return got > 0 ? (int)got : -1;
}

static int transmit(void *fd, const unsigned char *data, size_t size) {
    ssize_t sent = send(*(int *)fd, data, size, MSG_NOSIGNAL);
    return sent > 0 ? (int)sent : -1;
}

/* decode_base64 returns how many bytes a text stands for. */
static size_t decode_base64(const char *text, unsigned char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0;
    size_t size = 0;
    for (const char *at; *text && (at = strchr(digits, *text)); text++) {
        bits = bits << 6 | (unsigned)(at - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[size++] = (unsigned char)(bits >> count);
        }
    }
    return size;
}

/* read_line reads what follows the name of a setting on the next line. */
static size_t read_line(const char *setting, unsigned char *out) {
    char name[16], text[1024];
    if (scanf("%15s %1023s", name, text) != 2 || strcmp(name, setting)) {
        fprintf(stderr, "no %s\n", setting);
        exit(2);
    }
    return decode_base64(text, out);
}

static br_x509_trust_anchor read_root(const char *name) {
    static br_x509_decoder_context decoder;
    static unsigned char der[4096];
    FILE *file = fopen(name, "rb");
    size_t size = file ? fread(der, 1, sizeof der, file) : 0;
    br_x509_decoder_init(&decoder, add_dn, NULL);
    br_x509_decoder_push(&decoder, der, size);
    br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
    if (!key) {
        fprintf(stderr, "root: error %d\n", br_x509_decoder_last_error(&decoder));
        exit(2);
    }
    return (br_x509_trust_anchor){{dn, dn_size}, BR_X509_TA_CA, *key};
}

int main(int count, char **words) {
    static br_ssl_client_context client;
    static br_x509_minimal_context x509;
    static unsigned char buffer[BR_SSL_BUFSIZE_BIDI], scalar[800], der[800];
    static const uint16_t suite = BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    if (count != 4) {
        return 2;
    }
    br_ec_private_key key = {BR_EC_secp256r1, scalar, read_line("TLSKey1", scalar)};
    br_x509_certificate chain = {der, read_line("TLSKey2", der)};
    br_x509_trust_anchor root = read_root(words[3]);
    br_ssl_client_init_full(&client, &x509, &root, 1);
    br_ssl_engine_set_suites(&client.eng, &suite, 1);
    br_x509_minimal_set_time(&x509, time(NULL) / 86400 + 719528, time(NULL) % 86400); /* days since the year 0 */
    br_ssl_engine_set_buffer(&client.eng, buffer, sizeof buffer, 1);
    br_ssl_client_set_single_ec(&client, &chain, 1, &key, BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
                                br_ecdsa_sign_asn1_get_default());
    br_ssl_client_reset(&client, words[2], 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("connect");
        return 2;
    }
    br_sslio_context io;
    br_sslio_init(&io, &client.eng, receive, &fd, transmit, &fd);
    static const char hello[] = "\x10\x13\0\4MQTT\4\2\0\x3c\0\7tasmota"; /* MQTT 3.1.1, section 3.1 */
    unsigned char answer[4] = {0};
    if (br_sslio_write_all(&io, hello, sizeof hello - 1) || br_sslio_flush(&io) || br_sslio_read_all(&io, answer, 4) || answer[3]) {
        printf("error %d, answer %d\n", br_ssl_engine_last_error(&client.eng), answer[3]);
        return 1;
    }
    puts("accepted");
    return 0;
}
